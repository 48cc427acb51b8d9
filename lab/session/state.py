"""What a page may hold on to: the lab, the run that the session looks at, and loaded models.

Caches, as `measured`, `texts`, `transitions`, `told_steps`, `challenges` and `pace` beside it do;
no other file does.
Runs and services live in `core`; a session holds a run's id and nothing more.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Literal, get_args

import streamlit as st

from core.records.records import LIVE, RunRecord
from core.runs.lab import Lab, LoadedModel, Moment
from core.runs.rebuilding import suspect
from core.runs.timing import calibration_of, remembered_calibration
from core.service.service import TrainingService, training_service
from core.storage.checkpoint import CheckpointFolder
from core.storage.snapshots import SnapshotFolder
from core.training.preflight import Calibration
from core.training.threads import set_threads
from lab.figures.losses import MAX_POINTS, LossCurve
from lab.figures.palette import Palette, palette_for
from lab.session.entry import Entry

View = Literal["run", "race", "sweep", "runs"]
"""The views of the Train page."""
VIEWS: dict[View, str] = {"run": "One run", "race": "Race", "sweep": "Sweep", "runs": "Runs"}

Behind = Literal["newest", "chosen", "none"]
BEHIND: tuple[Behind, ...] = get_args(Behind)
"""Which runs stand behind the one on the bench."""

CALM_AFTER_S = 3.0

_CHOSEN_RUN: Entry[str | None] = Entry("chosen_run", None)
_WANTED_VIEW: Entry[View | None] = Entry("train_wanted_view", None)
_DRAFTED_RUN: Entry[str | None] = Entry("train_drafted_run", None)
_NOTES_SAID: Entry[tuple[str, ...]] = Entry("notes_of_the_lab_said", ())
_BENCH_IS_CLEAR = Entry("train_bench_is_clear", False)


@st.cache_resource(show_spinner=False)
def the_lab() -> Lab:
    """The lab home of this server, with as many CPU threads as LAB_THREADS says."""
    set_threads(None)
    return Lab()


def notes_of_the_lab() -> tuple[str, ...]:
    """What is to be said of the lab home as it was found, once in a session."""
    notes = the_lab().notes
    if _NOTES_SAID.get() == notes:
        return ()
    _NOTES_SAID.set(notes)
    return notes


def open_the_lab_again() -> None:
    """The registry was found damaged: it is made anew when the lab is opened, for all sessions."""
    suspect(the_lab().home)
    the_lab.clear()


@st.cache_resource(show_spinner=False)
def begin_process() -> None:
    """Send errors to the lab's log, where it can be written."""
    if not the_lab().home.is_writable:
        return
    handler = logging.FileHandler(the_lab().home.log, delay=True, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)


def the_calibration() -> Calibration | None:
    """How fast this machine is; None while it is being timed, which the first call begins."""
    timing = _timing()
    return timing.result() if timing.done() else None


def wait_for_calibration() -> Calibration:
    """How fast this machine is, as soon as that is known: a second or so."""
    return _timing().result()


@st.cache_resource(show_spinner=False)
def _timing() -> Future[Calibration]:
    known = remembered_calibration(the_lab().home)
    if known:
        done: Future[Calibration] = Future()
        done.set_result(known)
        return done
    timer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="timing")
    timing = timer.submit(_calibration_once_calm)
    timer.shutdown(wait=False)  # its thread ends with its work: see core.training.threads
    return timing


def _calibration_once_calm() -> Calibration:
    """Timed when the first page is drawn: before, each would be slower for the other."""
    time.sleep(CALM_AFTER_S)
    return calibration_of(the_lab().home)


def the_service() -> TrainingService:
    """The process's training thread; it does not belong to the session or to the cache."""
    return training_service(the_lab())


def palette() -> Palette:
    """The colours for the theme that the reader has on."""
    return palette_for(st.context.theme.type)


def is_live(record: RunRecord) -> bool:
    """Whether the run's numbers are changing now; a cell of a sweep may wait for long."""
    return record.status in LIVE and not (record.status == "queued" and record.sweep)


def chosen_run(runs: list[RunRecord], usual: RunRecord | None = None) -> RunRecord | None:
    """The run that the session looks at: the one it chose, else a live one, else the newest.

    A run of a sweep is only looked at where it was chosen: there are many, and one is like another.

    Args:
        runs: those that can be looked at, the newest first.
        usual: the one to look at where none of them was chosen, if there is such a one.
    """
    wanted = _CHOSEN_RUN.get()
    by_id = {run.id: run for run in runs}
    if wanted in by_id:
        return by_id[wanted]
    if usual:
        return usual
    single = [run for run in runs if not run.sweep]
    return next((run for run in single if is_live(run)), single[0] if single else None)


