"""How good is normal: beside the texts, what runs of this lab wrote at other losses."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from core.errors import CorpusError
from core.records.records import RunRecord, on_text
from core.settings.config import sample_while_training
from lab.generate_page.normal_words import (
    KeptText,
    kept_texts,
    kept_title,
    nearest_to,
    normal_text,
    spread_by_loss,
)
from lab.generate_page.texts import FinishedText, finished_texts
from lab.session.measured import yardstick_in
from lab.session.state import the_lab
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.plain import plain

FOLD = "generate_normal"
ACROSS = 3
MAX_RUNS = 60
"""So many of the newest runs are looked through."""
TEXT_PX = 176
NEAREST = "◆"


def render_normal(runs: Sequence[RunRecord], run: RunRecord) -> None:
    """A fold, open at first: kept texts at losses from the worst to the best.

    Args:
        runs: all there are, the newest first.
        run: on whose text they must have learned.
    """
    fold = st.expander(
        "How good is normal: what runs wrote at other losses", expanded=True, key=FOLD,
        on_change="rerun", icon=":material/format_list_numbered:",
    )  # fmt: skip
    if not fold.open:
        return
    with fold:
        kept = _kept(on_text(runs, run.fingerprint))
        if not kept:
            st.caption("No run has kept a text yet: each writes at some of its estimates.")
            return
        written = [each for each in finished_texts() if each.fingerprint == run.fingerprint]
        shown = spread_by_loss(kept, [each.loss_nats for each in written])
        _render_sentences(run, written, kept, " ".join(map(kept_title, shown)))
        nearest = [(nearest_to(each.loss_nats, kept), each.name) for each in written]
        _render_kept(shown, nearest)
        usual = sample_while_training(run.config.train)
        st.caption(
            f"Each was written at an estimate, at temperature {usual.temperature:g}; the loss is "
            "that estimate, on a part of the validation split.",
            help=explained("temperature"),
        )


def _kept(runs: Sequence[RunRecord]) -> list[KeptText]:
    """What the newest runs wrote, but for those whose losses mean nothing."""
    store = the_lab().store
    found = []
    for run in runs[:MAX_RUNS]:
        if not run.looks_ahead:
            found += kept_texts(run, store.samples(run.id), store.estimates(run.id))
    return found


def _render_sentences(
    run: RunRecord, written: Sequence[FinishedText], kept: Sequence[KeptText], titles: str
) -> None:
    """How each finished text stands beside what was kept at about its loss.

    Words of the field in `titles` are explained, too.
    """
    if not written:
        st.caption(
            "Press Write, and what is closest to your text in loss is marked here.",
            help=explained("loss", titles),
        )
        return
    lexicon = None
    with suppress(CorpusError):  # the text is gone, and with it what its words are
        yardstick = yardstick_in(the_lab().corpus_of(run))
        lexicon = yardstick.lexicon if yardstick else None
    said = "\n".join(
        f"* {normal_text(each.name, each.loss_nats, each.added, kept, lexicon)}" for each in written
    )
    st.markdown(said.replace(" %", "\u00a0%"), help=explained(said, "loss", titles))


def _render_kept(shown: Sequence[KeptText], nearest: Sequence[tuple[KeptText, str]]) -> None:
    """The texts, the worst first, each with its loss; those nearest to a written one are marked."""
    for first in range(0, len(shown), ACROSS):
        for column, text in zip(st.columns(ACROSS, gap="medium"), shown[first : first + ACROSS]):
            names = list(dict.fromkeys(plain(name) for near, name in nearest if near == text))
            with column:
                st.caption(
                    kept_title(text)
                    + (f" · {NEAREST} nearest to {words.listed(names)}" if names else "")
                )
                st.code(text.text, language=None, wrap_lines=True, height=TEXT_PX)
