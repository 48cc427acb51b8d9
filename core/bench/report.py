"""The measurements as a Markdown table, for `tests/bench/README.md`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def table(fields: dict[str, Any]) -> str:
    """What `core.bench.measure.bench` returned, as two tables and a line about the machine."""
    f, rival = fields, fields["rival"]
    rows = [
        (f"a training step, products in {f['dtype']}", f"{f['step_ms']:.1f} ms",
         f"{f['rival_step_ms']:.1f} ms (float32)", _ratio(f["step_speed_ratio"])),
        ("a training step in float32", f"{f['float32_step_ms']:.1f} ms",
         f"{f['rival_step_ms']:.1f} ms", _ratio(f["float32_step_speed_ratio"])),
        ("characters trained on per second", f"{f['tokens_per_s']:,.0f}",
         f"{f['rival_tokens_per_s']:,.0f}", _ratio(f["step_speed_ratio"])),
        ("of it matrix products at the machine's bound", f"{f['matmul_share_pct']:.0f} %", "", ""),
        ("classic recipe, validation loss after training",
         _run(f, "classic"), f"{f['rival_train_s']:.0f} s of training", ""),
        ("`fast` recipe (median of the seeds)", _run(f, "fast"), "",
         _ratio(f["fast_speed_ratio"])),
        ("`fastest` recipe", _run(f, "fastest"), "", _ratio(f["fastest_speed_ratio"])),
        ("the same with its attention switched off",
         f"{f['fastest_without_attention_val_loss_nats']:.3f}", "", ""),
        ("training until nanoGPT's 1.898", _seconds(f["time_to_nanogpt_cpu_s"]),
         f"{f['rival_train_s']:.0f} s", ""),
        ("training until a counted 5-gram's 1.669", _seconds(f["time_to_counted_5gram_s"]), "", ""),
        ("characters written per second", f"{f['generate_tokens_per_s']:,.0f}",
         f"{f['rival_generate_tokens_per_s']:,.0f}", _ratio(f["generate_speed_ratio"])),
        ("the same, with what the page says of each", f"{f['generate_recorded_tokens_per_s']:,.0f}",
         "", ""),
        ("32 texts side by side, the same", f"{f['generate_32_texts_tokens_per_s']:,.0f}", "", ""),
        ("a checkpoint, of the training time",
         f"{f['checkpoint_ms']:.0f} ms, {f['checkpoint_share_pct']:.2f} %", "", ""),
        ("a snapshot, to save and to load",
         f"{f['snapshot_save_ms']:.0f} ms, {f['snapshot_load_ms']:.0f} ms", "", ""),
        ("start of the command line", f"{f['start_up_s']:.1f} s", "", ""),
    ]  # fmt: skip
    ablation = [
        (row["what"], *(f"{row[f'val_loss{how}_nats']:.3f}" for how in ("", "_without_attention")),
         f"{row['train_s']:.1f}")
        for row in f["ablation"]
    ]  # fmt: skip
    first = f["ablation"][0]
    return "\n\n".join(
        (
            f"Corpus {f['corpus']}, {f['n_threads']} CPU threads, torch {f['torch_version']}; "
            "losses in nats per character over the whole validation split.",
            _markdown(("what", "the lab", rival, "times as fast"), rows),
            f"{first['max_iters']} steps, {first['n_layer']} layers:",
            _markdown(("groups", "loss", "attention off", "seconds of training"), ablation),
            "Whole processes, from the command to its end, timed from outside:",
            _markdown(
                ("what", "loss", "waited, s", "training, s", "beside it, s", "allowed, s",
                 "nanoGPT's whole process, times as fast"),
                list(_waited(f)),
            ),
        )
    )  # fmt: skip


def _waited(fields: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    rival_s = fields.get("rival_wall_s")
    for row in fields["waited"]:
        yield (
            row["what"], f"{row['val_loss_nats']:.3f}",
            *(f"{row[name]:.1f}" for name in ("wall_s", "train_s", "beside_s", "allowed_s")),
            _ratio(rival_s / row["wall_s"]) if rival_s else "",
        )  # fmt: skip
    if rival_s:
        yield (
            "nanoGPT's `train.py`", "", f"{rival_s:.1f}", f"{fields['rival_own_train_s']:.1f}",
            f"{rival_s - fields['rival_own_train_s']:.1f}", "", "1",
        )  # fmt: skip


def _run(fields: dict[str, Any], recipe: str) -> str:
    return f"{fields[f'{recipe}_val_loss_nats']:.3f} in {fields[f'{recipe}_train_s']:.1f} s"


def _seconds(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.1f} s"


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 3 else f"{value:.1f}"


def _markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
