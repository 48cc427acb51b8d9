"""Figures of a text: each character counted, each visible, and nothing of it read as HTML."""

from __future__ import annotations

import numpy as np
import pytest

from core.corpus import Corpus
from lab.figures.corpora import (
    MAX_BARS,
    CharacterCount,
    character_count_figure,
    character_counts,
    name_of,
    sign_of,
    split_figure,
)
from lab.palette import LIGHT


def test_counts_are_those_of_the_text_the_most_frequent_first(tiny_corpus: Corpus) -> None:
    counts = character_counts(tiny_corpus)
    times = [entry.times for entry in counts]
    assert times == sorted(times, reverse=True) and sum(times) == len(tiny_corpus.text)
    assert all(tiny_corpus.text.count(entry.character) == entry.times for entry in counts)


def test_equal_counts_have_one_order() -> None:
    assert character_counts(Corpus("x", "ba")) == character_counts(Corpus("x", "ab"))


@pytest.mark.parametrize(
    ("character", "sign"),
    [(" ", "␣"), ("\n", "↵"), ("\t", "⇥"), ("a", "a"), ("é", "é"), ("漢", "漢"), ("<", "<"),
     ("\u200b", "U+200B"), ("\u00a0", "U+00A0"), ("\x07", "U+0007"), ("\u0301", "U+0301")],
)  # fmt: skip
def test_every_character_has_a_sign_that_can_be_seen(character: str, sign: str) -> None:
    assert sign_of(character) == sign


def test_characters_have_names() -> None:
    assert [name_of(c) for c in " \n\té\x07"] == [
        "space", "new line", "tab", "latin small letter e with acute", "",
    ]  # fmt: skip


def test_bars_carry_counts_and_signs_as_float32() -> None:
    counts = (CharacterCount(" ", 6), CharacterCount("<", 3), CharacterCount("&", 1))
    figure = character_count_figure(counts, LIGHT)
    (bars,) = figure.data
    assert bars.y.dtype == np.float32 and list(bars.y) == [6, 3, 1]
    assert list(figure.layout.xaxis.ticktext) == ["␣", "&lt;", "&amp;"]
    assert bars.customdata[1][0] == "&lt;"
    assert [row[3] for row in bars.customdata] == ["60.00%", "30.00%", "10.00%"]
    assert figure.layout.yaxis.title.text and figure.layout.xaxis.title.text


def test_the_scale_can_be_logarithmic() -> None:
    counts = (CharacterCount("a", 1000), CharacterCount("b", 1))
    assert character_count_figure(counts, LIGHT).layout.yaxis.type == "linear"
    axis = character_count_figure(counts, LIGHT, log_scale=True).layout.yaxis
    assert axis.type == "log"
    assert axis.range[0] < 0 < 3 < axis.range[1]  # once, and a thousand times


def test_rare_characters_of_a_large_vocabulary_are_left_out_but_counted() -> None:
    counts = [CharacterCount(chr(0x4E00 + i), 200 - i) for i in range(MAX_BARS + 20)]
    (bars,) = character_count_figure(counts, LIGHT).data
    assert len(bars.y) == MAX_BARS
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
