"""Corpus: the texts that the models learn from, each to be looked at, and kept or deleted."""

from __future__ import annotations

import random

import streamlit as st

from core.errors import LabError
from core.findings.meaning import percent
from core.library.intake import RARE
from core.library.texts import ORIGINAL, SHIPPED
from core.text.characters import in_quotes
from core.text.corpus import Corpus
from core.text.reference import reference_lines
from lab.components.live_plot import live_plot
from lab.corpus_page.adding import render_original, render_upload
from lab.corpus_page.keeping import (
    chosen_name,
    render_bin,
    render_deeds,
    render_news,
    take_address,
)
from lab.corpus_page.statistics import render_statistics
from lab.figures.corpora import character_count_figure, character_counts, n_bars, split_figure
from lab.figures.losses import SHOWN_REFERENCES
from lab.session.address import write_address
from lab.session.entry import Entry
from lab.session.state import palette, the_lab
from lab.visit.card import render_visit
from lab.widgets.measuring import measuring
from lab.widgets.page_head import page_head
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.labels import in_labels
from lab.wording.plain import plain, plain_but_code

EXCERPT = 700
"""Characters of the text that are shown at once."""
LINES = 12
"""And lines, at most."""
SEAM_LINES = 4
"""Lines on either side of the split, where both are shown."""
N_SAID = 5
"""So many characters are told to those who cannot see the chart of all."""
REFERENCES_PX = 290
"""Height of the table of what counting reaches."""

WHAT_IT_KNOWS = {
    "uniform": "Every character is equally likely: all that is known is which there are.",
    "unigram": "How often each character occurs, wherever it stands.",
    "bigram": "Which character follows which. The bigram model can become this and no better.",
    "3-gram": "What follows two characters; shorter contexts help where a pair is new.",
    "4-gram": "What follows three characters.",
    "5-gram": "What follows four characters: enough for most words, and hard to beat.",
}


def main() -> None:
    page_head(
        "The texts that the models learn from",
        "A corpus is nothing but a long row of characters. The models see no words and no lines, "
        "only which character comes after which.",
    )
    render_visit("corpus")
    left, right = st.columns([1, 2], gap="large")
    with left:
        corpus = _pick()
        render_news()
        render_deeds(corpus)
        render_upload()
        render_original()
        render_bin()
    with right:
        _render_excerpt(corpus)
        _render_characters(corpus)
        _render_references(corpus)
        render_statistics(corpus)


def _pick() -> Corpus:
    """The list of texts, which is also the choice among them."""
    library = the_lab().library
    corpora = {corpus.name: corpus for corpus in library.load_all()}
    trouble = take_address(list(corpora))
    name = st.radio(
        "Text", list(corpora), key=chosen_name(), format_func=plain,
        captions=[_in_a_line(corpus, library.default) for corpus in corpora.values()],
        persist_state="session",
    )  # fmt: skip
    if trouble:
        st.warning(plain(trouble))
    write_address({"corpus": None if name == library.default else name})
    return corpora[name]


def _in_a_line(corpus: Corpus, default: str) -> str:
    source = {SHIPPED: "shipped with the lab", ORIGINAL: "Karpathy's original"}
    parts = [
        f"{words.count(len(corpus.text))} characters, {len(corpus.vocabulary):,} distinct",
        source.get(corpus.name, "your own"),
    ]
    return " · ".join(parts + ["default"] * (corpus.name == default))


# --- one text -------------------------------------------------------------------------------------


