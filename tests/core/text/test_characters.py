"""Every character has a sign that can be seen, one place wide, and a name."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from core.text.characters import (
    is_mark,
    is_wide,
    name_of,
    printable,
    quoted_character,
    sign_of,
    signs_of,
)

SIGNS = [
    (" ", "␣", "U+0020 space"),
    ("\n", "↵", "U+000A new line"),
    ("\t", "⇥", "U+0009 tab"),
    ("a", "a", "U+0061 latin small letter a"),
    ("é", "é", "U+00E9 latin small letter e with acute"),
    ("漢", "漢", "U+6F22 cjk unified ideograph-6f22"),
    ("\u00a0", "⍽", "U+00A0 no-break space"),
    ("\u202f", "⎵", "U+202F narrow no-break space"),
    ("\u3000", "⎵", "U+3000 ideographic space"),
    ("\x00", "␀", "U+0000 null"),
    ("\x07", "␇", "U+0007 bell"),
    ("\x1b", "␛", "U+001B escape"),
    ("\x7f", "␡", "U+007F delete"),
    ("\x85", "⬚", "U+0085 control character"),
    ("\u0301", "◌\u0301", "U+0301 combining acute accent"),
    ("\u093e", "◌\u093e", "U+093E devanagari vowel sign aa"),
    ("\u200b", "⬚", "U+200B zero width space"),
    ("\u200d", "⬚", "U+200D zero width joiner"),
    ("\u00ad", "⬚", "U+00AD soft hyphen"),
    ("\ufeff", "⬚", "U+FEFF zero width no-break space"),
    ("\ufe0f", "⬚", "U+FE0F variation selector-16"),
    ("\u3164", "⬚", "U+3164 hangul filler"),
    ("\u2028", "␤", "U+2028 line separator"),
    ("\ue000", "⬚", "U+E000 private use"),
    ("\u0378", "⬚", "U+0378 not assigned"),
]


@pytest.mark.parametrize(("character", "sign", "name"), SIGNS, ids=lambda text: ascii(text))
def test_signs_and_names(character: str, sign: str, name: str) -> None:
    assert (sign_of(character), name_of(character)) == (sign, name)


def test_every_character_of_unicode_can_be_seen_and_takes_one_place() -> None:
    for code in range(sys.maxunicode + 1):
        sign = sign_of(chr(code))
        base, marks = sign[0], sign[1:]
        assert unicodedata.category(base)[0] not in "CMZ", hex(code)
        assert len(marks) == is_mark(chr(code)), hex(code)
        assert name_of(chr(code)).startswith(f"U+{code:04X}")


def test_only_what_no_keyboard_has_is_named_beside_its_sign() -> None:
    assert [quoted_character(c) for c in "a<"] == ["‘a’", "‘<’"]
    assert quoted_character(" ") == "‘␣’ U+0020 space"
    assert (
        quoted_character("\u0430") == "‘\u0430’ U+0430 cyrillic small letter a"
    )  # looks like the other a


def test_a_text_is_shown_sign_by_sign() -> None:
    assert signs_of("a \n") == ["a", "␣", "↵"]


def test_what_takes_two_places_is_known() -> None:
    assert [is_wide(c) for c in "a漢é\u00a0\u0301Ａ"] == [False, True, False, False, False, True]


def test_what_is_printed_drives_no_terminal() -> None:
    assert printable("\x1b[31mred\x07\r\n\tto\u202ebe") == "␛[31mred␇␍\n\tto⬚be"
    whole = "first\nsecond\tthird é 漢 שלום \u200f👩\u200d🚀"
    assert printable(whole) == whole
