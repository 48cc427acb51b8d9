"""`python -m core challenges`: its fields, what it says to a person, and a damaged file."""

from __future__ import annotations

import pytest

from core.challenges.kept import keep_guess, keep_prediction
from core.runs.lab import Lab
from core.text.corpus import Corpus
from tests.helpers import CommandLine, trained

FIELDS = {"name", "rule", "is_met", "best", "unit", "run"}


@pytest.fixture
def cli(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line of a lab with the tiny corpus in it."""
    return CommandLine(capsys)


def test_each_challenge_is_listed_with_its_state(
    cli: CommandLine, lab: Lab, corpus: Corpus
) -> None:
    empty = cli.ok("challenges", "--corpus", "tiny")["challenges"]
    assert len(empty) == 5 and all(each.keys() >= FIELDS for each in empty)
    assert not any(each["is_met"] or each["run"] for each in empty)
    keep_prediction(lab.home, "small", corpus.fingerprint, 2.5)
    keep_guess(lab.home, corpus.fingerprint, 150, corpus.text[corpus.n_train + 150])
    keep_guess(lab.home, corpus.fingerprint, 151, "@")
    run = lab.run(trained(lab, corpus, "transformer"))
    fields = cli.ok("challenges", "--corpus", "tiny")
    by_key = {each["challenge"]: each for each in fields["challenges"]}
    small = by_key["small"]
    assert (small["run"], small["best"], small["unit"]) == (run.id, run.best_val_loss_nats, "nats")
    assert (small["expected"], small["came"]) == (2.5, run.best_val_loss_nats)
    assert by_key["previous"]["run"] == run.id and by_key["previous"]["unit"] == "%"
    assert (fields["n_guesses"], fields["n_right"]) == (2, 1)
    lab.bin_run(run.id)
    assert not any(each["run"] for each in cli.ok("challenges", "--corpus", "tiny")["challenges"])


def test_a_person_reads_names_rules_and_states(cli: CommandLine, lab: Lab, corpus: Corpus) -> None:
    trained(lab, corpus, "transformer", name="owl")
    assert cli.code("challenges", "--corpus", "tiny") == 0
    assert "Small and good (small): not yet; best: " in cli.stdout and "nats, by owl" in cli.stdout
    assert "Half the parameters (half): not yet; no run has tried" in cli.stdout
    assert cli.stdout.count("  Rule: ") == 5 and "guesses made  0" in cli.stdout


def test_what_is_expected_is_kept_and_held_beside_the_next_run(
    cli: CommandLine, lab: Lab, corpus: Corpus
) -> None:
    fields = cli.ok("challenges", "--corpus", "tiny", "--expect", "small=2.5")
    assert fields["challenges"][0]["outcome_in_words"] == "You expected 2.500 nats of the next run."
    trained(lab, corpus, "transformer", name="owl")
    assert cli.code("challenges", "--corpus", "tiny") == 0
    assert "  You expected 2.500 nats; owl came to " in cli.stdout


@pytest.mark.parametrize("wrong", ["small", "small=much", "large=2", "=2", "small=nan"])
def test_what_is_no_prediction_is_refused(cli: CommandLine, lab: Lab, wrong: str) -> None:
    assert cli.refused("challenges", "--corpus", "tiny", "--expect", wrong)
    assert not lab.home.challenges.exists()


def test_a_damaged_file_is_said_in_one_line(cli: CommandLine, lab: Lab) -> None:
    lab.home.challenges.write_bytes(b"{")
    assert cli.ok("challenges", "--corpus", "tiny")["n_guesses"] == 0
    assert "challenges.damaged.json" in cli.stderr and cli.stderr.count("\n") == 1


def test_a_text_that_is_not_there_is_refused(cli: CommandLine) -> None:
    assert "no corpus" in cli.refused("challenges", "--corpus", "nothing").lower()
