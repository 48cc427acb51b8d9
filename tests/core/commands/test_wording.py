"""What a command prints for a person: sentences and tables, and nothing of Python."""

from __future__ import annotations

import pytest

from core.commands.tables import label_of, table_of, with_unit
from core.commands.wording import lines_of
from core.runs.lab import Lab
from core.text.corpus import Corpus
from tests.helpers import CommandLine, trained
from tests.test_readme import REPR


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("n_params", 804_096, "804,096"),
        ("val_loss", 1.89765, "1.898 nats"),
        ("val_loss", None, "–"),
        ("train_seconds", 61.24, "61.2 s"),
        ("tokens_per_s", 47_770.3, "47,770"),
        ("bytes", 3 * 2**20, "3.0 MiB"),
        ("memory_mib", 0.656, "0.7 MiB"),
        ("matmul_share_pct", 42.0, "42.0 %"),
        ("in_bin", False, "no"),
        ("update_ratio", 7.22e-05, "7.22e-05"),
        ("files", ["a.pt", "b.pt"], "a.pt, b.pt"),
        ("guesses", ["a", "\n", " "], "a ↵ ␣"),
        ("delta", 0.0123, "0.012 nats"),
        ("score", -1.5, "-1.500"),
        ("numbers_nats", (1.0, 2.5), "1.000, 2.500 nats"),
        ("place", {"val_loss": 1.5, "iter": 1000}, "validation loss 1.500 nats, step 1,000"),
    ],
)
def test_a_value_is_said_with_its_unit(name: str, value: object, expected: str) -> None:
    assert with_unit(name, value) == expected


def test_a_label_has_no_unit_in_it() -> None:
    names = ["start_up_s", "float32_step_ms", "best_val_loss", "fast_val_loss_nats", "block_size"]
    assert [label_of(name) for name in names] == [
        "start up", "float32 step", "best validation loss", "fast val loss", "block size",
    ]  # fmt: skip


def test_a_table_is_aligned_and_has_no_empty_column() -> None:
    rows = [
        {"run": "a1", "name": "owl", "val_loss": 2.0, "iter": 1_000, "message": "", "config": {}},
        {"run": "b2", "name": "marsh-owl", "val_loss": None, "iter": 5, "message": None},
    ]
    assert list(table_of(rows)) == [
        "name       id  validation loss, nats   step",
        "owl        a1                  2.000  1,000",
        "marsh-owl  b2                      –      5",
    ]


def test_what_context_buys_is_a_row_for_each_length() -> None:
    lines = lines_of({"context": [1, 2], "loss": [2.5, 2.25], "counted": [2.4, None]})
    assert list(lines) == [
        "what context buys:",
        "  characters of context  loss, nats  counted, nats",
        "                      1       2.500          2.400",
        "                      2       2.250              –",
    ]


def test_a_heads_score_is_a_share_of_one() -> None:
    heads = [{"name": "even", "layer": 1, "head": 2, "score": 0.9875, "delta": 0.0123}]
    assert [*lines_of({"heads": heads})][1:] == [
        "  name  layer  head  score, of 1  costs, nats",
        "  even      1     2        0.988        0.012",
    ]


def test_where_there_is_nothing_that_is_said() -> None:
    assert list(lines_of({"runs": []})) == ["no runs"]
    assert list(lines_of({"corpora": [{"name": "a", "n_chars": 5}], "in_bin": []}))[-1] == (
        "in the bin: nothing"
    )
    fields = {"samples": [{"iter": 5, "text": ""}], "notes": [], "health": {}}
    assert [line for line in lines_of(fields) if line] == [
        "it has written nothing yet", "nothing to note on its curve yet",
        "how it is inside was not measured",
    ]  # fmt: skip


def test_long_lists_are_broken_between_two_things() -> None:
    health = {f"attention_entropy/layer {i} head {j}": 0.5 for i in range(6) for j in range(6)}
    head, sign, *lines = lines_of({"health": health})
    assert (head, sign) == ("how it is inside:", "  attention entropy, of 1 (even spreading)")
    assert max(map(len, lines)) <= 104 and len(lines) > 5
    said_ = " · ".join(line.strip() for line in lines)
    assert said_ == " · ".join(f"{name.partition('/')[2]} 0.500" for name in health)


def test_no_line_of_a_list_begins_or_ends_with_the_dot_between_two() -> None:
    for longest in range(1, 60):  # so that the lines break everywhere
        health = {f"attention_entropy/{'x' * (1 + i % longest)}": 0.5 for i in range(60)}
        lines = [line.strip() for line in lines_of({"health": health})][2:]
        assert not [line for line in lines if line[0] == "·" or line[-1] == "·"]
        assert sum(line.count(" · ") + 1 for line in lines) == len(health)


def test_a_character_is_shown_by_the_one_rule() -> None:
    token = {
        "character": "\n", "probability": 0.5, "rank": 1,
        "believed": [["\n", 0.5], ["'", 0.25], ["\u00a0", 0.25]], "offered": [["\n", 1.0]],
    }  # fmt: skip
    *_, line = lines_of({"records": [[token]]})
    assert [cell.strip() for cell in line.split("  ") if cell] == [
        "‘↵’ U+000A new line", "0.500", "1",
        "‘↵’ 50 % ‘'’ 25 % ‘⍽’ (U+00A0 no-break space) 25 %", "‘↵’ 100 %",
    ]  # fmt: skip


def test_a_table_says_one_loss_of_a_run_the_one_that_pages_say() -> None:
    rows = [{"run": "a1", "val_loss": 2.5, "best_val_loss": 2.4}, {"run": "b2", "val_loss": 3.0}]
    titles, first, second = table_of(rows)
    assert titles == "id  best validation loss, nats"
    assert (first.split(), second.split()) == (["a1", "2.400"], ["b2", "–"])
    assert next(table_of(rows[1:])) == "id  validation loss, nats"


def test_no_command_speaks_python(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    cli = CommandLine(capsys)
    owl, fox = (trained(lab, corpus, "transformer", name=name) for name in ("owl", "fox"))
    trained(lab, corpus, "attention", name="hen", block_size=4)
    for command in (
        ["runs"], ["runs", "show", owl], ["runs", "show", fox], ["runs", "show", "hen"],
        ["runs", "disk"], ["runs", "rename", "hen", "duck"], ["runs", "branch", owl, "--at", 20],
        ["runs", "clean", owl], ["runs", "clean", "--all"], ["runs", "delete", fox],
        ["runs", "restore", fox], ["runs", "empty_bin"], ["eval", owl], ["corpus", "list"],
        ["sweep", "list"], ["generate", owl, "--max_new_tokens", 9, "--records"],
        ["generate", owl, "--max_new_tokens", 9, "--n_samples", 2],
        ["train", "--model", "bigram", "--dry_run"], ["resume", owl, "--max_iters", 45],
        *(["export", owl, "--format", form, "--out", tmp_path] for form in ("hf", "csv", "run")),
    ):  # fmt: skip
        assert cli.code(*command) == 0, cli.stderr
        assert cli.stdout.strip() and not REPR.search(cli.stdout), f"{command}\n{cli.stdout}"
