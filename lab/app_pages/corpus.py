"""Corpus: the texts that the models learn from, and how to add one."""

from __future__ import annotations

import math
import random
import re
import unicodedata

import streamlit as st

from core.corpus import Corpus
from core.errors import LabError
from core.library import MAX_BYTES, MAX_VOCABULARY, ORIGINAL, RARE, SHIPPED
from core.reference import reference_lines
from lab import words
from lab.components.live_plot import live_plot
from lab.figures.corpora import MAX_BARS, character_count_figure, character_counts, split_figure
from lab.glossary import explained
from lab.plain import plain
from lab.state import palette, the_lab

EXCERPT = 700
"""Characters of the text that are shown at once."""
LINES = 12
"""And lines, at most."""
SEAM_LINES = 4
"""Lines on either side of the split, where both are shown."""

# The choice; the text to choose at the next run, and what to say then; which uploader it is.
_CHOSEN, _NEXT, _ADDED, _UPLOADS = "corpus_chosen", "corpus_next", "corpus_added", "corpus_uploads"

WHAT_IT_KNOWS = {
    "uniform": "Every character is equally likely: all that is known is which there are.",
    "unigram": "How often each character occurs, wherever it stands.",
    "bigram": "Which character follows which. The bigram model can become this and no better.",
    "3-gram": "What follows two characters; shorter contexts help where a pair is new.",
    "4-gram": "What follows three characters.",
    "5-gram": "What follows four characters: enough for most words, and hard to beat.",
}


def main() -> None:
    st.title("The texts that the models learn from")
    st.caption(
        "A corpus is nothing but a long row of characters. The models see no words and no lines, "
        "only which character comes after which."
    )
    left, right = st.columns([1, 2], gap="large")
    with left:
        corpus = _pick()
        _render_upload()
        _render_original()
    with right:
        _render_excerpt(corpus)
        _render_characters(corpus)
        _render_references(corpus)


def _pick() -> Corpus:
    """The list of texts, which is also the choice among them."""
    library = the_lab().library
    corpora = {name: library.load(name) for name in library.names()}
    wanted = st.session_state.pop(_NEXT, None) or st.session_state.get(_CHOSEN)
    st.session_state[_CHOSEN] = wanted if wanted in corpora else library.default
    name = st.radio(
        "Text", list(corpora), key=_CHOSEN, format_func=plain,
        captions=[_in_a_line(corpus, library.default) for corpus in corpora.values()],
        persist_state="session",
    )  # fmt: skip
    if added := st.session_state.pop(_ADDED, None):
        st.success(added)
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
    key = f"corpus_place_{corpus.fingerprint[:12]}"
    if n > EXCERPT:
        st.slider(
            "Go to character", 0, n - 1, key=key, format="%,d",
            help="The lines above begin at the line that holds this character.",
        )  # fmt: skip
        with st.container(horizontal=True):
            jumps = {
                "Beginning": 0,
                "Where the parts meet": max(0, corpus.n_train - EXCERPT // 2),
                "Somewhere else": random.randrange(n),
            }
            for i, (label, place) in enumerate(jumps.items()):
                st.button(label, key=f"corpus_jump_{i}", on_click=_go_to, args=(key, place))
    start = _line_start(corpus.text, st.session_state.get(key, 0))
    with lines:
        _render_lines(corpus, start, min(n, start + EXCERPT))
    live_plot(
        split_figure(corpus.n_train, n - corpus.n_train, palette(), place=start),
        key="corpus_split",
        height_px=96,
        alt="The text as one bar: the first nine tenths for training, the rest for validation",
    )
    st.caption(
        "The models learn from the first nine tenths. The last tenth is kept from them, and on it "
        "their loss is measured: what they merely remember does not help them there."
    )
    try:
        the_lab().configure("transformer", corpus, "quick")
    except LabError as error:
        st.info(plain(str(error)))


def _go_to(key: str, place: int) -> None:
    st.session_state[key] = place


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
        alt="How often each character occurs, the most frequent first",
    )
    rest = len(counts) - MAX_BARS
    more = f" The {MAX_BARS} most frequent are shown, {rest:,} are not." if rest > 0 else ""
    st.caption(
        f"{len(counts):,} distinct characters: the vocabulary of every model that learns from this "
        f"text. ␣ is a space, ↵ a new line, ⇥ a tab.{more}"
    )


