"""What is said of costs follows from the numbers: who is on the front, and what counting beats."""

from __future__ import annotations

from dataclasses import replace

from lab.compare_page.cost_words import MAX_LISTED, counting_text, front_text
from lab.figures.loss_costs import CountedCost
from tests.lab.figures.test_loss_costs import COUNTED, RUNS, run


def test_the_front_is_named_with_its_costs_and_losses() -> None:
    said = front_text(RUNS, "seconds waited")
    assert said.startswith("Of 4 runs, ") and said.endswith(
        "are beaten by none: no other came lower in as little time (losses in nats)."
    )
    assert r"**pairs\-name** (2.5 s, 2.500), " in said
    assert r"and :green[●] **big\-name** (1 min 0 s, 1.800) are" in said
    assert "slow" not in said and "unknown" not in said
    assert "(4,225 parameters, 3.607)" in front_text(RUNS, "parameters", in_bits=True)
    assert front_text(RUNS[:1], "parameters") == ""


def test_a_long_front_is_cut_in_its_middle() -> None:
    many = [run(str(i), 1_000 * (i + 1), 1.0, 4.0 - 0.1 * i) for i in range(12)]
    said = front_text(many, "parameters")
    assert "7 more and " in said and "(12,000 parameters, 2.900)" in said
    assert said.count("**") == 2 * MAX_LISTED


def test_where_counting_still_wins_is_said_with_both_sizes() -> None:
    said = counting_text(RUNS, COUNTED)
    assert said.startswith(
        "**Counting still beats every run here**: the counted 5-gram reaches 1.670 with 250,000 "
        "stored counts and no training; "
    )
    assert "the best of them with 1.750 nats, has 900,000 parameters." in said
    assert "4 of 5 runs are better than counted pairs (2.480, 1,500 stored counts), " in said
    assert r"the smallest of them :blue[●] **slow\-name** with 27,000 parameters." in said


def test_a_run_that_beats_all_counting_turns_the_sentence() -> None:
    best = run("deep", 2_000_000, 9.0, 1.5)
    said = counting_text([*RUNS, best], COUNTED)
    assert said.startswith(r"**No counting beats** :green[●] **deep\-name**: it reaches 1.500 nats")
    assert "the best counted, 5-gram, 1.670 with 250,000 stored counts." in said
    assert "2.164 bits" in counting_text([best], COUNTED, in_bits=True)


def test_runs_that_beat_no_counting_are_told_so() -> None:
    said = counting_text([replace(RUNS[0], loss_nats=3.0)], COUNTED)
    assert "the table of counted pairs reaches 2.480 with 1,500 stored counts" in said
    assert said.endswith("Not even counted pairs (2.480) are beaten yet.")
    assert counting_text([], COUNTED) == "" and counting_text(RUNS, []) == ""
    assert counting_text(RUNS, [CountedCost(2, 9, 9.0)]).startswith("**No counting beats")