def _render_excerpt(corpus: Corpus) -> None:
    """A few lines from anywhere in the text, and where that is."""
    n = len(corpus.text)
    st.header("How it reads")
    # The lines stand above the slider that chooses them, so their place is kept free first.
    lines = st.container()
    held = Entry(f"corpus_place_{corpus.fingerprint[:12]}", 0)
    if n > EXCERPT:
        st.slider(
            "Go to character", 0, n - 1, key=held.key, format="%,d",
            help="The lines above begin at the line that holds this character.",
        )  # fmt: skip
        with st.container(horizontal=True):
            jumps = {
                "Beginning": 0,
                "Where the parts meet": max(0, corpus.n_train - EXCERPT // 2),
                "Somewhere else": random.randrange(n),
            }
            for i, (label, place) in enumerate(jumps.items()):
                st.button(label, key=f"corpus_jump_{i}", on_click=held.set, args=(place,))
    start = _line_start(corpus.text, held.get())
    with lines:
        _render_lines(corpus, start, min(n, start + EXCERPT))
    live_plot(
        split_figure(corpus.n_train, n - corpus.n_train, palette(), place=start),
        key="corpus_split",
        height_px=96,
        alt=f"The text as one bar: {corpus.n_train:,} characters for training, the last "
        f"{n - corpus.n_train:,} for validation",
    )
    st.caption(
        "The models learn from the first nine tenths. The last tenth is kept from them, and on it "
        "their loss is measured: what they merely remember does not help them there."
    )
    try:
        the_lab().configure("transformer", corpus, "quick")
    except LabError as error:
        st.info(plain_but_code(in_labels(str(error))))


def _line_start(text: str, place: int) -> int:
    """Where the line that holds `place` begins, unless that is far away."""
    return text.rfind("\n", max(0, place - EXCERPT // 2), place) + 1 or place


def _render_lines(corpus: Corpus, start: int, end: int) -> None:
    """The characters from start to end; where the split falls between them, its two sides."""
    n_train = corpus.n_train
    if not start < n_train < end:
        lines = corpus.text[start:end].split("\n")[:LINES]
        st.code("\n".join(lines), language=None, wrap_lines=True)
        return
    before, after = corpus.text[start:n_train], corpus.text[n_train:end]
    before = "\n".join(before.split("\n")[-SEAM_LINES:])[-EXCERPT // 3 :]
    after = "\n".join(after.split("\n")[:SEAM_LINES])[: EXCERPT // 3]
    st.code(before, language=None, wrap_lines=True)
    st.caption(
        f"Above: the end of the training part. Below, from character {words.count(n_train)} on: "
        "the validation part, which no model learns from."
    )
    st.code(after, language=None, wrap_lines=True)


def _render_characters(corpus: Corpus) -> None:
    counts = character_counts(corpus)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"
    ):
        st.header("Its characters", width="content")
        scale = st.segmented_control(
            "Scale", ["linear", "logarithmic"], default="linear", required=True,
            key="corpus_scale", label_visibility="collapsed",
        )  # fmt: skip
    live_plot(
        character_count_figure(counts, palette(), log_scale=scale == "logarithmic"),
        key="corpus_characters",
        height_px=300,
        alt="The most frequent characters: "
        + ", ".join(
            f"{in_quotes(c.character)} {percent(c.times / len(corpus.text))}"
            for c in counts[:N_SAID]
        ),
    )
    n_shown = n_bars(counts)
    rest = len(counts) - n_shown
    more = f" The {n_shown} most frequent are shown, {rest:,} are not." if rest > 0 else ""
    folded = next((c.times for c in counts if c.character == RARE), 0) / len(corpus.text)
    if folded:
        more += f" {RARE} stands for what was folded or lost: {percent(folded)} of the text."
    st.caption(
        f"{len(counts):,} distinct characters: the vocabulary of every model that learns from this "
        f"text. ␣ is a space, ↵ a new line, ⇥ a tab; pointing at a bar gives the name.{more}"
    )


def _render_references(corpus: Corpus) -> None:
    st.header("What counting alone can do")
    with measuring("Counting which characters follow each other …", REFERENCES_PX):
        lines = reference_lines(corpus)
    drawn = words.listed([line.name for line in lines if line.name in SHOWN_REFERENCES])
    st.table(
        {
            "knows": [line.name for line in lines],
            "nats": [words.loss(line.loss_nats) for line in lines],
            "bits": [words.loss(words.bits(line.loss_nats)) for line in lines],
            "what that means": [WHAT_IT_KNOWS.get(line.name, "") for line in lines],
        },
        border="horizontal",
        hide_index=True,
        alt="What counting reaches on the validation part, in nats: "
        + ", ".join(f"{line.name} {words.loss(line.loss_nats)}" for line in lines),
    )
    st.caption(
        "Loss per character, counted on the training part and measured on the validation part. "
        f"No model is needed to reach them. Every loss curve has {drawn} as its grey lines; "
        "Compare draws all of them.",
        help=explained("loss nats bits", *(line.name for line in lines)),
    )


main()
