"""How what happened to a run is said: to people by `story_of`, in run files by `detail_of`.

Nothing here is read back, but that older labs read a run file's `detail`, which stays what it was.
"""

from __future__ import annotations

import json

from core.records.events import (
    Branched,
    Changed,
    Diverged,
    Elsewhere,
    EndMoved,
    Failed,
    Finished,
    Happening,
    Machine,
    ModelImported,
    PlainText,
    Race,
    Resumed,
    RunFileOpened,
)
from core.settings.differences import Difference, difference_text

RESTORED = "weights, optimiser, random numbers and place in the text are those of that step"
N_DIGITS = 12
"""So many of a checksum tell files apart; all of them stand in the event."""
FROM_START = "There was no checkpoint yet, so it starts again from step 0."


def story_of(what: Happening) -> str:
    """What an event tells people, to be said of a run: "takes part in a race: …"."""
    match what:
        case Changed():
            pairs = (Difference(name, *values) for name, values in what.settings.items())
            return f"changed: {', '.join(map(difference_text, pairs))}"
        case Machine():
            return f"trains on {detail_of(what)}"
        case Resumed():
            return f"resumed. {detail_of(what)}"
        case EndMoved():
            return f"is to end at step {what.after:,} instead of {what.before:,}"
        case Finished():
            return "finished"
        case Diverged():
            return "diverged: the next loss or its gradient was no finite number"
        case Failed():
            return f"failed. {what.message}"
        case Branched():
            return f"branched off {detail_of(what)}{_steps_again(what)}"
        case Race():
            each = what.by.removesuffix("s") if what.budget == 1 else what.by
            return f"takes part in a race: {what.budget:,} {each} for each model"
        case ModelImported():
            sum_said = f" (sha256 {what.sha256[:N_DIGITS]}…)" if what.sha256 else ""
            return f"made of the model in {what.file}{sum_said}"
        case RunFileOpened():
            return f"opened {detail_of(what)}"
        case PlainText():
            return f"{what.kind}{': ' * bool(what.text)}{what.text}"


def detail_of(what: Happening) -> str:
    """What is stored of an event beside its kind; of changed settings, their values as JSON."""
    match what:
        case Changed():
            return json.dumps(what.settings)
        case Machine():
            return ", ".join(_parts(what))
        case Resumed():
            return _resumed(what)
        case EndMoved():
            return f"{what.before} -> {what.after}"
        case Finished() | Diverged():
            return ""
        case Failed():
            return what.message
        case Branched():
            later = ", without what was changed in it later" * what.without_later_changes
            return f"from {what.parent}{later}"
        case Race():
            return f"{what.id}: {what.budget} {what.by} for each model"
        case ModelImported() | RunFileOpened():
            return f"from {what.file}"
        case PlainText():
            return what.text


def _steps_again(what: Branched) -> str:
    n = what.n_steps_again
    return f"; taken again to get there: {n:,} step{'s' * (n != 1)}" if n else ""


def resume_notes(what: Resumed) -> list[str]:
    """What is to be warned of when a run is taken up again, in sentences."""
    return [*what.damaged, *[FROM_START] * what.from_start]


def _resumed(what: Resumed) -> str:
    """What a resume brings back, and what it has to do again."""
    if what.n_steps_again <= 0:
        first = f"Nothing was lost: {RESTORED}."
    else:
        same = "" if what.elsewhere else ", the same"
        first = f"{what.n_steps_again:,} steps after it are taken again{same}: {RESTORED}."
    elsewhere = _elsewhere(what.elsewhere) if what.elsewhere else ""
    return " ".join(filter(None, [first, elsewhere, *resume_notes(what)]))


def _elsewhere(what: Elsewhere) -> str:
    here, there = _parts(what.now), _parts(what.before)
    new = [part for part in here if part not in there] or here
    old = [part for part in there if part not in here] or there
    return (
        f"It goes on with {', '.join(new)} instead of {', '.join(old)}, so its numbers may not be "
        "the same to the last digit."
    )


def _parts(machine: Machine) -> list[str]:
    """A machine part by part: cpu, float32, 2 threads."""
    parts = [machine.device, machine.dtype]
    if machine.n_threads is not None:
        parts.append("1 thread" if machine.n_threads == 1 else f"{machine.n_threads} threads")
    if machine.n_processes > 1:
        parts.append(f"{machine.n_processes} processes")
    return parts
