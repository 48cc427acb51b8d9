"""The command that says of one run what the Train page says of it."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from core.commands.common import Fields, listed
from core.differences import settings_diff
from core.lab import Lab
from core.notes import notes_on, verdict
from core.records import RunRecord, run_before
from core.reference import reference_lines
from core.spelling import lexicon_of, spelling_of


def show(lab: Lab, args: Namespace) -> Fields:
    record = lab.run(args.run)
    corpus = lab.corpus_of(record)
    estimates, steps = lab.store.estimates(record.id), lab.store.steps(record.id)
    references = reference_lines(corpus)
    said = verdict(estimates, steps, references, record.max_iters)
    notes = notes_on(estimates, steps, references, record.max_iters)
    fields: Fields = listed(lab, [record])["runs"][0]
    return fields | {
        "references_nats": {line.name: line.loss_nats for line in references},
        "answers": asdict(said),
        "notes": [asdict(note) for note in notes],
        "since": _since(lab, record),
        "events": [
            {"iter": e.iter, "kind": e.kind, "detail": e.detail}
            for e in lab.store.events(record.id)
        ],
        "samples": [
            asdict(sample) | asdict(spelling_of(sample.text, lexicon_of(corpus.text)))
            for sample in lab.store.samples(record.id)[-1:]
        ],
        "health": {name: rows[-1][1] for name, rows in lab.store.health(record.id).items()},
    }


def _since(lab: Lab, record: RunRecord) -> Fields | None:
    """The run to compare with, and what was set differently."""
    before = run_before(lab.runs(), record)
    if before is None:
        return None
    return {
        "run": before.id,
        "name": before.name,
        "settings": {
            d.name: [d.before, d.after] for d in settings_diff(before.config, record.config)
        },
    }
