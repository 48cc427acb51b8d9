"""Train: choose a model and its settings, set it going, and watch it learn."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.config import MODEL_KINDS, ModelKind, RunConfig
from core.corpus import Corpus
from core.errors import LabError
from core.models import count_params
from core.preflight import preflight
from core.records import RunRecord
from core.reference import reference_lines
from lab import words
from lab.components.live_plot import live_plot
from lab.controls import new_seed, run_settings
from lab.figures.losses import X_TITLES, XAxis, loss_figure
from lab.figures.schedules import schedule_figure
from lab.pickers import pick_run
from lab.plain import plain
from lab.state import (
    choose_run,
    chosen_run,
    curve_of,
    is_live,
    palette,
    the_calibration,
    the_lab,
    the_service,
)

CONTROLS_WIDTH_PX = 330
SAMPLES_SHOWN = 4


def main() -> None:
    lab = the_lab()
    st.title("Train a model and watch it learn")
    # Not columns: the controls keep their width on a narrow screen, and the chart gives way.
    page = st.container(horizontal=True, gap="medium", wrap=False)
    with page.container(width=CONTROLS_WIDTH_PX):
        corpus, config = _render_controls()
    with page.container(width="stretch"):
        runs = lab.runs()
        run = chosen_run(runs)
        _render_transport(run, config, corpus)
        axis, in_bits = _render_view(runs)
        live = run is not None and is_live(run)
        draw = st.fragment(_render_run, run_every=1.0 if live else None)
        draw(run.id if run else None, run.status if run else None, corpus, axis, in_bits)


# --- what to train --------------------------------------------------------------------------------


def _render_controls() -> tuple[Corpus, RunConfig]:
    model: ModelKind = st.segmented_control(
        "Model", MODEL_KINDS, default="transformer", required=True, key="train_model",
        format_func=str.capitalize, width="stretch", label_visibility="collapsed",
    ) or "transformer"  # fmt: skip
    with st.container(border=True, key="train_controls"):
        corpus, config = run_settings(the_lab(), model)
        train = config.train
        seen = train.max_iters * train.batch_size * config.model.block_size
        st.markdown(
            f"**{words.count(count_params(config.model))} parameters.** Stops after "
            f"{words.count(train.max_iters)} steps: {words.short_count(seen)} characters, "
            f"{seen / corpus.n_train:.1f} times through the training text."
        )
        waits = the_calibration() is None
        st.fragment(_render_costs, run_every=0.5 if waits else None)(config, waits)
        live_plot(
            schedule_figure(train, palette(), palette().model(model)),
            key="schedule",
            height_px=130,
            alt="Learning rate over the steps of the next run",
        )
    return corpus, config


def _render_costs(config: RunConfig, waited: bool) -> None:
    """What the run will cost on this machine; drawn again until that is known."""
    costs, calibration = preflight(config), the_calibration()
    if waited and calibration:
        st.rerun()
    time = f"about {words.duration(calibration.train_s(config))}" if calibration else "timing …"
    st.caption(
        f"{words.short_count(costs.flops_per_token)} FLOPs per character · "
        f"{words.count(costs.memory_mib)} MiB of memory · {time} on this machine "
        f"({costs.device}, {costs.dtype})"
    )


# --- what to do with a run ------------------------------------------------------------------------


def _render_transport(run: RunRecord | None, config: RunConfig, corpus: Corpus) -> None:
    """Buttons: one of them primary, the one that a learner most likely wants next."""
    live = run is not None and is_live(run)
    ours = run is not None and the_service().holds(run.id)
    resumable = run is not None and run.status in ("paused", "interrupted")
    under_way = live or resumable
    with st.container(horizontal=True, vertical_alignment="center", key="transport"):
        if run and live and ours:
            _button("Pause", "pause", lambda: the_service().pause(run.id), primary=True)
            _button("Stop", "stop", lambda: the_service().stop(run.id))
        elif run and resumable:
            _button("Resume", "play_arrow", lambda: the_service().resume(run.id), primary=True)
            _button("Step", "skip_next", lambda: the_service().step(run.id))
            _button("Stop", "stop", lambda: the_service().stop(run.id))
        _button(
            "New run" if under_way else "Start",
            "add" if under_way else "play_arrow",
            lambda: choose_run(the_service().start(config, corpus)),
            primary=not under_way,
            help_text="Starts a new run with the settings on the left",
        )
        if not under_way:
            _button("Step", "skip_next", lambda: _start_with_one_step(config, corpus))
        _button("New seed", "casino", lambda: new_seed(config.model.model))
        if live and not ours:
            st.caption("Another process trains this run; it can be watched here and stopped there.")


def _button(label: str, icon: str, action: Callable[[], None], *, primary: bool = False,
            help_text: str | None = None) -> None:  # fmt: skip
    """A transport button; what cannot be done is said under it, and nothing is lost."""
    key = "train_" + label.lower().replace(" ", "_")
    clicked = st.button(
        label, icon=f":material/{icon}:", type="primary" if primary else "secondary", key=key,
        help=help_text,
    )  # fmt: skip
    if clicked:
        try:
            action()
        except LabError as error:
            st.error(str(error))
        else:
            st.rerun()


def _start_with_one_step(config: RunConfig, corpus: Corpus) -> None:
    """Create a run, hold it, and let it take its first step."""
    run_id = the_service().start(config, corpus, paused=True)
    choose_run(run_id)
    the_service().step(run_id)


# --- what it does ---------------------------------------------------------------------------------


def _render_view(runs: list[RunRecord]) -> tuple[XAxis, bool]:
    """Which run is on the screen, and in which units."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if runs:
            with st.container(width=320):
                pick_run(runs, key="train_run", label="Run on the screen")
        axis: XAxis = (
            st.segmented_control(
                "Horizontal axis", list(X_TITLES), default="steps", required=True, key="train_axis"
            )
            or "steps"
        )
        unit = st.segmented_control(
            "Loss in", ["nats", "bits"], default="nats", required=True, key="train_unit"
        )
    return axis, unit == "bits"


