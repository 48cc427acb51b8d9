"""Five questions that a learner has while a model trains, each answered with a number.

Is this loss good, is it still learning, is it overfitting, what changed since the last run, and
when is it done, or would more steps help. Pure: records and rows in, sentences out; every number is
the registry's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.findings.curve import State, verdict
from core.findings.meaning import (
    apart_in,
    apart_nats,
    is_said_as_zero,
    right_chance,
    size_of,
    unsure_among,
    unsure_change,
)
from core.findings.verdicts import Reached, answers_on, reached_by
from core.records.course import Course
from core.records.records import Change, Estimate, RunRecord, StepRecord
from core.settings.differences import Difference, reading_text, settings_diff
from core.text.reference import ReferenceLine
from lab.train_page.run.more_steps import more_steps_text
from lab.wording import words
from lab.wording.labels import change_text

MAX_DIFFERENCES, MAX_CHARACTERS = 3, 120
"""So many differences an answer names, and so long it may be; the others stand behind it."""
HOW_MUCH = "how much is that?"
READING = ("block_size", "batch_size")
"""Settings that together say how many characters a step learns from."""


@dataclass(frozen=True)
class Measured:
    """A run with what it has measured so far, and what was changed on its way."""

    run: RunRecord
    estimates: Sequence[Estimate]
    steps: Sequence[StepRecord] = ()
    changes: Sequence[Change] = ()
    broke_at: int | None = None
    """Where it failed by diverging, as `core.records.records.broke_at` has it."""


@dataclass(frozen=True)
class Answer:
    """A question, its answer in a sentence, and what stands behind it on request."""

    question: str
    text: str
    more_title: str = ""
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compared:
    """A run beside an earlier one on the same text: what was set differently, and both losses."""

    name: str
    """The earlier run's."""
    differences: tuple[str, ...]
    step: int | None = None
    """Where both are known; None where they have no step in common, and so no losses here."""
    here_nats: float = 0.0
    there_nats: float = 0.0
    is_measured: bool = True
    """False where one of the losses lies between two estimates."""
    is_whole: bool = False
    """Whether both are the best losses over the whole validation split, as tables say them."""
    is_at_end: bool = True
    """Whether these are those of the last steps, too."""


def answers(
    now: Measured,
    before: Measured | None,
    references: Sequence[ReferenceLine],
    in_bits: bool = False,
) -> list[Answer]:
    """Five answers. `before` is the run to compare with (on the same text), if there is one."""
    run = now.run
    found = verdict(now.estimates, now.steps, references, run.max_iters, now.broke_at)
    said = answers_on(found, references, in_bits, run)
    measure = None
    if found.standing and not run.looks_ahead:
        measure = reached_by(found.standing, run)
    return [
        Answer("Is it good?", said.is_good, *_how_good(measure, in_bits)),
        Answer("Still learning?", said.still_learning),
        Answer("Overfitting?", said.overfitting),
        since(now, before, in_bits),
        _done_when(run, found.state, in_bits),
    ]


def _done_when(run: RunRecord, state: State | None, in_bits: bool) -> Answer:
    """Where the run stands, and whether more steps would help."""
    is_over = run.status == "finished"
    more = more_steps_text(state, in_bits)
    if is_over and not more:
        more = "Too few estimates to say whether more steps would help: the slope is not known yet"
    said = [words.progress(run), more]
    return Answer("Train longer?" if is_over else "Done when?", ". ".join(filter(None, said)))


def _how_good(reached: Reached | None, in_bits: bool) -> tuple[str, tuple[str, ...]]:
    """What stands behind the first answer: how large its losses feel."""
    if reached is None:
        return "", ()
    now, best = reached.loss_nats, reached.best_nats
    at_now = f"now, at {reached.in_words(now, in_bits)}"
    said = [f"{at_now}: {unsure_among(now)}, {right_chance(now)} on average"]
    if not reached.is_at_its_best:
        at = f"at best, at step {reached.best_step:,} ({reached.in_words(best, in_bits)})"
        said.append(f"{at}: {unsure_among(best)}")
    return HOW_MUCH, (*said, size_of(-0.1, in_bits))


# --- since the last run ---------------------------------------------------------------------------


def since(now: Measured, before: Measured | None, in_bits: bool = False) -> Answer:
    """What was set differently from another run, and what came of it at the same step."""
    question = "Since the last run?"
    if before is None:
        return Answer(question, "there is no earlier run on this text")
    compared = compare(now, before)
    fork = now.run.parent_step if now.run.parent == before.run.id else None
    if fork is not None and now.estimates and now.estimates[-1].step <= fork:
        theirs = f"up to step {fork:,} it is {before.run.name} itself"
        return Answer(question, f"{theirs}; no estimate after that yet")
    text, is_whole = _sentence(compared, in_bits)
    feeling = _feeling(compared, in_bits)
    title = "" if is_whole else "all differences"
    more = (*feeling, *(() if is_whole else compared.differences))
    return Answer(question, text, title or (HOW_MUCH if feeling else ""), more)


