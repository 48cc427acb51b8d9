"""Which encoding a text is in, how it would read, and that nothing is taken on a guess."""

from __future__ import annotations

import random

import pytest

from core.errors import CorpusError, EncodingError
from core.library.encodings import ENCODINGS, decode, first_lines, likely_encodings

FRENCH = "Le cœur a ses raisons que la raison ne connaît point.\nÀ Paris, l’été déjà passé.\n" * 9
GERMAN = "Über allen Gipfeln ist Ruh,\nin allen Wipfeln spürest du kaum einen Hauch.\n" * 9
RUSSIAN = "Все счастливые семьи похожи друг на друга,\nкаждая несчастливая по-своему.\n" * 9
POLISH = "Litwo! Ojczyzno moja! ty jesteś jak zdrowie.\nIle cię trzeba cenić, żółć, gęś\n" * 9
JAPANESE = "吾輩は猫である。名前はまだ無い。\nどこで生れたかとんと見当がつかぬ。\n" * 9
CHINESE = "道可道，非常道。名可名，非常名。\n無名天地之始；有名萬物之母。\n" * 9

IN = [
    pytest.param(FRENCH, "windows-1252", "windows-1252", id="french"),
    pytest.param(GERMAN, "latin-1", "windows-1252", id="german"),
    pytest.param(RUSSIAN, "windows-1251", "windows-1251", id="russian"),
    pytest.param(RUSSIAN, "koi8-r", "koi8-r", id="russian-koi8"),
    pytest.param(POLISH, "windows-1250", "windows-1250", id="polish"),
    pytest.param(JAPANESE, "shift_jis", "shift_jis", id="japanese"),
    pytest.param(JAPANESE, "euc-jp", "euc-jp", id="japanese-euc"),
    pytest.param(CHINESE, "gb18030", "gb18030", id="chinese"),
    pytest.param(CHINESE, "big5", "big5", id="chinese-big5"),
    pytest.param(FRENCH, "utf-16", "utf-16", id="utf-16-with-its-mark"),
    pytest.param(FRENCH, "utf-16-le", "utf-16-le", id="utf-16-little-endian"),
    pytest.param(GERMAN, "utf-16-be", "utf-16-be", id="utf-16-big-endian"),
    pytest.param(CHINESE, "utf-16-le", "utf-16-le", id="chinese-utf-16"),
    pytest.param("an owl\n" * 9, "utf-16-le", "utf-16-le", id="ascii-utf-16"),
    pytest.param(RUSSIAN, "utf-32", "utf-32", id="utf-32"),
    pytest.param("naïve café", "latin-1", "windows-1252", id="a-few-letters"),
]


@pytest.mark.parametrize(("text", "encoding", "likeliest"), IN)
def test_a_text_is_recognised_and_reads_as_it_was_written(
    text: str, encoding: str, likeliest: str
) -> None:
    raw = text.encode(encoding)
    assert likely_encodings(raw)[0] == likeliest
    with pytest.raises(EncodingError, match=f"in {likeliest}.*--encoding {likeliest} or") as caught:
        decode(raw, "it")
    assert caught.value.likely[0] == likeliest
    assert decode(raw, "it", likeliest).lstrip("\ufeff") == text


def test_a_long_text_is_recognised_by_its_beginning() -> None:
    assert (
        likely_encodings(("x" * 199_999 + GERMAN + JAPANESE).encode("utf-16-le"))[0][:6] == "utf-16"
    )
    assert likely_encodings((JAPANESE * 900).encode("euc-jp"))[0] == "euc-jp"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE.replace("\n", ""), "gb18030"),
        (CHINESE, "big5"),
        (JAPANESE.replace("\n", ""), "shift_jis"),
        (JAPANESE, "euc-jp"),
        ("😀" + CHINESE[:99] + "😀" * 1_000, "utf-16-le"),
        ("😀" + CHINESE[:99] + "😀" * 1_000, "utf-16-be"),
    ],
)
def test_no_character_that_is_cut_in_two_hides_the_encoding(
    before: str, text: str, encoding: str
) -> None:
    raw = (before + text * (210_000 // len(text))).encode(encoding)
    assert likely_encodings(raw)[0] == encoding


def test_what_is_binary_is_in_no_encoding() -> None:
    noise = bytes(random.Random(1).choices(range(256), k=4_000))
    assert likely_encodings(b"PK\x03\x04\x00\x00text") == likely_encodings(noise) == ()
    with pytest.raises(CorpusError, match="binary file"):
        decode(noise, "it")


def test_utf_8_that_is_damaged_is_said_to_be_that_with_the_line() -> None:
    raw = RUSSIAN.encode() + b"a broken \xff line\n"
    with pytest.raises(CorpusError, match="in UTF-8 but damaged: in line 19 "):
        decode(raw, "it")


WRONG = [
    pytest.param(FRENCH.encode("cp1252"), "klingon", "no encoding 'klingon'", id="none-such"),
    pytest.param(b"an owl", "hex", "no encoding 'hex'", id="no-text"),
    pytest.param(b"an owl", "undefined", "not in undefined", id="never-right"),
    pytest.param(FRENCH.encode("cp1252"), "utf-8", "Try --encoding windows-1252", id="not-utf-8"),
    pytest.param(FRENCH.encode("cp1252"), "ascii", "bytes that mean nothing there", id="not-ascii"),
    pytest.param(FRENCH.encode("utf-16"), "cp1252", "Try --encoding utf-16", id="not-one-byte"),
    pytest.param(b"abc", "utf-16", "Try --encoding utf-8", id="an-odd-number-of-bytes"),
    pytest.param(FRENCH.encode(), "cp1252", "in UTF-8.*cÅ“ur.*Leave --enc", id="it-is-utf-8"),
    pytest.param(b"+2AA-", "utf-7", "not in utf-7", id="half-a-character"),
]


@pytest.mark.parametrize(("raw", "encoding", "message"), WRONG)
def test_a_wrong_encoding_is_said_in_a_sentence(raw: bytes, encoding: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        decode(raw, "it", encoding)
    assert "\n" not in str(caught.value)


def test_every_encoding_that_is_offered_can_be_read() -> None:
    assert all(decode(b"an owl", "it", name) == "an owl" for name in ENCODINGS)


def test_the_lines_to_judge_by_begin_with_one_outside_ascii() -> None:
    assert first_lines("one\n\ntwo\nthrée\nfour\nfive\nsix") == ["thrée", "four", "five"]
    assert first_lines("one\ntwo", at_most=1) == ["one"]
    (line,) = first_lines("x" * 500 + "é" + "y" * 500, at_most=1, width=20)
    assert line == "…" + "x" * 10 + "é" + "y" * 9 + "…"
