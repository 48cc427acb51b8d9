"""Heads of the steps beside the one that is shown, measured before anybody asks for them.

Whoever moves through a training mostly goes on to the next step. Reading its model and measuring
its heads is a third of what somebody then waits for, so it is done while they look at this one.
"""

from __future__ import annotations

from threading import Lock, Timer

from core.errors import LabError
from core.records.records import RunRecord
from core.text.corpus import Corpus
from lab.session.measured import habits_of_heads
from lab.session.state import is_live, loaded_model, model_key, moment_of, the_lab

_DELAY_S = 0.2
"""Until the browser, which shares the cores, has drawn what it was sent."""
_lock = Lock()
_timer: Timer | None = None
"""One for all sessions: whoever moved last is most likely to move again."""


def measure_beside(run: RunRecord, corpus: Corpus) -> None:
    """Soon, measure the heads of a run at the next step that was kept, and at the one before.

    Not while a model is trained here: its steps come first.
    """
    global _timer
    beside = _steps_beside(the_lab().moments(run), the_lab().moment_step(run, moment_of(run)))
    timer = Timer(_DELAY_S, _measure, (run, corpus, beside))
    timer.daemon = True
    with _lock:
        if _timer:
            _timer.cancel()
        _timer = timer
    timer.start()


def _steps_beside(steps: list[int], shown: int) -> list[int]:
    """The kept steps after and before one that need not be kept itself: the later first."""
    return [step for step in steps if step > shown][:1] + [s for s in steps if s < shown][-1:]


def _measure(run: RunRecord, corpus: Corpus, steps: list[int]) -> None:
    if any(map(is_live, the_lab().runs())):
        return
    for step in steps:
        try:
            loaded = loaded_model(run, step)
        except LabError:  # deleted meanwhile: who goes there is told
            return
        habits_of_heads(model_key(run, loaded), loaded, corpus)
