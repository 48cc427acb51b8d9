"""What could be lost, and what goes on without the tab."""

from __future__ import annotations

from dataclasses import replace

from lab.wording.words import at_risk
from tests.helpers import run_of


def test_a_running_run_goes_on_without_the_tab_and_a_kill_costs_little() -> None:
    run = replace(run_of(), status="running", checkpoint_step=40, checkpoint_interval_s=5.0)
    assert at_risk(run) == (
        "Saved up to step 40; it trains on when this tab is closed, and if the lab is killed now, "
        "at most about 5.0 s of training are lost."
    )
