"""What a learner said, kept in the lab home: predictions, and guesses of the next character.

One small JSON file, written whole or not at all, by one process at a time. Scores of runs are not
in it: they follow from the runs, so that a run in the bin takes its score along and brings it back.
A file that cannot be read is put beside the new one, and that is said.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.challenges.scoring import ChallengeKey, challenge_named
from core.errors import LabError
from core.records.door import json_in, now_at
from core.storage.files import write_atomically
from core.storage.home import LabHome

VERSION = 1
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a learner expected of the next run, said before it was begun."""

    challenge: ChallengeKey
    fingerprint: str
    """Of the text."""
    expected: float
    """In the unit of the challenge."""
    said_at: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a learner took for the next character at a place, before seeing it."""

    fingerprint: str
    """Of the text."""
    place: int
    """Of the character that was to be guessed, counted from 0 in the validation split."""
    character: str
    said_at: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything that was said so far, the oldest first."""

    predictions: tuple[Prediction, ...] = ()
    guesses: tuple[Guess, ...] = ()

    def guesses_on(self, fingerprint: str) -> tuple[Guess, ...]:
        """The guesses on one text."""
        return tuple(guess for guess in self.guesses if guess.fingerprint == fingerprint)

    def predictions_of(self, key: ChallengeKey, fingerprint: str) -> tuple[Prediction, ...]:
        """The predictions of one challenge on one text."""
        return tuple(
            said for said in self.predictions
            if said.challenge == key and said.fingerprint == fingerprint
        )  # fmt: skip


def load_kept(home: LabHome) -> tuple[Kept, str]:
    """What is kept, and a sentence where the file was damaged: it is then put beside, and empty."""
    try:
        return _kept_from(json_in(home.challenges.read_bytes())), ""
    except FileNotFoundError:
        return Kept(), ""
    except OSError as error:
        return Kept(), f"{home.challenges} cannot be read ({error.strerror or error})."
    except (ValueError, TypeError, KeyError):
        with _locked(home):
            return _load(home)


def kept_if_readable(home: LabHome) -> Kept:
    """What is kept, for whoever only mentions it: of a file that cannot be read, nothing.

    It changes nothing, takes no lock, and leaves it to `load_kept` to say what is wrong.
    """
    try:
        return _kept_from(json_in(home.challenges.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError):
        return Kept()


def keep_prediction(home: LabHome, key: ChallengeKey, fingerprint: str, expected: float) -> str:
    """Keep what a learner expects; returns a sentence where the file was damaged.

    Raises LabError for what is no number, or where the file cannot be written.
    """
    if not math.isfinite(expected):
        raise LabError(f"A prediction is a number, not {expected}.")
    said = Prediction(
        challenge=key, fingerprint=fingerprint, expected=float(expected), said_at=now_at()
    )
    return _update(home, lambda kept: replace(kept, predictions=(*kept.predictions, said)))


def keep_guess(home: LabHome, fingerprint: str, place: int, character: str) -> str:
    """Keep a guess; returns a sentence where the file was damaged.

    Raises LabError where the file cannot be written.
    """
    said = Guess(fingerprint=fingerprint, place=place, character=character, said_at=now_at())
    return _update(home, lambda kept: replace(kept, guesses=(*kept.guesses, said)))


def _update(home: LabHome, change: Callable[[Kept], Kept]) -> str:
    with _locked(home):
        kept, trouble = _load(home)
        now = change(kept)
        content = {
            "version": VERSION,
            "predictions": [asdict(said) for said in now.predictions],
            "guesses": [asdict(said) for said in now.guesses],
        }
        try:
            write_atomically(home.challenges, json.dumps(content, indent=1).encode())
        except OSError as error:
            raise LabError(
                f"{home.challenges} cannot be written ({error.strerror}), so nothing was kept."
            ) from error
    return trouble


def _load(home: LabHome) -> tuple[Kept, str]:
    path = home.challenges
    try:
        return _kept_from(json_in(path.read_bytes())), ""
    except FileNotFoundError:
        return Kept(), ""
    except (ValueError, TypeError, KeyError) as error:
        beside = _free_path(path)
        path.replace(beside)
        return Kept(), (
            f"{path.name} could not be read ({type(error).__name__}) and is now {beside.name}; "
            "predictions and guesses begin anew."
        )


def _kept_from(content: Any) -> Kept:
    """Raises ValueError, TypeError or KeyError for what no version of the lab has written."""
    if content["version"] != VERSION:
        raise ValueError(f"version {content['version']!r}")
    predictions = tuple(Prediction(**said) for said in content["predictions"])
    guesses = tuple(Guess(**said) for said in content["guesses"])
    for said in predictions:
        if challenge_named(said.challenge) is None or not math.isfinite(said.expected):
            raise ValueError(f"prediction {said}")
    for guess in guesses:
        if not isinstance(guess.place, int) or guess.place < 1 or len(guess.character) != 1:
            raise ValueError(f"guess {guess}")
    for fingerprint, said_at in [(e.fingerprint, e.said_at) for e in predictions] + [
        (e.fingerprint, e.said_at) for e in guesses
    ]:
        if not isinstance(fingerprint, str) or not math.isfinite(said_at):
            raise ValueError(f"entry of {said_at}")
    return Kept(predictions, guesses)


def _free_path(path: Path) -> Path:
    """Where a damaged file is put: beside, under a name that nothing has yet."""
    number, found = 1, path.with_name(f"{path.stem}.damaged{path.suffix}")
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")
    return found


@contextmanager
def _locked(home: LabHome) -> Iterator[None]:
    """Keep other processes and threads from the file inside. Raises LabError when they hold it."""
    home.check_writable()
    lock = FileLock(home.challenges.with_suffix(".lock"))
    try:
        lock.acquire(timeout=PATIENCE_S)
    except (Timeout, OSError) as error:
        raise LabError(
            f"{home.challenges.name} in the lab home is held by another process, or cannot be "
            "written. Try again in a moment."
        ) from error
    try:
        yield
    finally:
        lock.release()