def _render_references(corpus: Corpus) -> None:
    st.header("What counting alone can do")
    with st.spinner("Counting which characters follow each other …"):
        lines = reference_lines(corpus)
    st.table(
        {
            "knows": [line.name for line in lines],
            "nats": [_number(line.loss_nats) for line in lines],
            "bits": [_number(words.bits(line.loss_nats)) for line in lines],
            "what that means": [WHAT_IT_KNOWS.get(line.name, "") for line in lines],
        },
        border="horizontal",
        hide_index=True,
        alt="The loss that each kind of counting reaches on the validation part",
    )
    st.caption(
        "Loss per character, counted on the training part and measured on the validation part. "
        "These are the grey lines of every loss curve: no model is needed to reach them.",
        help=explained("loss nats bits", *(line.name for line in lines)),
    )


def _number(value: float) -> str:
    """Three decimals; a dash where the validation part is too short to measure on."""
    return words.loss(value if math.isfinite(value) else None)


# --- another text ---------------------------------------------------------------------------------


def _render_upload() -> None:
    st.header("Add a text of your own")
    # A new key is an empty uploader: what was added need not be shown as if it were still to do.
    key = f"corpus_file_{st.session_state.get(_UPLOADS, 0)}"
    file = st.file_uploader(
        "A text file in UTF-8", key=key,
        help=f"At most {MAX_BYTES / 1e6:.0f} MB. It stays on this computer, in the lab's folder.",
    )  # fmt: skip
    if file is None:
        return
    name = st.text_input(
        "Name", _free_name(file.name), max_chars=64, key=f"corpus_name_{file.file_id}",
        help="Letters, digits, - and _; runs and the command line call the text by it.",
    )  # fmt: skip
    fold = st.toggle(
        "Fold rare characters into one sign", key="corpus_fold",
        help=f"Only where there are more than {MAX_VOCABULARY:,} distinct ones: the rarest "
        f"become {RARE}.",
    )  # fmt: skip
    if st.button("Add", type="primary", key="corpus_add", icon=":material/add:"):
        _add((name or "").strip(), file.getvalue(), file.name, fold)


def _add(name: str, raw: bytes, file_name: str, fold: bool) -> None:
    try:
        reading = the_lab().library.add(name, raw, file_name, fold_rare=fold)
    except LabError as error:
        st.error(plain(str(error)))
        return
    notes = "".join(f" {plain(note).capitalize()}." for note in reading.notes)
    st.session_state[_ADDED] = (
        f"Added {plain(name)}: {words.count(len(reading.text))} characters.{notes}"
    )
    st.session_state[_NEXT] = name
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1
    st.rerun()


def _free_name(file_name: str) -> str:
    """A plain name made of a file's name, that no corpus has yet."""
    stem = file_name.rsplit(".", 1)[0]
    ascii_only = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9]+", "-", ascii_only).strip("-")[:60] or "my-text"
    taken = {name.casefold() for name in the_lab().library.names()} | {ORIGINAL}
    free, number = plain, 2
    while free.casefold() in taken:
        free, number = f"{plain}-{number}", number + 1
    return free


def _render_original() -> None:
    st.header("Karpathy's original")
    if ORIGINAL in the_lab().library.names():
        st.caption(f"It is here, as `{ORIGINAL}`, and is the default.")
        return
    st.caption(
        "Tiny Shakespeare, the text that nanoGPT and many courses use. This needs the network; the "
        "shipped edition, nearly the same plays, does not."
    )
    if not st.button("Fetch the original", key="corpus_fetch", icon=":material/download:"):
        return
    bar = st.progress(0.0, text="Asking for it …")

    def show(here: int, total: int | None) -> None:
        bar.progress(min(1.0, here / total) if total else 0.0, text=f"{here / 1e6:.1f} MB")

    try:
        the_lab().library.get_original(progress=show)
    except LabError as error:
        bar.empty()
        st.error(plain(str(error)))
        return
    st.session_state[_ADDED] = f"Fetched {ORIGINAL}; it is the default from now on."
    st.session_state[_NEXT] = ORIGINAL
    st.rerun()


main()
