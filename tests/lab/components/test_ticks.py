"""No tick of a fragment says to which page the session goes."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner import RerunData
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests

from lab.components import ticks

LEFT, HERE = "page that was left", "page of the session"
TICK = RerunData(page_script_hash=LEFT, query_string="left=1", fragment_id="f", is_auto_rerun=True)


@pytest.fixture(autouse=True)
def on_the_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("_request_rerun_locked", "on_scriptrunner_ready"):
        monkeypatch.setattr(ScriptRequests, name, getattr(ScriptRequests, name))
    context = SimpleNamespace(page_script_hash=HERE, query_string="here=1")
    monkeypatch.setattr(ticks, "get_script_run_ctx", lambda: context)
    ticks.keep_ticks_on_the_page()
    yield


def next_of(*asked: RerunData) -> RerunData:
    """What is run when all of these were asked for while something else ran."""
    requests = ScriptRequests()
    for data in asked:
        assert requests.request_rerun(data)
    return requests.on_scriptrunner_ready().rerun_data


def test_a_tick_from_the_page_that_was_left_runs_on_the_new_one() -> None:
    run = next_of(TICK)
    assert run.fragment_id_queue == ["f"]
    assert (run.page_script_hash, run.query_string) == (HERE, "here=1")


def test_a_tick_does_not_take_the_place_of_a_press_on_a_link() -> None:
    link = RerunData(page_script_hash="third page", query_string="third=1")
    run = next_of(link, TICK)
    assert run.fragment_id_queue == []
    assert (run.page_script_hash, run.query_string) == ("third page", "third=1")


def test_a_press_on_a_link_takes_the_place_of_a_tick() -> None:
    run = next_of(TICK, RerunData(page_script_hash="third page"))
    assert run.fragment_id_queue == [] and run.page_script_hash == "third page"


def test_a_tick_of_the_page_itself_stays_as_it_is() -> None:
    tick = RerunData(page_script_hash=HERE, query_string="x=2", fragment_id="f", is_auto_rerun=True)
    run = next_of(tick)
    assert (run.page_script_hash, run.query_string) == (HERE, "x=2")


def test_what_nobody_asked_for_is_not_run() -> None:
    assert ScriptRequests().on_scriptrunner_ready().type.value == "STOP"
