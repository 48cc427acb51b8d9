"""Ladder: from the bigram table to the transformer, one idea at a time."""

from __future__ import annotations

from core.text.corpus import Corpus
from lab.ladder_page.view import render_ladder
from lab.session.state import the_lab
from lab.session.train_choices import CORPUS
from lab.visit.card import render_visit
from lab.widgets.page_head import page_head

INTRODUCTION = (
    "Between a bigram table and a transformer lie a handful of ideas. Each rung adds one of them "
    "and gets as much training as the others, so its step in the loss is what the idea buys; on "
    "the right, what the whole loses without it."
)


def main() -> None:
    page_head("The ladder of ideas", INTRODUCTION, "validation loss", "nats", "FLOPs")
    render_visit("ladder")
    render_ladder(_corpus())


def _corpus() -> Corpus:
    """The text of the Train page, while it is there."""
    library, name = the_lab().library, CORPUS.get()
    return library.load(name if name in library.names() else None)


main()