def choose_run(run_id: str) -> None:
    """Look at this run from now on, on every page."""
    _CHOSEN_RUN.set(run_id)
    _BENCH_IS_CLEAR.set(False)


def choose_newest() -> None:
    """Look at no run in particular from now on: each page at the newest that it can show."""
    _CHOSEN_RUN.clear()
    _BENCH_IS_CLEAR.set(False)


def clear_bench() -> None:
    """Begin anew on the Train page; the run that was there stays where runs are."""
    _BENCH_IS_CLEAR.set(True)


def run_on_the_bench(runs: list[RunRecord]) -> RunRecord | None:
    """The run that the Train page shows: the chosen one, unless the bench was cleared."""
    return None if _BENCH_IS_CLEAR.get() else chosen_run(runs)


def draft_is_of(run_id: str | None) -> bool:
    """Note that the controls say the settings of this run; False if they did so already."""
    known = _DRAFTED_RUN.get() == run_id
    _DRAFTED_RUN.set(run_id)
    return not known


def open_run(run_id: str) -> None:
    """Look at this run, and on the Train page in the view of one run."""
    choose_run(run_id)
    want_view("run")


def want_view(view: View) -> None:
    """Let the Train page show another view when it is drawn next."""
    _WANTED_VIEW.set(view)


def wanted_view() -> View | None:
    """The view that somebody asked for since the last time, if any."""
    return _WANTED_VIEW.take()


def snapshot_steps(run_id: str) -> list[int]:
    """The steps of which a run has kept a snapshot, ascending."""
    return SnapshotFolder(the_lab().home.run_folder(run_id)).steps()


def kept_step(run_id: str, step: int) -> int | None:
    """The step nearest to `step` of which a snapshot is kept; None where there is none at all."""
    kept = snapshot_steps(run_id)
    return min(kept, key=lambda each: abs(each - step), default=None)


def curve_of(record: RunRecord) -> LossCurve:
    """The loss curve of a run as the registry has it now."""
    store = the_lab().store
    # Estimates first: a step is then known for each of them.
    estimates = store.estimates(record.id)
    steps = store.steps(record.id, at_most=MAX_POINTS)
    return LossCurve.of(record, steps, estimates, store.changes(record.id))


def moment_of(record: RunRecord) -> Moment:
    """When in its training the session looks at a run: at `usual_moment` until it has chosen."""
    chosen = _moment(record.id).get()
    return usual_moment(record) if chosen is None else chosen


def usual_moment(record: RunRecord) -> Moment:
    return "newest" if is_live(record) else "best"


def choose_moment(run_id: str, moment: Moment) -> None:
    """Look at this moment of a run from now on, on every page."""
    _moment(run_id).set(moment)


def _moment(run_id: str) -> Entry[Moment | None]:
    return Entry(f"moment_{run_id}", None)


def loaded_model(record: RunRecord, moment: Moment = "best") -> LoadedModel:
    """The model of a run to look at, kept in memory while it is the same file."""
    step = the_lab().moment_step(record, moment)
    return _loaded_model(record.id, step, moment == "best", written_at_ns(record.id, step))


def model_key(run: RunRecord | None, loaded: LoadedModel) -> str:
    """By what that is kept in memory which was measured of a model; None for an untrained one."""
    return f"{run.id if run else ''} {loaded.origin}"


def written_at_ns(run_id: str, step: int) -> int:
    """When the newest file of a step was written: a run that went back comes to a step again."""
    folder, written = the_lab().home.run_folder(run_id), 0
    for path in (CheckpointFolder(folder).path(step), SnapshotFolder(folder).path(step)):
        with suppress(FileNotFoundError):
            written = max(written, path.stat().st_mtime_ns)
    return written


def last_text_of(record: RunRecord) -> str:
    """What a run wrote at the last of its estimates so far; empty where it has written nothing."""
    samples = the_lab().store.samples(record.id)
    return samples[-1].text if samples else ""


@st.cache_resource(show_spinner=False, max_entries=12)
def _loaded_model(run_id: str, step: int, is_best: bool, written_at_ns: int) -> LoadedModel:
    lab = the_lab()
    return lab.model_at(lab.run(run_id), "best" if is_best else step)
