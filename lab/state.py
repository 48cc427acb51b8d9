"""What a page may hold on to: the lab, what the session has chosen, and loaded models.

The only file that names keys of `st.session_state` that outlive one page, and the only one that
caches. Runs and services live in `core`; a session holds a run's id and nothing more.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import streamlit as st

from core.devices import set_threads
from core.lab import Lab, LoadedModel, Which
from core.preflight import Calibration, calibrate
from core.records import LIVE, RunRecord
from core.service import TrainingService, training_service
from lab.figures.losses import MAX_POINTS, LossCurve
from lab.palette import Palette, palette_for

_CHOSEN_RUN = "chosen_run"


@st.cache_resource(show_spinner=False)
def the_lab() -> Lab:
    """The lab home of this server, with as many CPU threads as LAB_THREADS says."""
    set_threads(None)
    return Lab()


def the_calibration() -> Calibration | None:
    """How fast this machine is; None while it is being timed, which the first call begins."""
    timing = _timing()
    return timing.result() if timing.done() else None


@st.cache_resource(show_spinner=False)
def _timing() -> Future[Calibration]:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="timing").submit(calibrate)


def the_service() -> TrainingService:
    """The process's training thread; it does not belong to the session or to the cache."""
    return training_service(the_lab())


def palette() -> Palette:
    """The colours for the theme that the reader has on."""
    return palette_for(st.context.theme.type)


def is_live(record: RunRecord) -> bool:
    """Whether the run's numbers are changing now."""
    return record.status in LIVE


def chosen_run(runs: list[RunRecord]) -> RunRecord | None:
    """The run that the session looks at: the one it chose, else a live one, else the newest."""
    wanted = st.session_state.get(_CHOSEN_RUN)
    by_id = {run.id: run for run in runs}
    if wanted in by_id:
        return by_id[wanted]
    return next((run for run in runs if is_live(run)), runs[0] if runs else None)


def choose_run(run_id: str) -> None:
    """Look at this run from now on, on every page."""
    st.session_state[_CHOSEN_RUN] = run_id


def curve_of(record: RunRecord) -> LossCurve:
    """The loss curve of a run as the registry has it now."""
    store = the_lab().store
    return LossCurve.of(
        record, store.steps(record.id, at_most=MAX_POINTS), store.estimates(record.id)
    )


def loaded_model(record: RunRecord, which: Which = "best") -> LoadedModel:
    """The model of a run to look at, kept in memory while its checkpoint is the same file."""
    step = the_lab().model_step(record, which)
    return _loaded_model(record.id, step, which)


@st.cache_resource(show_spinner=False, max_entries=12)
def _loaded_model(run_id: str, step: int, which: Which) -> LoadedModel:
    lab = the_lab()
    return lab.model(lab.run(run_id), which)
