"""Home: what the three models are, and one button that lets all three learn side by side."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.config import MODEL_KINDS, ModelKind, TrainConfig
from core.corpus import Corpus
from core.race import BUDGETS, Fairness, race_configs
from core.racing import start_race
from core.records import RunRecord
from core.reference import reference_lines
from lab import words
from lab.components.live_plot import live_plot
from lab.deeds import deed_button
from lab.figures.diagrams import diagram
from lab.figures.losses import WORDS, X_TITLES, XAxis, loss_figure
from lab.glossary import explained
from lab.plain import plain
from lab.state import choose_run, curve_of, is_live, palette, the_lab, the_service

WHAT_THEY_ARE: dict[ModelKind, tuple[str, str]] = {
    "bigram": (
        "Bigram table",
        "Sees one character and knows what tends to follow it. One table of numbers is the whole "
        "model.",
    ),
    "attention": (
        "Self-attention",
        "Sees all characters before the guess at once. Each head decides how much to take from "
        "each of them.",
    ),
    "transformer": (
        "Transformer",
        "Attention again and again, with time to think in between: what GPT is made of, only "
        "smaller.",
    ),
}


def main() -> None:
    lab = the_lab()
    corpus = lab.library.load()
    st.title("Three models learn to write like Shakespeare")
    st.markdown(
        "Each model reads the same plays and learns one thing only: **to guess the next "
        "character**. The better it guesses, the lower its loss, and the more its own writing "
        "looks like the text."
    )
    _render_models()
    runs = _newest_of_each(lab.runs())
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        _render_button(corpus, runs)
    axis = right.segmented_control(
        "Horizontal axis", list(X_TITLES), default="steps", required=True, key="home_axis",
        label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    live = any(is_live(run) for run in runs)
    st.fragment(_render_race, run_every=1.0 if live else None)(corpus, axis or "steps", live)


def _render_models() -> None:
    for column, kind in zip(st.columns(3, gap="medium"), MODEL_KINDS):
        title, sentence = WHAT_THEY_ARE[kind]
        with column.container(border=True, height="stretch"):
            st.image(diagram(kind, palette()), width="stretch")
            st.markdown(f"**{title}.** {sentence}")


def _render_button(corpus: Corpus, runs: list[RunRecord]) -> None:
    """One primary button: train, pause or resume, whichever is next."""
    live = [run for run in runs if is_live(run)]
    waiting = [run for run in runs if run.status in ("paused", "interrupted")]
    with st.container(horizontal=True, vertical_alignment="center"):
        if live:
            deed_button(
                "Pause", "pause", lambda: _each(live, the_service().pause), key="home_pause"
            )
        if waiting and not live:
            deed_button(
                "Resume", "play_arrow", lambda: _each(waiting, the_service().resume),
                key="home_resume",
            )  # fmt: skip
        if not live:
            label = "Train all three again" if runs else "Train all three"
            deed_button(
                label, "play_arrow", lambda: _start_race(corpus), key="home_train",
                primary=not waiting,
            )  # fmt: skip
        st.caption(
            "About a minute in all; they take turns on this computer. Corpus: "
            f"{plain(corpus.name)}."
        )


def _each(runs: list[RunRecord], action: Callable[[str], None]) -> None:
    for run in runs:
        action(run.id)


def _start_race(corpus: Corpus) -> None:
    """Start one quick run of each model, at equal steps."""
    terms: tuple[Fairness, int] = ("steps", BUDGETS["steps"])
    configs = race_configs(the_lab().configure, corpus, *terms, None, TrainConfig.seed)
    choose_run(start_race(the_service(), configs, corpus, *terms)[-1])


def _newest_of_each(runs: list[RunRecord]) -> list[RunRecord]:
    """The newest run of each model but for sweeps, in the order of the curriculum."""
    newest: dict[str, RunRecord] = {}
    for run in runs:
        if not run.sweep:
            newest.setdefault(run.model, run)
    return [newest[kind] for kind in MODEL_KINDS if kind in newest]


def _render_race(corpus: Corpus, axis: XAxis, was_live: bool) -> None:
    everything = the_lab().runs()
    runs = _newest_of_each(everything)
    if was_live and not any(is_live(run) for run in runs):
        st.rerun()
    curves = [curve_of(run) for run in runs]
    live_plot(
        loss_figure(curves, reference_lines(corpus), palette(), axis=axis),
        key="race",
        height_px=390,
        alt="Validation loss of the three models against the lines that counting alone reaches",
    )
    st.caption(
        "Strong line: validation loss, estimated on text that no model learns from. Thin line: "
        "loss on the batch just seen. Grey: what counting reaches, without any training. A counted "
        "5-gram is hard to beat: it needs the transformer, and patience.",
        help=explained(*WORDS),
    )
    for run in everything:
        if is_live(run) and run not in runs:
            st.caption(f"Also running now: {plain(run.name)}, {run.model}, {words.progress(run)}")
    if runs:
        for column, run in zip(st.columns(len(runs), gap="medium"), runs):
            with column.container(border=True, height="stretch"):
                _render_card(run)


def _render_card(run: RunRecord) -> None:
    store = the_lab().store
    estimates, samples = store.estimates(run.id), store.samples(run.id)
    title, _ = WHAT_THEY_ARE[run.model]
    st.markdown(f"**{title}** · {plain(run.name)}")
    st.caption(words.progress(run))
    st.progress(run.iter / run.max_iters)
    if run.message:
        st.warning(run.message)
    if samples:
        loss = words.loss(estimates[-1].val_loss_nats)
        st.caption(
            f"It writes, at step {words.count(samples[-1].iter)}, with a loss of {loss} nats:"
        )
        st.code(samples[-1].text, language=None, wrap_lines=True, height=150)


main()
