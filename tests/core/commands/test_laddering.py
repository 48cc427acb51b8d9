"""`python -m core ladder`: its fields, resuming, its refusals."""

from __future__ import annotations

import pytest

from core.experiments.ladder import load_ladder
from core.experiments.sweep import SweepCells
from core.runs.lab import Lab
from core.text.corpus import Corpus
from tests.helpers import CommandLine

TINY = [
    "--corpus", "tiny", "--budget", "4", "--block_size", "8", "--n_layer", "2", "--n_head", "2",
    "--n_embd", "8", "--batch_size", "4",
]  # fmt: skip
FIELDS = {"name", "changes", "n_params", "val_loss", "train_seconds", "run"}


@pytest.fixture
def cli(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line of a lab with the tiny corpus in it."""
    return CommandLine(capsys)


def test_a_ladder_says_all_that_the_contract_names(cli: CommandLine, lab: Lab) -> None:
    fields = cli.ok("ladder", *TINY, "--name", "owl")
    rungs = fields["rungs"]
    assert len(rungs) == 20 and all(rung.keys() >= FIELDS for rung in rungs)
    for rung in rungs:
        run = lab.run(rung["run"])
        assert (rung["n_params"], rung["val_loss"]) == (run.n_params, run.val_loss_nats)
        assert rung["train_seconds"] == run.train_s > 0 and rung["status"] == "finished"
    assert cli.ok("ladder", "show", "owl")["rungs"] == rungs
    (listed,) = cli.ok("ladder", "list")["ladders"]
    assert (listed["name"], listed["n_rungs"], listed["n_done"]) == ("owl", 20, 20)
    assert cli.ok("sweep", "list")["sweeps"] == []
    cli.ok("ladder", "delete", "owl")
    assert cli.ok("ladder", "list")["ladders"] == [] and lab.runs() == []


def test_a_ladder_goes_on_where_it_was_left_and_says_what_failed(
    cli: CommandLine, lab: Lab
) -> None:
    cli.ok("ladder", *TINY, "--name", "owl", "--n_layer", "1")
    ladder = load_ladder(lab, "owl")
    first, second, *_ = lab.runs_of(ladder.id)
    lab.store.update_run(first.id, status="queued")
    SweepCells(lab, ladder.id).fail_run(second.id, "The disk is full.")
    rungs = cli.ok("ladder", "resume", "owl")["rungs"]
    assert [rung["status"] for rung in rungs[:2]] == ["finished", "failed"]
    assert rungs[1]["message"] == "The disk is full."


def test_a_ladder_can_be_equal_in_flops_or_characters(cli: CommandLine, lab: Lab) -> None:
    by_flops = cli.ok("ladder", *TINY, "--by", "flops", "--budget", "3e6", "--n_layer", "1")
    assert (by_flops["by"], by_flops["budget"]) == ("flops", 3_000_000)
    steps = {rung["name"]: rung["iter"] for rung in by_flops["rungs"]}
    assert steps["embeddings"] == steps["bigram table"] > steps["tied head"] > 0
    by_characters = cli.ok("ladder", *TINY, "--by", "characters", "--budget", "96")
    assert {rung["iter"] for rung in by_characters["rungs"]} == {3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ladder", "--budget", "0"], "takes from 1 to"),
        (["ladder", "--budget", "1.5"], "expected a whole number"),
        (["ladder", "--budget", "many"], "expected a whole number"),
        (["ladder", "--by", "flops", "--budget", "1e20"], "takes from 1 to"),
        (["ladder", "--by", "flops", "--budget", "1000"], "pay for no step"),
        (["ladder", "--n_head", "3"], "n_head must divide n_embd"),
        (["ladder", "resume", "fox"], "no ladder 'fox'"),
        (["sweep", "show", "fox"], "no sweep 'fox'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    cli: CommandLine, arguments: list[str], message: str
) -> None:
    assert message in cli.refused(*arguments)


def test_a_rung_can_be_exported_only_where_there_is_a_place_for_it(
    cli: CommandLine, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = str(tmp_path_factory.mktemp("out"))
    cli.ok("ladder", *TINY, "--name", "owl")
    assert cli.ok("export", "owl MLP", "--format", "safetensors", "--out", out)["files"]
    assert cli.ok("export", "owl 2 blocks", "--format", "nanogpt", "--out", out)["files"]
    refused = cli.refused("export", "owl MLP", "--format", "nanogpt", "--out", out)
    assert "no place for a model of the ladder" in refused
