"""How a model came to the counts, step by step, what is left, and which pairs it knows best."""

from __future__ import annotations

from typing import Any

import streamlit as st
import torch
from torch import Tensor

from core.interpretability.divergence import Divergence, Pair, pairs_by_error
from core.text.characters import in_quotes, sign_of
from lab.bigram_page.sentences import rare_sentence, rest_sentence
from lab.bigram_page.shown import Shown
from lab.bigram_page.tables import Tables
from lab.components.live_plot import live_plot
from lab.figures.divergence import divergence_figure
from lab.figures.map_axes import percent
from lab.session.state import palette
from lab.session.transitions import divergence_from_counts, divergences_over_training
from lab.wording.glossary import explained

CURVE_PX, PAIRS_PX, CURVE_HEIGHT_PX, PAIR_ROW_PX = 396, 400, 290, 28
N_PAIRS, N_SAID, MIN_TIMES, MIN_PLACES = 10, 3, 100, 30
PAIRS_HELP = (
    "Off by: ln(counted / learned), in nats. So much more a guess of this pair costs by the "
    "learned table than by the counts; below 0 the model expects the pair too often. Ranked by "
    f"its size, among pairs that come at least {MIN_TIMES} times in the training text: of rarer "
    "ones chance decides. Of averages, rows of fewer than "
    f"{MIN_PLACES} places are left out too."
)
_PERCENT = st.column_config.NumberColumn(format="%.2f %%", width=72)
_COLUMNS = {
    "after": st.column_config.TextColumn(width=48),
    "comes": st.column_config.TextColumn(width=52),
    "times": st.column_config.NumberColumn(format="localized", width=62),
    "learned": _PERCENT,
    "counted": _PERCENT,
    "off by, nats": st.column_config.NumberColumn(format="%+.4f", width=90),
}


def render_learning(shown: Shown, tables: Tables) -> None:
    """The way to the counts, beside the pairs; nothing of it without the text."""
    if shown.counted is None:
        return
    with st.container(horizontal=True, gap="medium"):
        if shown.source != "averaged":
            with st.container(width=CURVE_PX, gap="xsmall"):
                _render_curve(shown)
        if shown.run:  # what a table that has not learned knows best would be chance
            _render_pairs(tables, _well_known(shown, tables))


def _render_curve(shown: Shown) -> None:
    """The divergence at each snapshot of the run, and the sentences about what is left."""
    assert shown.counted
    now = divergence_from_counts(shown.loaded, shown.counted)
    over_training: dict[int, Divergence] = {}
    if shown.run:
        with st.spinner("Reading the snapshots of the run …"):
            over_training = divergences_over_training(shown.run, shown.counted)
    every = over_training | {shown.loaded.step: now} if shown.run else {}
    heading = "**On the way to the counts**: divergence over training"
    st.markdown(heading, help=explained(heading, "divergence nats"))
    live_plot(
        divergence_figure(every, shown.loaded.step, shown.tables.kind, palette()),
        key="bigram_divergence",
        alt="How much more a guess costs than by the counts, at each step that was kept: "
        f"{now.total_nats:.3f} nats at step {shown.loaded.step:,}",
        height_px=CURVE_HEIGHT_PX,
    )
    sentence = rest_sentence(shown.loaded.step, over_training, now)
    st.markdown(sentence, help=explained(sentence, "divergence"))
    if shown.run:
        st.caption(rare_sentence(now, shown.counted.rare_below))


def _well_known(shown: Shown, tables: Tables) -> Tensor:
    """The learned rows (K, V) of the tables in their order; NaN where they hang on few places."""
    if shown.averaged is None or shown.counted is None:
        return tables.learned
    row_of = {token: row for row, token in enumerate(shown.counted.kept.tolist())}
    places = shown.averaged.n_places[[row_of[token] for token in tables.kept.tolist()]]
    return tables.learned.masked_fill((places < MIN_PLACES)[:, None], torch.nan)


def _render_pairs(tables: Tables, learned: Tensor) -> None:
    """The pairs that the model knows worst, and those it knows best, as two tables."""
    assert tables.counts is not None
    pairs = pairs_by_error(learned, tables.counts, MIN_TIMES)
    n = min(N_PAIRS, len(pairs) // 2)
    if not n:
        st.caption(f"No two pairs come {MIN_TIMES} times in this text, so none are ranked.")
        return
    for title, key, chosen in (
        (f"**The {n} pairs it knows worst**", "worst", pairs[::-1][:n]),
        (f"**The {n} pairs it knows best**", "best", pairs[:n]),
    ):
        with st.container(width=PAIRS_PX, gap="xsmall"):
            st.markdown(title, help=PAIRS_HELP)
            st.dataframe(
                _table_of(chosen, tables), key=f"bigram_pairs_{key}", hide_index=True,
                column_config=_COLUMNS, row_height=PAIR_ROW_PX, height="content",
                alt=f"{title.strip('*')}: {_pairs_said(chosen, tables)}",
            )  # fmt: skip


def _pairs_said(pairs: list[Pair], tables: Tables) -> str:
    """The first of them, with what was learned and what was counted."""
    characters = tables.vocabulary.characters
    return "; ".join(
        f"{in_quotes(tables.characters[pair.first])} then {in_quotes(characters[pair.then])}, "
        f"learned {percent(pair.learned)}, counted {percent(pair.counted)}"
        for pair in pairs[:N_SAID]
    )


def _table_of(pairs: list[Pair], tables: Tables) -> dict[str, list[Any]]:
    signs = [sign_of(character) for character in tables.vocabulary.characters]
    return {
        "after": [sign_of(tables.characters[pair.first]) for pair in pairs],
        "comes": [signs[pair.then] for pair in pairs],
        "times": [pair.times for pair in pairs],
        "learned": [100 * pair.learned for pair in pairs],
        "counted": [100 * pair.counted for pair in pairs],
        "off by, nats": [pair.cost_nats for pair in pairs],
    }
