"""What could be lost, what goes on without the tab, and how long it took."""

from __future__ import annotations

from dataclasses import replace

from lab.wording.words import MOST_LINES, at_risk, readable_sample, times
from tests.helpers import run_of


def test_a_running_run_goes_on_without_the_tab_and_a_kill_costs_little() -> None:
    run = replace(run_of(), status="running", checkpoint_step=40, checkpoint_interval_s=5.0)
    assert at_risk(run) == (
        "Saved up to step 40; it trains on when this tab is closed, and if the lab is killed now, "
        "at most about 5.0 s of training are lost."
    )


def test_a_run_says_what_it_trained_and_what_somebody_waited() -> None:
    run = replace(run_of(), train_s=12.0, wall_s=15.0)
    assert times(run) == "12 s of training, 15 s waited"
    assert times(replace(run, wall_s=None)) == "12 s of training"  # from before it was noted


def test_a_text_of_line_ends_is_run_together_so_that_they_are_seen() -> None:
    most = MOST_LINES
    assert readable_sample("a\n" * (most + 1)) == "a↵" * (most + 1)
    assert readable_sample("a\n" * most) == "a\n" * most
