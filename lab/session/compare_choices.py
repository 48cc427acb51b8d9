"""What a session has chosen on the Compare page: there, or by a button of another page.

The values of widgets, which are kept while other pages are on the screen.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.records.records import RunRecord
from lab.session.entry import Entry

TEXT: Entry[str | None] = Entry("compare_text", None)
"""Fingerprint of the text whose runs are compared, or the word for every text."""
RUNS: Entry[list[str] | tuple[str, ...]] = Entry("compare_runs", ())
"""Their ids."""
TOUCHED = Entry("compare_touched", False)
"""Whether runs were chosen, so that they are no longer chosen for the reader."""


def choose_to_compare(runs: Iterable[RunRecord]) -> None:
    """Let Compare show these runs of one text when it is drawn next."""
    chosen = list(runs)
    RUNS.set([run.id for run in chosen])
    TEXT.set(chosen[0].fingerprint)
    TOUCHED.set(True)
