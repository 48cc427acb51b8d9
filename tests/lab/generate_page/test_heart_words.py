"""What is said of a finished text follows from what was found in it."""

from __future__ import annotations

from core.generation.originality import Originality, UsualOriginality
from core.generation.spelling import Yardstick
from core.text.repeats import LEAST, Passage
from lab.generate_page.heart_words import (
    N_PASSAGES,
    Held,
    by_heart_text,
    passages_table,
    repetition_text,
    summary_table,
    words_text,
)

TEXT = "to be or not to be\nthat is the question"
FOUND = Originality((Passage(0, 30, 12_345), Passage(2, 20, 7)), 0.25, 0.125)
NOTHING = Originality((), 0.0, 0.0)
USUAL = UsualOriginality(22.0, 0.015, 0.0, 9)


def test_the_longest_passage_is_named_with_its_place_beside_new_text() -> None:
    said = by_heart_text(FOUND, USUAL)
    assert "30 characters, there at character 12,345" in said and "25 % of the text" in said
    assert "half of its pieces" in said and "one of 22 characters or more" in said
    assert "1.5 % of the validation text" in said
    assert by_heart_text(FOUND, None) == said[: said.index(" New text")]


def test_nothing_by_heart_is_said_as_nothing() -> None:
    said = by_heart_text(NOTHING, UsualOriginality(0, 0.0, 0.0, 1))
    assert said.startswith("No stretch of 20 characters or more")
    assert "0 % of the validation text" in said and "its one piece of this length has none" in said
    assert repetition_text(NOTHING, None).startswith("0 % of it repeats itself")


def test_how_repetition_is_measured_is_said() -> None:
    said = repetition_text(FOUND, USUAL)
    assert (
        said.startswith("12 % of it") and "stretches of 20" in said and said.endswith("it is 0 %.")
    )


def test_words_are_held_against_the_corpus_and_counted_pairs() -> None:
    yardstick = Yardstick(frozenset({"that", "the", "not"}), 0.05, 0.65)
    said = words_text(TEXT, yardstick)
    assert said.startswith("26 % of its characters") and "65 %" in said and "5.0 %" in said
    assert words_text(TEXT, None) == ""


def test_passages_can_be_read() -> None:
    table = passages_table(TEXT, FOUND)
    assert table["characters"] == ["30", "20"]
    assert table["in the training text at"] == ["12,345", "7"]
    assert table["passage"][0] == "to be or not to be↵ that is the"
    many = Originality(tuple(Passage(i, 20, i) for i in range(9)), 1.0, 0.0)
    assert len(passages_table(TEXT, many)["passage"]) == N_PASSAGES


def test_several_texts_have_a_line_each_and_new_text_one() -> None:
    yardstick = Yardstick(frozenset({"question"}), 0.1, 0.9)
    held = [("a_b", Held(TEXT, FOUND, USUAL, yardstick)), ("own", Held("zq" * 20, NOTHING, USUAL))]
    table = summary_table(held)
    assert table == {
        "text": [r"a\_b", "own", "validation text as long"],
        "longest passage, characters": [
            "30",
            f"none of {LEAST} or more",
            "22 or more in half of such texts",
        ],
        "in the training text at": ["12,345", "–", "–"],
        "word for word": ["25 %", "0 %", "1.5 %"],
        "in words of the corpus": ["21 %", "–", "90 %"],
        "repeats itself": ["12 %", "0 %", "0 %"],
    }
    assert Held("x", message="gone").marks == [] and held[0][1].marks == [(0, 30), (2, 20)]
