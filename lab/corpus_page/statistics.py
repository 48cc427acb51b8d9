"""Figures of a text, folded away: what context tells, what stands in it twice, words by rank."""

from __future__ import annotations

import streamlit as st

from core.text.characters import sign_of
from core.text.corpus import Corpus
from core.text.repeats import LEAST
from core.text.statistics import TextStatistics
from lab.components.live_plot import live_plot
from lab.figures.text_statistics import (
    entropy_figure,
    entropy_sentence,
    zipf_figure,
    zipf_sentence,
)
from lab.session.state import palette
from lab.session.texts import statistics_of_text
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.plain import plain

CHART_PX = 300
SHOWN = 200
"""Characters of a repeat that are shown; of a longer one, its beginning."""
PLACES = 6
"""Places of a repeat that are named."""
ABOUT_ENTROPY = (
    "Entropy of the next character, in nats: how much doubt counting leaves about it. The solid "
    "line is the loss of counted n-grams, one character longer, all of them mixed with shorter "
    "ones (Witten and Bell); the bigram of the charts has one added to each count instead, so its "
    "loss is a little different."
)


def render_statistics(corpus: Corpus) -> None:
    """The fold; nothing is counted before it is opened, and then once for each text."""
    fold = st.expander(
        "Its figures: what context tells, what stands in it twice, its words by rank",
        key="corpus_statistics", icon=":material/query_stats:", on_change="rerun",
    )  # fmt: skip
    if not fold.open:
        return
    with fold:
        with st.spinner("Counting; a few seconds for a text of a megabyte …"):
            found = statistics_of_text(corpus)
        _render_entropies(found)
        _render_repeats(corpus, found)
        _render_words(found)


def _render_entropies(found: TextStatistics) -> None:
    st.subheader("What context tells")
    sentence = entropy_sentence(found.orders)
    live_plot(
        entropy_figure(found.orders, palette()), key="corpus_entropies", height_px=CHART_PX,
        alt=sentence,
    )  # fmt: skip
    st.markdown(sentence)
    st.caption(ABOUT_ENTROPY, help=explained(ABOUT_ENTROPY, sentence))


def _render_repeats(corpus: Corpus, found: TextStatistics) -> None:
    st.subheader("What stands in it more than once")
    searched = ""
    if found.n_searched < len(corpus.text):
        searched = f" Looked for in the first {words.count(found.n_searched)} characters."
    if not found.repeats:
        st.caption(f"No stretch of {LEAST} characters or more stands there twice.{searched}")
        return
    st.table(
        {
            "characters": [words.count(repeat.length) for repeat in found.repeats],
            "begins at character": [_places_text(repeat.places) for repeat in found.repeats],
            "text": [_stretch(corpus, r.places[0], r.length) for r in found.repeats],
        },
        border="horizontal", hide_index=True,
        alt=f"The longest repeat has {words.count(found.repeats[0].length)} characters",
    )  # fmt: skip
    st.caption(
        f"The longest stretches that stand in the text word for word more than once, from {LEAST} "
        "characters on. A model that writes one of them has not had to learn it by heart from one "
        f"place.{searched}"
    )


def _places_text(places: tuple[int, ...]) -> str:
    named = words.listed([words.count(place) for place in places[:PLACES]])
    more = len(places) - PLACES
    return named if more <= 0 else f"{named} and {words.count(more)} more"


def _stretch(corpus: Corpus, start: int, length: int) -> str:
    """As one reads it, with signs for ends of lines, and for spaces where nobody would see them."""
    shown = corpus.text[start : start + min(length, SHOWN)]
    left = len(shown) - len(shown.lstrip(" "))
    right = len(shown.rstrip(" "))
    signs = [
        " " if character == " " and left <= place < right else sign_of(character)
        for place, character in enumerate(shown)
    ]
    return plain("".join(signs).replace("↵", "↵ ") + "…" * (length > SHOWN))


def _render_words(found: TextStatistics) -> None:
    st.subheader("Its words by rank")
    sentence = zipf_sentence(found.words)
    live_plot(
        zipf_figure(found.words, palette()), key="corpus_words", height_px=CHART_PX, alt=sentence
    )
    st.markdown(sentence)
