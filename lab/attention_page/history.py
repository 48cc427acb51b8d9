"""How heads came to their habits: measured at every snapshot of a run once the fold is open."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import CheckpointError
from core.interpretability.habits import even_entropy_nats
from core.interpretability.history import HeadHistory, head_histories
from core.records.records import RunRecord
from lab.attention_page.head_words import HABIT_RULES, HABIT_WORDS
from lab.attention_page.history_words import history_sentence, stages_text
from lab.components.live_plot import live_plot
from lab.figures.head_history import (
    head_history_figure,
    histories_figure,
    histories_height_px,
)
from lab.session.measured import habits_at_step
from lab.session.state import palette, snapshot_steps
from lab.wording.glossary import explained
from lab.wording.plain import unmarked

ONE_PX, ALL_PX, ONE_HEIGHT_PX = 470, 700, 330
SHORT = {name: short for name, (short, _) in HABIT_WORDS.items()}


def render_history(run: RunRecord, chosen: tuple[int, int]) -> tuple[int, int] | None:
    """The fold. Returns layer and head, from 1, of a head that was clicked, if any.

    Snapshots are measured one by one, and each only once: whoever does something else on the page
    meanwhile interrupts it, and finds it further on when it comes back.
    """
    fold = st.expander(
        "How the heads came to their habits", key="attention_history", on_change="rerun",
        icon=":material/timeline:",
    )  # fmt: skip
    if not fold.open:
        return None
    with fold:
        histories = _measured(run)
        if not histories:
            st.caption("This run kept no snapshots, so how its heads came to be is not known.")
            return None
        return _render_histories(run, histories, chosen)


def _measured(run: RunRecord) -> list[HeadHistory]:
    """The histories of all heads; says how far it is while it measures."""
    steps, measured = [], []
    wanted = snapshot_steps(run.id)
    bar = st.progress(0.0, "Measuring the heads at every snapshot …")
    for done, step in enumerate(wanted):
        try:
            measured.append(habits_at_step(run.id, step))
            steps.append(step)
        except CheckpointError:  # thinned out meanwhile
            continue
        bar.progress(
            (done + 1) / len(wanted),
            f"Measuring the heads at every snapshot: {done + 1} of {len(wanted)}",
        )
    bar.empty()
    return head_histories(steps, measured) if steps else []


def _render_histories(
    run: RunRecord, histories: Sequence[HeadHistory], chosen: tuple[int, int]
) -> tuple[int, int] | None:
    head = next((h for h in histories if (h.layer, h.head) == chosen), histories[0])
    sentence = history_sentence(head)
    st.markdown(sentence, help=HABIT_RULES)
    model = run.config.model
    with st.container(horizontal=True, gap="medium"):
        left = st.container(width=ONE_PX, gap="xsmall")
        right = st.container(width=ALL_PX, gap="xsmall")
    with left:
        even_nats = even_entropy_nats(model.block_size)
        live_plot(
            head_history_figure(head, even_nats, SHORT, model.model, palette(), ONE_PX),
            key="attention_history_one", height_px=ONE_HEIGHT_PX, alt=unmarked(sentence),
        )  # fmt: skip
        about = (
            f"Share: for {HABIT_WORDS[head.habit][1]}. Dashed: a head that spreads evenly. Its "
            f"names: {stages_text(head)}."
        )
        st.caption(about, help=explained("entropy", "attention head"))
    with right:
        click = live_plot(
            histories_figure(
                histories, SHORT, (head.layer, head.head), model.model, palette(), ALL_PX
            ),
            key="attention_history_all", clickable=True,
            height_px=histories_height_px(len(histories)),
            alt="The names of all heads at each snapshot: "
            + "; ".join(f"head {h.layer}.{h.head} {stages_text(h)}" for h in histories[:16]),
        )  # fmt: skip
        st.caption(
            "A row for each head, a column for each snapshot, each name where it begins. Click a "
            "row to choose the head."
        )
    if click and isinstance(click.y, int | float) and 0 <= round(click.y) < len(histories):
        clicked = histories[round(click.y)]
        return clicked.layer, clicked.head
    return None
