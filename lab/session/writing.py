"""Models write in the background while a page looks on.

Owns one thread for each press on Write, and the buffers between that thread and the page. A page
would be held up if it wrote itself, and a change of any widget would cut its text off. Models that
write side by side take turns in that one thread: in threads of their own they would be no faster,
only the page slower.

Must not know: Streamlit. A page starts writings, keeps them in its session, and asks for snapshots.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.errors import ConfigError
from core.generation.sampling import TokenRecord, generate_together
from core.models import LanguageModel
from core.settings.config import SampleConfig
from core.text.corpus import Vocabulary

log = logging.getLogger(__name__)

MAX_CHARACTERS = 2_000
"""A text ends here at the latest, so that no forgotten thread goes on for long."""

TURN_S = 0.02
"""A model that writes beside others writes for so long, or one character, before the next does."""

WritingState = Literal["waiting", "writing", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class WritingSnapshot:
    """How far the texts have come. Will not change any more."""

    state: WritingState
    prompt: str
    texts: tuple[tuple[TokenRecord, ...], ...]
    """Of each text, what was added to the prompt; all are equally long."""
    n_wanted: int
    elapsed_s: float
    """From the first character to the newest, without the turns of others."""
    message: str = ""
    """What went wrong, where the state is `failed`."""

    @property
    def n_written(self) -> int:
        """Characters of each text so far."""
        return len(self.texts[0])

    def added(self, text: int = 0) -> str:
        """What the model wrote to one of the texts, without the prompt."""
        return "".join(record.character for record in self.texts[text])

    @property
    def chars_per_s(self) -> float | None:
        """Characters of all texts per second; the first, which warms up, is not counted."""
        if self.n_written < 2 or self.elapsed_s <= 0:
            return None
        return (self.n_written - 1) * len(self.texts) / self.elapsed_s

    @property
    def over(self) -> bool:
        """No character will be added any more."""
        return self.state not in ("waiting", "writing")


class Writing:
    """One or more continuations of a prompt by one model. All methods work from any thread."""

    def __init__(
        self,
        model: LanguageModel,
        vocabulary: Vocabulary,
        prompt: str,
        config: SampleConfig,
        n_texts: int = 1,
    ) -> None:
        """Make ready to continue `prompt`; nothing is written before `start`.

        Raises PromptError for characters outside the vocabulary, ConfigError for more than
        `MAX_CHARACTERS` characters.
        """
        if config.max_new_tokens > MAX_CHARACTERS:
            raise ConfigError(
                f"A page writes at most {MAX_CHARACTERS:,} characters at once, not "
                f"{config.max_new_tokens:,}. The command line writes longer texts."
            )
        self._characters = generate_together(model, vocabulary, prompt, config, n_texts)
        self._prompt = prompt
        self._n_wanted = config.max_new_tokens
        self._lock = threading.Lock()
        self._state: WritingState = "waiting"
        self._message = ""
        self._texts: list[list[TokenRecord]] = [[] for _ in range(n_texts)]
        self._elapsed_s = 0.0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write. Does nothing if it has begun or was stopped."""
        start_together([self])

    def stop(self) -> None:
        """Write no further; what is written stays. Idempotent."""
        with self._lock:
            if self._state in ("waiting", "writing"):
                self._state = "stopped"

    def snapshot(self) -> WritingSnapshot:
        """What there is now."""
        with self._lock:
            return WritingSnapshot(
                self._state,
                self._prompt,
                tuple(map(tuple, self._texts)),
                self._n_wanted,
                self._elapsed_s,
                self._message,
            )

    def join(self, timeout_s: float) -> None:
        """Wait until the thread has ended, no longer than that."""
        if self._thread and self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _begin(self, thread: threading.Thread) -> bool:
        """Whether it begins to write now, in this thread."""
        with self._lock:
            if self._state != "waiting":
                return False
            self._state, self._thread = "writing", thread
        _under_way.add(self)
        return True

    # --- the thread -------------------------------------------------------------------------------

    def _take_turn(self) -> bool:
        """Write for a while; whether there is more to come."""
        try:
            return self._write(until_s=time.perf_counter() + TURN_S)
        except Exception as error:  # said by the page; what others write goes on
            log.exception("a text could not be finished")
            self._end("failed", f"An error in the lab itself ended this text: {error!r}.")
            return False

    def _write(self, until_s: float) -> bool:
        since_s = time.perf_counter()
        for records in self._characters:
            now_s = time.perf_counter()
            with self._lock:
                if self._state != "writing":
                    return False
                if self._texts[0]:  # before the first there is nothing to count from
                    self._elapsed_s += now_s - since_s
                for text, record in zip(self._texts, records, strict=True):
                    text.append(record)
            if now_s >= until_s:
                return True
            since_s = now_s
        self._end("done")
        return False

    def _end(self, state: WritingState, message: str = "") -> None:
        with self._lock:
            if self._state == "writing":  # a text that was stopped stays so
                self._state = state
                self._message = message


def start_together(writings: Sequence[Writing]) -> None:
    """Let all of them write side by side; passes over those that have begun or were stopped."""
    begun: list[Writing] = []
    thread = threading.Thread(target=_take_turns, args=(begun,), name="writer", daemon=True)
    begun += [writing for writing in writings if writing._begin(thread)]
    if begun:
        thread.start()


def _take_turns(writings: Sequence[Writing]) -> None:
    while writings:
        writings = [writing for writing in writings if writing._take_turn()]


_under_way: weakref.WeakSet[Writing] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """End every thread before the interpreter goes down under it."""
    writings = list(_under_way)
    for writing in writings:
        writing.stop()
    for writing in writings:
        writing.join(timeout_s=1.0)
