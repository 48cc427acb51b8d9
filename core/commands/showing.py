"""The command `runs show`: what the Train page says of a run, in words and numbers."""

from __future__ import annotations

from argparse import Namespace
from math import isfinite

from core.commands.common import Fields, listed, say
from core.errors import CorpusError
from core.findings.curve import Lines, Verdict, lines_beside, verdict
from core.findings.meaning import perplexity
from core.findings.notes import Note, note_of, notes_on
from core.findings.verdicts import answers_on, reached_by
from core.records.course import Course
from core.records.event_words import detail_of, story_of
from core.records.events import Changed
from core.records.records import RunRecord, broke_at, run_before
from core.records.stored import stored
from core.registry import changes_among
from core.runs.lab import Lab
from core.settings.differences import reading_text, settings_diff
from core.text.reference import ReferenceLine, reference_lines


def show(lab: Lab, args: Namespace) -> Fields:
    record = lab.run(args.run)
    references = _references(lab, record)
    estimates, steps = lab.store.estimates(record.id), lab.store.steps(record.id)
    broke = broke_at(record, lab.store.events(record.id))
    beside = lines_beside(record, references)
    found = verdict(estimates, steps, beside, record.max_iters, broke)
    notes = notes_on(estimates, steps, beside, record.max_iters, broke_at=broke)
    fields: Fields = listed(lab, [record])["runs"][0]
    if lost := lab.lost_text(record):
        say(lost)
    return fields | {
        "references_nats": {line.name: line.loss_nats for line in references},
        "answers": _answers(found, beside, record),
        "notes": [_note(note) for note in notes],
        "since": _since(lab, record),
        "events": _events(lab, record),
        "samples": [stored(sample) for sample in lab.store.samples(record.id)[-1:]],
        "health": {name: rows[-1][1] for name, rows in lab.store.health(record.id).items()},
    }


def _references(lab: Lab, record: RunRecord) -> tuple[ReferenceLine, ...]:
    """What counting reaches on the run's own text; nothing, which is said, where that is gone."""
    try:
        return reference_lines(lab.corpus_of(record))
    except CorpusError as error:
        say(f"{error} So nothing here is compared with what counting reaches.")
        return ()


def _note(note: Note) -> Fields:
    """A note; a number that is none, which JSON cannot say, is left empty."""
    numbers = {name: nats if isfinite(nats) else None for name, nats in note.numbers}
    return {"kind": note.kind, "iter": note.step, "text": note.text, "rule": note.rule,
            "numbers_nats": numbers}  # fmt: skip


def _answers(found: Verdict, references: Lines, record: RunRecord) -> dict[str, Fields]:
    """Three answers: each a sentence, and the numbers in it with their units."""
    said, standing, state = answers_on(found, references, run=record), found.standing, found.state
    numbers: dict[str, Fields] = {"is_good": {}, "still_learning": {}, "overfitting": {}}
    if standing:
        now, best = standing.now, standing.best
        loss_nats = reached_by(standing, record).loss_nats
        numbers["is_good"] = {
            "now_nats": now.val_loss_nats, "now_iter": now.step,
            "best_nats": best.val_loss_nats, "best_iter": best.step,
            "loss_nats": loss_nats, "perplexity": perplexity(loss_nats),
        }  # fmt: skip
        numbers["overfitting"] = {"gap_nats": now.val_loss_nats - now.train_loss_nats}
    if state:
        numbers["still_learning"] = {"state": note_of(state).kind}
    return {name: {"text": getattr(said, name)} | numbers[name] for name in numbers}


def _events(lab: Lab, record: RunRecord) -> list[Fields]:
    """What happened, `text` in words; of a change, `told` is what is worth telling of it.

    That is name to old and new value.
    """
    events = lab.store.events(record.id)
    course = Course(record.config, changes_among(events))
    rows: list[Fields] = []
    for event in events:
        what = event.what
        rows.append({"iter": event.step, "kind": event.kind, "detail": detail_of(what),
                     "text": story_of(what)})  # fmt: skip
        for change in changes_among([event]):
            told = course.telling(change)
            rows[-1] |= {"told": told, "text": story_of(Changed(told))}
    return rows


def _since(lab: Lab, record: RunRecord) -> Fields | None:
    """The run on the same text to compare with, and what was set differently."""
    before = run_before(lab.runs(), record)
    if before is None:
        return None
    return {
        "run": before.id,
        "name": before.name,
        "settings": {
            d.name: [d.before, d.after] for d in settings_diff(before.config, record.config)
        },
        "reading": reading_text(before.config, record.config) or "the same characters per step",
    }
