"""The more sessions there are, the less often each page ticks; and it hears of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core.runs.lab import Lab
from lab.session import pace
from lab.session.pace import GONE_AFTER_S, n_sessions, note_session, slowed
from tests.pages import open_page, pages

__all__ = ["pages"]


class Server:
    """Stands in for a server's clock and for the sessions that it hears of."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self._seen_s = 100.0, dict[str, float]()
        monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: self.now_s))
        monkeypatch.setattr(pace, "_last_seen_s", lambda: self._seen_s)
        self._patch = monkeypatch

    def hear_of(self, *sessions: str) -> None:
        for session in sessions:
            context = SimpleNamespace(session_id=session)
            self._patch.setattr(pace, "get_script_run_ctx", lambda: context)  # noqa: B023
            note_session()


@pytest.mark.parametrize(
    ("n", "factor"), [(0, 1), (1, 1), (4, 1), (5, 2), (8, 2), (16, 4), (20, 8), (1000, 8)]
)
def test_pauses_grow_with_the_sessions_up_to_a_limit(n: int, factor: int) -> None:
    assert slowed(n) == factor


def test_sessions_that_tick_are_there_and_others_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    server.hear_of("a", "b", "a")
    assert n_sessions() == 2
    server.now_s += GONE_AFTER_S - 1
    server.hear_of("b", "c")
    server.now_s += 2
    assert n_sessions() == 2  # a has left
    server.now_s += 2 * GONE_AFTER_S
    assert n_sessions() == 1  # who asks is there


def test_a_page_is_drawn_again_when_many_come_or_go(monkeypatch: pytest.MonkeyPatch) -> None:
    server, drawn_again = Server(monkeypatch), list[int]()
    monkeypatch.setattr(pace, "draw_page_again", lambda: drawn_again.append(n_sessions()))
    held = SimpleNamespace(get=lambda: 1, set=lambda factor: None)
    monkeypatch.setattr(pace, "_DRAWN_AT", held)
    server.hear_of(*"abcd")
    pace.keep_pace()
    assert drawn_again == []
    server.hear_of("e")
    pace.keep_pace()
    assert drawn_again == [5]
    held.get = lambda: 2
    pace.keep_pace()
    server.now_s += GONE_AFTER_S + 1
    server.hear_of(*"abcd")  # one has left: another may come
    pace.keep_pace()
    assert drawn_again == [5]
    server.now_s += GONE_AFTER_S + 1
    server.hear_of(*"abc")
    pace.keep_pace()
    assert drawn_again == [5, 3]


def test_a_page_s_fragments_pause_longer_in_a_full_class(
    pages: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pauses_s() -> list[float]:
        app = open_page("corpus")
        assert not app.exception
        return asked_s

    asked_s: list[float] = []
    monkeypatch.setattr(
        "lab.widgets.now_training.paced",
        lambda every_s: asked_s.append(paced_s := pace.paced(every_s)) or paced_s,
    )
    assert pauses_s() == [2.0]
    asked_s.clear()
    monkeypatch.setattr(pace, "n_sessions", lambda: 20)
    assert pauses_s() == [16.0]
