"""What a session looks at inside a model: kept from page to page."""

from __future__ import annotations

from lab.session.entry import Entry

TEXT = Entry("attention_text", "")
"""The text that the models read."""
