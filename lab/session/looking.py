"""What a session looks at inside a model: kept from page to page."""

from __future__ import annotations

from lab.session.entry import Entry

TEXT = Entry("attention_text", "")
"""The text that the models read."""
LAYER, HEAD = Entry("attention_layer", 1), Entry("attention_head", 1)
"""Of the head that is shown large, from 1."""
PART = Entry("model_part", "stream")
"""Of the model, which is shown large on its map: the key of a box."""


def show_head(layer: int, head: int) -> None:
    """Let the Attention page show this head, from 1, when it is opened next."""
    LAYER.set(layer)
    HEAD.set(head)