def _render_run(
    run_id: str | None, shown_status: str | None, corpus: Corpus, axis: XAxis, in_bits: bool
) -> None:
    """Everything that changes while a run trains; drawn again at every tick."""
    run = the_lab().run(run_id) if run_id else None
    if run and run.status != shown_status:
        st.rerun()
    if run:
        st.markdown(f"**{plain(run.name)}** · {run.model} · {words.progress(run)}")
        if run.message:
            (st.error if run.status == "failed" else st.warning)(run.message)
    figure = loss_figure(
        [curve_of(run)] if run else [], reference_lines(corpus), palette(), axis=axis,
        x_end=_x_end(run, axis), in_bits=in_bits,
    )  # fmt: skip
    figure.update_layout(uirevision=f"{run_id}-{axis}-{in_bits}")
    live_plot(figure, key="loss", height_px=430, alt="Training and validation loss of the run")
    if run:
        _render_writing(run)
    else:
        st.caption(
            "The grey lines are what counting alone reaches on this text. Press Start, and the "
            "curve of a model falls from the first of them towards the last."
        )


def _x_end(run: RunRecord | None, axis: XAxis) -> float | None:
    if run is None or axis == "seconds":
        return None
    train, block_size = run.config.train, run.config.model.block_size
    return train.max_iters * (train.batch_size * block_size if axis == "characters" else 1)


def _render_writing(run: RunRecord) -> None:
    """What the run writes as it learns, newest on top, and what is saved of it."""
    store = the_lab().store
    samples = list(reversed(store.samples(run.id)))[:SAMPLES_SHOWN]
    estimates = {e.iter: e for e in store.estimates(run.id)}
    writing, facts = st.columns([5, 3], gap="medium")
    with writing:
        st.caption("What it writes, the newest first: the same start, the same dice.")
        for sample in samples:
            estimate = estimates[sample.iter]
            st.caption(
                f"Step {words.count(sample.iter)}, validation loss "
                f"{words.loss(estimate.val_loss_nats)} nats (estimate)"
            )
            st.code(sample.text, language=None, wrap_lines=True)
    with facts:
        last = estimates[max(estimates)] if estimates else None
        st.metric(
            "Validation loss" if run.val_loss is not None else "Validation loss (estimate)",
            words.loss(run.val_loss or (last.val_loss_nats if last else None)),
            help="Nats per character. Whole validation split when the run is finished.",
        )
        st.metric("Training loss (estimate)", words.loss(last.train_loss_nats if last else None))
        st.caption(
            f"{words.count(run.n_params)} parameters · corpus {run.corpus} · best at step "
            f"{words.count(run.best_iter)}"
        )
        st.caption(words.at_risk(run))
        for event in store.events(run.id):
            st.caption(f"Step {words.count(event.iter)}: {event.kind}. {event.detail}")


main()
