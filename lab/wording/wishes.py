"""What a reader asked a model to write, and in what that differs from what the controls say now.

Knows no screen.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from core.findings.meaning import loss_in, unsure_among
from core.records.records import RunRecord
from core.registry import Store
from core.runs.lab import LoadedModel, Moment
from core.settings.config import SampleConfig
from lab.wording.glossary import TERMS
from lab.wording.plain import plain

_NAMES = {"max_new_tokens": "length", "top_k": "top-k", "top_p": "top-p"}
SEED_HELP = f"{TERMS['seed']}. The same text, as long as model, prompt and settings are the same."
"""For the control of the seed that a text is drawn with."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Who is to continue what, and how."""

    run_id: str
    """Empty for a model that learned nothing."""
    run_name: str
    moment: Moment
    """When in its training."""
    prompt: str
    config: SampleConfig
    n_samples: int = 1
    """How many texts, each with draws of its own."""


def writer_text(run: RunRecord | None) -> str:
    """Who writes: the run and its model. Markdown; None: a model that learned nothing."""
    return f"**{plain(run.name)}** ({run.model})" if run else "**transformer**"


def writer_loss_text(nats: float, in_bits: bool) -> str:
    """The loss of the model that writes. Markdown."""
    return f"loss **{loss_in(nats, in_bits)}**"


def about_writer_text(loaded: LoadedModel, nats: float | None) -> str:
    """Of which step the model is, what its loss feels like, and what it sees."""
    model = loaded.model.config
    sees = 1 if model.model == "bigram" else model.block_size
    parts = [loaded.origin] + ([] if nats is None else [unsure_among(nats)])
    return " · ".join(
        [*parts, f"sees the last {'character' if sees == 1 else f'{sees} characters'}"]
    )


def sampling_text(config: SampleConfig, n_samples: int = 1) -> str:
    """How texts were drawn, in words: temperature and seeds, and what else was set."""
    usual = SampleConfig()
    seeds = f"seed {config.seed}"
    if n_samples > 1:
        seeds = f"seeds {config.seed} to {config.seed + n_samples - 1}"
    parts = [f"Temperature {config.temperature:g}", seeds]
    if config.top_k != usual.top_k:
        parts.append(f"top-k {config.top_k}")
    if config.top_p != usual.top_p:
        parts.append(f"top-p {config.top_p:g}")
    return " · ".join(parts)


def differences_text(then: Wish, now: Wish) -> str:
    """In what a wish was another than that of now; empty where it was the same. Markdown."""
    parts = []
    if then.run_id != now.run_id:
        parts.append(f"run {plain(then.run_name)}")
    if then.moment != now.moment:
        is_step = isinstance(then.moment, int)
        parts.append(f"step {then.moment:,}" if is_step else f"{then.moment} step")
    if then.prompt != now.prompt:
        parts.append("another prompt")
    for name in (field.name for field in fields(SampleConfig)):
        before, after = getattr(then.config, name), getattr(now.config, name)
        if before != after:
            parts.append(f"{_NAMES.get(name, name)} {before:g} (now {after:g})" if name != "seed"
                         else f"seed {before} (now {after})")  # fmt: skip
    if then.n_samples != now.n_samples:
        parts.append(f"samples {then.n_samples} (now {now.n_samples})")
    return ", ".join(parts)


def loss_at(store: Store, run: RunRecord, step: int) -> float | None:
    """The validation loss of a run after a step, in nats: over the whole text where it is known.

    Else the newest estimate up to that step; None where there is none.
    """
    if run.status == "finished":
        if step == run.best_step and run.best_val_loss_nats is not None:
            return run.best_val_loss_nats
        if step == run.step and run.val_loss_nats is not None:
            return run.val_loss_nats
    known = [e.val_loss_nats for e in store.estimates(run.id) if e.step <= step]
    return known[-1] if known else None
