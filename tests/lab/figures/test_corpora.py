"""Figures of a text: each character counted, each visible, and nothing of it read as HTML."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.text.corpus import Corpus
from lab.figures.corpora import (
    MAX_WIDE_BARS,
    CharacterCount,
    character_count_figure,
    character_counts,
    split_figure,
)
from lab.figures.palette import LIGHT


def test_counts_are_those_of_the_text_the_most_frequent_first(tiny_corpus: Corpus) -> None:
    counts = character_counts(tiny_corpus)
    times = [entry.times for entry in counts]
    assert times == sorted(times, reverse=True) and sum(times) == len(tiny_corpus.text)
    assert all(tiny_corpus.text.count(entry.character) == entry.times for entry in counts)


def test_equal_counts_have_one_order() -> None:
    assert character_counts(Corpus("x", "ba")) == character_counts(Corpus("x", "ab"))


def test_bars_carry_counts_and_signs_as_float32() -> None:
    counts = (CharacterCount(" ", 6), CharacterCount("<", 3), CharacterCount("&", 1))
    figure = character_count_figure(counts, LIGHT)
    (bars,) = figure.data
    assert bars.y.dtype == np.float32 and list(bars.y) == [6, 3, 1]
    assert list(figure.layout.xaxis.ticktext) == ["␣", "&lt;", "&amp;"]
    assert bars.customdata[1][:2] == ["&lt;", "U+003C less-than sign"]
    assert [row[3] for row in bars.customdata] == ["60.00%", "30.00%", "10.00%"]
    assert figure.layout.yaxis.title.text and figure.layout.xaxis.title.text


def test_labels_are_one_place_wide_and_smaller_where_characters_are_wide() -> None:
    def axis_of(text: str) -> Any:
        counts = [CharacterCount(character, 1) for character in text]
        return character_count_figure(counts, LIGHT).layout.xaxis

    assert list(axis_of("\u00a0\u0301\u200b").ticktext) == ["⍽", "◌\u0301", "⬚"]
    assert axis_of("漢字").tickfont.size < axis_of("ab").tickfont.size
    assert len(axis_of("漢" * 100).ticktext) == 60 and len(axis_of("a" * 100).ticktext) == 80


def test_the_scale_can_be_logarithmic() -> None:
    counts = (CharacterCount("a", 1000), CharacterCount("b", 1))
    assert character_count_figure(counts, LIGHT).layout.yaxis.type == "linear"
    axis = character_count_figure(counts, LIGHT, log_scale=True).layout.yaxis
    assert axis.type == "log"
    assert axis.range[0] < 0 < 3 < axis.range[1]  # once, and a thousand times


def test_rare_characters_of_a_large_vocabulary_are_left_out_but_counted() -> None:
    counts = [CharacterCount(chr(0x4E00 + i), 200 - i) for i in range(MAX_WIDE_BARS + 20)]
    (bars,) = character_count_figure(counts, LIGHT).data
    assert len(bars.y) == MAX_WIDE_BARS
    total = sum(entry.times for entry in counts)
    assert bars.customdata[0][3] == f"{200 / total:.2%}"


def test_no_counts_give_a_figure_that_says_so() -> None:
    figure = character_count_figure((), LIGHT)
    assert not figure.data and "counted" in figure.layout.annotations[0].text


def test_the_split_shows_both_parts_with_their_sizes() -> None:
    figure = split_figure(900, 100, LIGHT)
    assert [float(bar.x[0]) for bar in figure.data] == [900, 100]
    assert [note.text for note in figure.layout.annotations] == [
        "training: 900 characters, 90%", "validation: 100 characters, 10%",
    ]  # fmt: skip
    assert list(figure.layout.xaxis.range) == [0, 1000]


def test_the_place_that_is_read_is_marked() -> None:
    figure = split_figure(900, 100, LIGHT, place=250)
    assert figure.data[2].x[0] == 250