def compare(now: Measured, before: Measured) -> Compared:
    """Two runs side by side; the losses only where they can be compared."""
    sees_ahead = now.run.looks_ahead or before.run.looks_ahead
    alike = now.run.fingerprint == before.run.fingerprint and not sees_ahead
    at = _last_step_of_both(now, before) if alike else None
    name, differences = before.run.name, tuple(_differences(now, before, at))
    if at is None:  # an imported run was measured at its last step only
        return Compared(name, differences)
    whole_here, whole_there = _whole_split_loss(now.run, at), _whole_split_loss(before.run, at)
    if whole_here is not None and whole_there is not None:
        at_end = all(x.run.val_loss_nats == x.run.best_val_loss_nats for x in (now, before))
        return Compared(
            name, differences, at, whole_here, whole_there, is_whole=True, is_at_end=at_end
        )
    (here, measured_here), (there, measured_there) = _loss_at(now, at), _loss_at(before, at)
    return Compared(name, differences, at, here, there, measured_here and measured_there)


def _sentence(compared: Compared, in_bits: bool) -> tuple[str, bool]:
    """The loss first, then the differences as far as there is room; and whether that is all."""
    loss, differences = _loss_in_words(compared, in_bits), compared.differences
    if not differences:
        return f"{loss}: nothing was set differently", True
    for n in range(min(len(differences), MAX_DIFFERENCES), 0, -1):
        rest = [f"{len(differences) - n} more"] if n < len(differences) else []
        text = f"{loss}: {'; '.join([*differences[:n], *rest])}"
        if len(text) <= MAX_CHARACTERS:
            break
    return text, not rest


def _loss_in_words(compared: Compared, in_bits: bool) -> str:
    """How the loss compares with that of the earlier run, where they can be compared."""
    name = compared.name
    if compared.step is None:
        return f"against {name}"
    by = compared.here_nats - compared.there_nats
    if not compared.differences and not by:
        return f"the same numbers as {name}"
    where = f"at step {compared.step:,}{'' if compared.is_measured else ' (interpolated)'}"
    if compared.is_whole:
        when = f"after {compared.step:,} steps" if compared.is_at_end else "at best"
        where = f"{when}, over the whole validation split"
    if is_said_as_zero(by, in_bits):
        return f"the same loss as {name} {where}"
    apart = apart_in(compared.here_nats, compared.there_nats, in_bits)
    return f"{apart} {'lower' if by < 0 else 'higher'} than {name} {where}"


def _feeling(compared: Compared, in_bits: bool) -> tuple[str, ...]:
    """How much the difference of the losses is, in two sentences."""
    by = apart_nats(compared.here_nats, compared.there_nats, in_bits)
    if compared.step is None or is_said_as_zero(by, in_bits):
        return ()
    return (
        f"{compared.name} -> this run: {unsure_change(compared.there_nats, compared.here_nats)}",
        size_of(by, in_bits),
    )


def _last_step_of_both(now: Measured, before: Measured) -> int | None:
    """The last step up to which both are known; None where they have none in common."""
    if not now.estimates or not before.estimates:
        return None
    begins = max(each.estimates[0].step for each in (now, before))
    ends = min(each.estimates[-1].step for each in (now, before))
    return ends if begins <= ends else None


def _whole_split_loss(run: RunRecord, step: int) -> float | None:
    """The best loss over the whole validation split, where the run ended at this step; in nats."""
    return run.best_val_loss_nats if run.status == "finished" and run.step == step else None


def _loss_at(measured: Measured, step: int) -> tuple[float, bool]:
    """The loss at a step in nats, at the height of the curve there, and whether it was measured."""
    steps = [e.step for e in measured.estimates]
    losses = [e.val_loss_nats for e in measured.estimates]
    return float(np.interp(step, steps, losses)), step in steps


def _differences(now: Measured, before: Measured, at: int | None) -> list[str]:
    """What the two were started with, and what was changed on the way of one of them up to `at`."""
    said = _changed(now, before, at)
    said += [f"in {before.run.name} {each}" for each in _changed(before, now, at)]
    first = [Course(each.run.config, each.changes).at(0) for each in (before, now)]
    # What the other model does not have follows from its being another.
    named = {d.name: d for d in settings_diff(*first) if None not in (d.before, d.after)}
    # Equal steps are not equal reading where they learn from more characters each.
    read = [change_text(named.pop(name)) for name in READING if name in named]
    if reading := reading_text(*first):
        read.append(f"so {reading}")
    model = [change_text(named.pop("model"))] if "model" in named else []
    said += [*model, *([", ".join(read)] if read else []), *map(change_text, named.values())]
    if now.run.fingerprint != before.run.fingerprint:
        said.insert(0, f"corpus {before.run.corpus} -> {now.run.corpus}")
    return said


def _changed(one: Measured, other: Measured, at: int | None) -> list[str]:
    """What was changed in one run after its first step, up to `at`, and not in the other."""
    theirs = [change for change in one.changes if change not in other.changes]
    theirs = [c for c in theirs if c.step > 0 and (at is None or c.step <= at)]
    if not theirs:
        return []
    last = theirs[-1]
    # What follows the learning rate is not worth a word of its own.
    name = "learning_rate" if "learning_rate" in last.settings else next(iter(last.settings))
    said = f"{change_text(Difference(name, *last.settings[name]))} at step {last.step:,}"
    course = Course(one.run.config, one.changes)
    if reading := reading_text(course.at(last.step - 1), course.at(last.step)):
        said += f", so {reading}"
    return [said if len(theirs) == 1 else f"{said} (the last of {len(theirs)} changes)"]
