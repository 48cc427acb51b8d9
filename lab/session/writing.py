"""A model writes in the background while a page looks on.

Owns one thread for each text that is being written, and the buffer between that thread and the
page. A page would be held up if it wrote itself, and a change of any widget would cut its text off.

Must not know: Streamlit. A page starts a writing, keeps it in its session, and asks for snapshots.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from core.errors import ConfigError
from core.generation.sampling import TokenRecord, generate
from core.models import LanguageModel
from core.settings.config import SampleConfig
from core.text.corpus import Vocabulary

log = logging.getLogger(__name__)

MAX_CHARACTERS = 2_000
"""A text ends here at the latest, so that no forgotten thread goes on for long."""

WritingState = Literal["waiting", "writing", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class WritingSnapshot:
    """How far a text has come. Will not change any more."""

    state: WritingState
    prompt: str
    records: tuple[TokenRecord, ...]
    n_wanted: int
    elapsed_s: float
    """From the first character to the newest."""
    message: str = ""
    """What went wrong, where the state is `failed`."""

    @property
    def added(self) -> str:
        """What the model wrote, without the prompt."""
        return "".join(record.character for record in self.records)

    @property
    def chars_per_s(self) -> float | None:
        """Characters per second; the first, which warms the caches up, is not counted."""
        if len(self.records) < 2 or self.elapsed_s <= 0:
            return None
        return (len(self.records) - 1) / self.elapsed_s

    @property
    def over(self) -> bool:
        """No character will be added any more."""
        return self.state not in ("waiting", "writing")


class Writing:
    """One text by one model. All methods may be called from any thread."""

    def __init__(
        self, model: LanguageModel, vocabulary: Vocabulary, prompt: str, config: SampleConfig
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
        self._characters = generate(model, vocabulary, prompt, config)
        self._prompt = prompt
        self._n_wanted = config.max_new_tokens
        self._lock = threading.Lock()
        self._state: WritingState = "waiting"
        self._message = ""
        self._records: list[TokenRecord] = []
        self._first_at = self._newest_at = 0.0
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)

    def start(self) -> None:
        """Begin to write. Does nothing if it has begun or was stopped."""
        with self._lock:
            if self._state != "waiting":
                return
            self._state = "writing"
        _under_way.add(self)
        self._thread.start()

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
                tuple(self._records),
                self._n_wanted,
                self._newest_at - self._first_at,
                self._message,
            )

    def join(self, timeout_s: float) -> None:
        """Wait until the thread has ended, no longer than that."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    # --- the thread -------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._write(self._characters)
        except Exception as error:  # noted for the page first; the thread dies of it all the same
            log.exception("a text could not be finished")
            self._end("failed", f"An error in the lab itself ended this text: {error!r}.")
            raise
        self._end("done")

    def _write(self, characters: Iterator[TokenRecord]) -> None:
        for record in characters:
            with self._lock:
                if self._state != "writing":
                    return
                self._newest_at = time.perf_counter()
                if not self._records:
                    self._first_at = self._newest_at
                self._records.append(record)

    def _end(self, state: WritingState, message: str = "") -> None:
        with self._lock:
            if self._state == "writing":  # a text that was stopped stays so
                self._state = state
                self._message = message


_under_way: weakref.WeakSet[Writing] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """End every thread before the interpreter goes down under it."""
    writings = list(_under_way)
    for writing in writings:
        writing.stop()
    for writing in writings:
        writing.join(timeout_s=1.0)
