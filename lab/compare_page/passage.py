"""One passage, read by every chosen run: what each of its characters costs each of them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import CorpusError, LabError
from core.records.records import RunRecord
from core.text.corpus import passage_at_random
from lab.compare_page.passage_words import (
    HELPED_BITS,
    Reading,
    difference_of,
    difference_text,
    helped_places,
    helped_table,
    totals_table,
)
from lab.components.passage_view import DifferenceRow, PassageRow, passage_view
from lab.session.entry import Entry
from lab.session.state import palette, the_lab
from lab.session.texts import costs_in_context, score_of
from lab.widgets.measuring import measuring
from lab.widgets.pickers import load_model, suggest
from lab.widgets.switches import settled
from lab.wording.glossary import explained
from lab.wording.plain import plain, plain_but_code

AT_MOST, MAX_CHARACTERS = 180, 400
"""Characters of a passage from the text, and of one that somebody types."""
READINGS_PX = 420
"""About as high as the rows of three runs and their totals are."""
ABOUT = (
    "Each row is a run, each column a character of the passage. Strong colour: the run expected "
    "it, at few bits of surprise. Faint: it cost many. A run sees what stands before a character, "
    "as far back as its block size reaches; the first has nothing before it."
)

_PASSAGE, _SEED = Entry("compare_passage", ""), Entry("compare_passage_seed", 1)
_FIRST: Entry[str | None] = Entry("compare_passage_first", None)
_SECOND: Entry[str | None] = Entry("compare_passage_second", None)


def render_passage(runs: Sequence[RunRecord]) -> None:
    """The fold, open at first; nothing is measured while it is closed."""
    fold = st.expander(
        "One passage, read by every run: what each character cost it", expanded=True,
        key="compare_passage_fold", icon=":material/format_ink_highlighter:", on_change="rerun",
    )  # fmt: skip
    if not fold.open:
        return
    with fold:
        passage = _choose_passage(runs)
        if any(run.status == "running" for run in runs):
            st.caption("Read when no run of these trains: it would hold the training up.")
            return
        if len(passage) < 2:
            st.info("Type two characters or more: the first has nothing to be guessed from.")
            return
        with measuring("Reading the passage …", READINGS_PX):
            readings = _readings(runs, passage)
        if readings:
            _render_readings(readings, passage)


def _choose_passage(runs: Sequence[RunRecord]) -> str:
    """The box, at first with a place of the validation text, and a button for another place."""
    suggest(_PASSAGE.key, _stretch(runs))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_area(
            "Passage", key=_PASSAGE.key, height=110, max_chars=MAX_CHARACTERS,
            persist_state="session",
            help="Type or paste any text: what nobody would write costs more.",
        )  # fmt: skip
        with st.container(width=230, gap="xsmall"):
            st.caption("At first a place of the validation text, which no run learned from.")
            st.button(
                f"Another place (seed {_SEED.get()})", key="compare_passage_another",
                icon=":material/casino:", on_click=_go_elsewhere, args=(runs,),
            )  # fmt: skip
    return _PASSAGE.get()


def _stretch(runs: Sequence[RunRecord]) -> str:
    """A place of the validation text of the first run whose text is there."""
    for run in runs:
        try:
            return passage_at_random(the_lab().corpus_of(run), AT_MOST, _SEED.get())
        except CorpusError:  # gone; what it cannot read is said below
            continue
    return ""


def _go_elsewhere(runs: Sequence[RunRecord]) -> None:
    _SEED.set(_SEED.get() + 1)
    _PASSAGE.set(_stretch(runs))


def _readings(runs: Sequence[RunRecord], passage: str) -> list[Reading]:
    """What each run makes of it; why one cannot read it is said in its place."""
    readings = []
    for run in runs:
        try:
            found = score_of(run, passage)
            characters = load_model(run).vocabulary.decode(found.guesses)
        except LabError as error:
            st.warning(f"{plain(run.name)}: {plain_but_code(str(error))}")
            continue
        n_right = sum(guess == came for guess, came in zip(characters, passage[1:]))
        readings.append(
            Reading(run.id, run.name, run.model, found.bits.tolist(), characters,
                    found.guess_probabilities.tolist(), n_right)
        )  # fmt: skip
    return readings


def _render_readings(readings: Sequence[Reading], passage: str) -> None:
    pair = _choose_pair(readings) if len(readings) > 1 else None
    colors = palette()
    rows = [
        PassageRow(
            name=r.name, color=colors.model_text(r.model), bits=r.bits, guesses=r.guesses,
            guess_probabilities=r.guess_probabilities,
        )
        for r in readings
    ]  # fmt: skip
    costs = ", ".join(f"{r.name} {r.total_bits:,.0f} bits" for r in readings)
    passage_view(
        passage, rows, _difference(*pair) if pair else None, colors, key="compare_passage_view",
        alt=f"The passage costs {costs}: {passage}",
    )  # fmt: skip
    st.caption(ABOUT, help=explained(ABOUT, "bits surprise"))
    totals = totals_table(readings)
    st.table(totals, border="horizontal", hide_index=True, alt=f"The passage costs {costs}")
    if pair:
        sentence = difference_text(*pair)
        st.markdown(sentence, help=explained(sentence, *totals))
        _render_helped(passage, *pair)


def _choose_pair(readings: Sequence[Reading]) -> tuple[Reading, Reading]:
    """Two different runs to hold against each other: at first the dearest and the cheapest."""
    by_id = {r.run_id: r for r in readings}
    ordered = sorted(by_id, key=lambda run_id: -by_id[run_id].total_bits)

    def option_text(run_id: str) -> str:
        return by_id[run_id].name

    if len(readings) == 2:
        return by_id[ordered[0]], by_id[ordered[1]]
    with st.container(horizontal=True):
        settled(_FIRST, [*by_id], ordered[0], option_text)
        first = st.selectbox(
            "Difference: bits of", [*by_id], key=_FIRST.key, format_func=option_text, width=260,
            persist_state="session",
        )  # fmt: skip
        others = [run_id for run_id in by_id if run_id != first]
        usual = next(run_id for run_id in reversed(ordered) if run_id != first)
        settled(_SECOND, others, usual, option_text)
        second = st.selectbox(
            "less those of", others, key=_SECOND.key, format_func=option_text, width=260,
            persist_state="session",
        )  # fmt: skip
    return by_id[first], by_id[second]


def _difference(first: Reading, second: Reading) -> DifferenceRow:
    return DifferenceRow(
        name=f"{first.name} − {second.name}",
        above=f"more for {first.name} than for {second.name}",
        below=f"less for {first.name} than for {second.name}",
        bits=difference_of(first, second),
    )


def _render_helped(passage: str, first: Reading, second: Reading) -> None:
    """Where the second run needs least beside the first, and how much of the text it took."""
    places = helped_places(first, second)
    if not places:
        st.caption(
            f"At no character does {plain(second.name)} need {HELPED_BITS:g} bit less than "
            f"{plain(first.name)}."
        )
        return
    costs = costs_in_context(the_lab().run(second.run_id), passage, places)
    st.markdown(f"**Where {plain(second.name)} gains most on {plain(first.name)}**")
    st.table(
        helped_table(passage, places, first, second, costs), border="horizontal", hide_index=True,
        alt=f"The characters at which {second.name} needs most bits less than {first.name}",
    )  # fmt: skip
    st.caption(
        "The context that did it: the fewest characters before it that give "
        f"{plain(second.name)} nine tenths of what the whole context gives it over one character."
    )
