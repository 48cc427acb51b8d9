"""What a session has chosen on the Bigram page: what its address says, and its parts change.

The values of widgets, which are kept while other pages are on the screen.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from core.interpretability.orders import Order
from lab.session.entry import Entry

Source = Literal["table", "alone", "averaged"]
"""Whose guesses: the bigram table's; another model's after one character with nothing before it;
another model's, averaged over all that stood before the character in a text."""
TableView = Literal["learned", "logits", "counted", "difference"]
SOURCES: tuple[Source, ...] = get_args(Source)
TABLE_VIEWS: tuple[TableView, ...] = get_args(TableView)

VIEW: Entry[TableView] = Entry("bigram_view", "learned")
ORDER: Entry[Order] = Entry("bigram_order", "alphabet")
SOURCE: Entry[Source] = Entry("bigram_source", "table")
OTHER: Entry[str | None] = Entry("bigram_other", None)
"""Id of the run whose model is the other one; None is the newest."""
CHARACTER: Entry[str | None] = Entry("bigram_character", None)
"""Whose row is shown as bars."""

SWITCHES: dict[str, Entry[Any]] = {"view": VIEW, "order": ORDER, "source": SOURCE}
"""Those that an address says by themselves, under these names."""
