"""Figures of a text: the numbers that are drawn, and sentences that follow from them."""

from __future__ import annotations

import math

import pytest

from core.text.statistics import Conditional, Order, WordCounts, word_counts
from lab.figures.palette import DARK, LIGHT, Palette
from lab.figures.text_statistics import (
    MAX_POINTS,
    OTHER_TEXT,
    SAME_TEXT,
    entropy_figure,
    entropy_sentence,
    zipf_figure,
    zipf_sentence,
)


def order(context: int, train: float, val: float, cross: float) -> Order:
    return Order(context, Conditional(train, 200, 90), Conditional(val, 50, 40), cross)


ORDERS = [order(0, 3.3, 3.2, 3.4), order(1, 2.4, 2.3, 2.5), order(2, 1.0, 0.5, 2.6)]
FALLING = [*ORDERS[:2], order(2, 1.0, 0.5, 2.1)]
MANY = WordCounts(tuple((f"w{rank}", 100_000 // rank) for rank in range(1, 3_001)))


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_three_lines_stand_apart_without_their_colour(palette: Palette) -> None:
    figure = entropy_figure(ORDERS, palette)
    lines = {trace.name: trace for trace in figure.data}
    assert list(lines[SAME_TEXT].y) == pytest.approx([3.3, 2.4, 1.0])
    assert list(lines[OTHER_TEXT].y) == pytest.approx([3.4, 2.5, 2.6])
    assert len({(trace.line.dash, trace.marker.symbol) for trace in figure.data}) == 3
    assert "nats" in figure.layout.yaxis.title.text and figure.layout.xaxis.title.text
    assert "2.600 nats" in lines[OTHER_TEXT].hovertext[2]


def test_what_is_not_known_is_not_drawn() -> None:
    figure = entropy_figure([ORDERS[0], order(1, 2.0, math.nan, math.nan)], LIGHT)
    assert [len(trace.x) for trace in figure.data] == [2, 1, 1]
    nothing = entropy_figure([order(0, math.nan, math.nan, math.nan)], LIGHT)
    assert not nothing.data and nothing.layout.annotations
    assert "too short" in entropy_sentence([order(0, 1.0, 1.0, math.nan)])


def test_the_sentence_says_which_number_lies_and_where_the_other_turns() -> None:
    said = entropy_sentence(ORDERS)
    assert "With 2 characters of context" in said and "1.000 nats" in said and "2.600 nats" in said
    assert "90 of the 200 contexts (45 %)" in said
    assert "More context than 1 character makes the second worse: 2.500 nats" in said
    assert "still falling" in entropy_sentence(FALLING)


def test_words_are_drawn_by_rank_and_the_line_lies_on_them() -> None:
    figure = zipf_figure(MANY, LIGHT)
    line = next(trace for trace in figure.data if trace.name == "fitted")
    marks = next(trace for trace in figure.data if trace.name == "words")
    assert len(marks.x) <= MAX_POINTS and marks.x[0] == 1 and marks.x[-1] == 3_000
    for rank, times in zip(marks.x, marks.y):
        assert times == 100_000 // int(rank)
    assert line.y[0] == pytest.approx(10_000, rel=0.05)
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert [note.text for note in figure.layout.annotations] == ["w1", "w10", "w100", "w1000"]
    assert "power of 1.00" in zipf_sentence(MANY) and "50 % as often" in zipf_sentence(MANY)


def test_few_words_have_no_law_and_none_have_no_figure() -> None:
    few = word_counts("to be or not to be")
    assert [trace.name for trace in zipf_figure(few, LIGHT).data] == ["words"]
    assert zipf_sentence(few) == (
        "6 words, 4 of them different, 2 of which stand in the text once. "
        "That is too few for a law."
    )
    assert not zipf_figure(word_counts("12 34"), LIGHT).data


def test_a_word_is_no_markup() -> None:
    counts = WordCounts((("<b>", 3),))
    figure = zipf_figure(counts, LIGHT)
    assert figure.layout.annotations[0].text == "&lt;b&gt;"
    assert figure.data[0].customdata[0][0] == "&lt;b&gt;"
