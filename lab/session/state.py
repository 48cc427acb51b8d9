"""What a page may hold on to: the lab, the run that the session looks at, and loaded models.

Caches, as `texts`, `transitions`, `told_steps`, `challenges` and `pace` beside it do: no other file
does.
Runs and services live in `core`; a session holds a run's id and nothing more.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Literal, get_args

import streamlit as st

from core.generation.sampling import write_sample
from core.generation.spelling import WrittenWords, Yardstick, written_words_of, yardstick_of
from core.interpretability.attention import AttentionWorth, attention_worth
from core.interpretability.context import counted_by_context, loss_by_context
from core.interpretability.examples import Example, where_it_mattered
from core.interpretability.habits import (
    HeadHabits,
    HeadWorth,
    head_habits,
    heads_worth,
    windows_to_look_at,
)
from core.interpretability.parts import Part
from core.models import build_model
from core.records.records import LIVE, RunRecord
from core.runs.lab import Lab, LoadedModel, Moment
from core.runs.rebuilding import suspect
from core.runs.timing import calibration_of, remembered_calibration
from core.service.service import TrainingService, training_service
from core.settings.config import RunConfig
from core.storage.checkpoint import CheckpointFolder
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus
from core.training.evaluation import loss_given_the_past, windows_loss
from core.training.preflight import Calibration, flops_per_token
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

MEASURING_FLOPS = 120_000_000_000
"""What the worth of attention may cost, as work of training on so much text: a few seconds."""

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


@st.cache_data(show_spinner=False, max_entries=8)
def _yardstick(name: str, fingerprint: str) -> Yardstick | None:
    """What words a text has; `fingerprint` is there to tell texts of one name apart."""
    return yardstick_of(the_lab().library.load_exactly(name, fingerprint))


def snapshot_steps(run_id: str) -> list[int]:
    """The steps of which a run has kept a snapshot, ascending."""
    return SnapshotFolder(the_lab().home.run_folder(run_id)).steps()


def yardstick_in(corpus: Corpus) -> Yardstick | None:
    """What words a text has; None for one that is not written in words. Counted once."""
    return _yardstick(corpus.name, corpus.fingerprint)


def kept_step(run_id: str, step: int) -> int | None:
    """The step nearest to `step` of which a snapshot is kept; None where there is none at all."""
    kept = snapshot_steps(run_id)
    return min(kept, key=lambda each: abs(each - step), default=None)


@st.cache_data(show_spinner="Writing a longer text …", max_entries=200)
def written_words(run_id: str, step: int, loss_nats: float) -> WrittenWords | None:
    """How much of a longer text is words, written by the snapshot of a step.

    None where the corpus is not written in words. `loss_nats` tells apart what a run was at the
    step before and after it was resumed another way. Raises CheckpointError where there is no such
    snapshot, CorpusError where the text is gone.
    """
    run = the_lab().run(run_id)
    yardstick = _yardstick(run.corpus, run.fingerprint)
    if yardstick is None:
        return None
    return written_words_of(
        the_lab().snapshot(run, step).model, the_lab().corpus_of(run), yardstick
    )


@st.cache_data(show_spinner=False, max_entries=16)
def untrained_sample(config: RunConfig, corpus_name: str, prompt: str = "") -> str:
    """What a model of these settings writes before it has learned anything."""
    corpus = the_lab().library.load(corpus_name)
    model = build_model(config.model, config.train.seed).eval()
    return write_sample(model, corpus.vocabulary, config.train, prompt)


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
    return _loaded_model(record.id, step, moment == "best", _written_at_ns(record.id, step))


def model_key(run: RunRecord | None, loaded: LoadedModel) -> str:
    """By what that is kept in memory which was measured of a model; None for an untrained one."""
    return f"{run.id if run else ''} {loaded.origin}"


def _written_at_ns(run_id: str, step: int) -> int:
    """When the newest file of a step was written: a run that went back comes to a step again."""
    folder, written = the_lab().home.run_folder(run_id), 0
    for path in (CheckpointFolder(folder).path(step), SnapshotFolder(folder).path(step)):
        with suppress(FileNotFoundError):
            written = max(written, path.stat().st_mtime_ns)
    return written


@st.cache_data(show_spinner=False, max_entries=64)
def worth_of_attention(key: str, _loaded: LoadedModel, _corpus: Corpus) -> AttentionWorth:
    """What attention does for a model; takes a few seconds, once for each `key`.

    Of the validation text a large model reads only the beginning.
    """
    n_read = max(MEASURING_FLOPS // flops_per_token(_loaded.model.config), 1_000)
    return attention_worth(_loaded.model, _corpus.val[:n_read])


@st.cache_data(show_spinner=False, max_entries=64)
def habits_of_heads(key: str, _loaded: LoadedModel, _corpus: Corpus) -> list[HeadHabits]:
    """What the heads of a model have a habit of, by layer and head; measured once for each `key`.

    On windows of the validation text: fewer where a model is large, so that a page waits for less
    than a second.
    """
    windows = windows_to_look_at(_loaded.model, _corpus)
    return head_habits(_loaded.model, _loaded.vocabulary, windows[:, :-1])


def habits_at_step(run_id: str, step: int) -> list[HeadHabits]:
    """As `habits_of_heads`, of a run's snapshot; measured once for each.

    Raises CheckpointError where there is no such snapshot, CorpusError where the text is gone.
    """
    return _habits_at_step(run_id, step, _written_at_ns(run_id, step))


@st.cache_data(show_spinner=False, max_entries=512)
def _habits_at_step(run_id: str, step: int, written_at_ns: int) -> list[HeadHabits]:
    run = the_lab().run(run_id)
    loaded = the_lab().snapshot(run, step)
    windows = windows_to_look_at(loaded.model, the_lab().corpus_of(run))
    return head_habits(loaded.model, loaded.vocabulary, windows[:, :-1])


@st.cache_data(show_spinner=False, max_entries=64)
def worth_of_heads(key: str, _loaded: LoadedModel, _corpus: Corpus) -> list[HeadWorth]:
    """What losing each head would cost, the costliest first; measured once for each `key`."""
    return heads_worth(_loaded.model, windows_to_look_at(_loaded.model, _corpus))


@st.cache_data(show_spinner=False, max_entries=256)
def examples_for(
    key: str, _loaded: LoadedModel, _corpus: Corpus, _part: Part, n: int
) -> list[Example]:
    """The guesses that a part was for; measured once for each `key`, of model and part."""
    windows = windows_to_look_at(_loaded.model, _corpus)
    return where_it_mattered(_loaded.model, _loaded.vocabulary, windows, _part, n)


def past_alone(record: RunRecord, corpus: Corpus) -> tuple[float, float, int]:
    """A run's losses on the same guesses: whole windows read at once, and the past alone; how many.

    In nats per character, at its best checkpoint, on some windows of the validation text.
    """
    loaded = loaded_model(record)
    return _past_alone(f"{record.id} {loaded.step}", loaded, corpus)


@st.cache_data(show_spinner=False, max_entries=16)
def _past_alone(key: str, _loaded: LoadedModel, _corpus: Corpus) -> tuple[float, float, int]:
    windows = windows_to_look_at(_loaded.model, _corpus)
    n_guesses = windows[:, 1:].numel()
    return (
        windows_loss(_loaded.model, windows), loss_given_the_past(_loaded.model, windows),
        n_guesses,
    )  # fmt: skip


def last_text_of(record: RunRecord) -> str:
    """What a run wrote at the last of its estimates so far; empty where it has written nothing."""
    samples = the_lab().store.samples(record.id)
    return samples[-1].text if samples else ""


def losses_by_context(record: RunRecord) -> list[float]:
    """A run's mean loss in nats with 1, 2, … characters of context, at its best checkpoint.

    Of the validation text a large model reads only the beginning. Raises CorpusError.
    """
    loaded, corpus = loaded_model(record), the_lab().corpus_of(record)
    return _losses_by_context(f"{record.id} {loaded.step}", loaded, corpus)


@st.cache_data(show_spinner=False, max_entries=64)
def _losses_by_context(key: str, _loaded: LoadedModel, _corpus: Corpus) -> list[float]:
    # Forwards alone are a third of a step, and here all of a small model's text is worth the wait.
    per_token = max(1, flops_per_token(_loaded.model.config))  # a table computes none
    n_read = max(12 * MEASURING_FLOPS // per_token, 10_000)
    return loss_by_context(_loaded.model, _corpus.val[:n_read]).tolist()


@st.cache_data(show_spinner=False, max_entries=8)
def _counted_by_context(fingerprint: str, _corpus: Corpus) -> list[float]:
    return counted_by_context(_corpus)


def counted_context_of(record: RunRecord) -> list[float]:
    """What counted n-grams reach with 1, 2, … characters on the text of a run."""
    return _counted_by_context(record.fingerprint, the_lab().corpus_of(record))


@st.cache_resource(show_spinner=False, max_entries=12)
def _loaded_model(run_id: str, step: int, is_best: bool, written_at_ns: int) -> LoadedModel:
    lab = the_lab()
    return lab.model_at(lab.run(run_id), "best" if is_best else step)
