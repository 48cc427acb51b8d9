"""All processes but the first of those that train one model: they step along and write nothing.

Reads the run's settings and its checkpoint where the first process, which leads, has put them. What
is said between them is `core.training.parallel`'s.
"""

from __future__ import annotations

from contextlib import suppress

from core.library.texts import CorpusLibrary
from core.records.course import Course
from core.registry import Store
from core.storage.checkpoint import CheckpointFolder
from core.storage.home import LabHome
from core.training.parallel import World
from core.training.trainer import DivergedError, Trainer


def follow_run(home: LabHome, store: Store, world: World) -> None:
    """Step along with the process that leads, until it ends. Reads the lab and writes nothing."""
    run_id, step = world.hear_of_run()
    if run_id is None:
        return
    record = store.run(run_id)
    corpus = CorpusLibrary(home).load_exactly(record.corpus, record.fingerprint)
    course = Course(record.config, store.changes(run_id))
    trainer = Trainer(course.at(step), corpus, world)
    if step:
        trainer.load_state_dict(CheckpointFolder(home.run_folder(run_id)).load(step).trainer)
    with suppress(DivergedError):  # the leader finds the same, and says so
        while world.hear_of_step():
            if course.turns_at(trainer.step):
                trainer.change(course.at(trainer.step))
            trainer.take_step()
        return
    while world.hear_of_step():
        pass
