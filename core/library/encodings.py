"""How the bytes of a text file become characters, where they are not UTF-8.

Says which encoding a file is likely in, and reads it in one that somebody named. Nothing is taken
on a guess: whoever adds the text confirms it, after seeing how it would read (`first_lines`).

The guess is that of charset-normalizer (https://github.com/jawah/charset_normalizer), kept to the
encodings that texts are really found in. Knows bytes and texts; no names, no limits, no disk.
"""

from __future__ import annotations

import codecs
import re

from charset_normalizer import CharsetMatches, from_bytes

from core.errors import CorpusError, EncodingError

MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""The byte-order mark, decoded."""
_MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""The longer ones first: one begins with another."""
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
"""Encodings without a mark in which plain letters have bytes of zero beside them."""
ENCODINGS = (
    "windows-1252", "windows-1250", "iso-8859-2", "windows-1251", "koi8-r", "windows-1253",
    "windows-1254", "windows-1255", "windows-1256", "windows-1257", "mac-roman", "cp850", "cp437",
    "shift_jis", "euc-jp", "gb18030", "big5", "euc-kr",
)  # fmt: skip
"""The others that texts are found in, the most common first; Latin-1 is within windows-1252."""
_RARENESS = {"windows-1252": 0.0, "windows-1250": 0.05, "iso-8859-2": 0.06} | dict.fromkeys(
    ("windows-1253", "windows-1254", "windows-1255", "windows-1256", "windows-1257", "mac-roman",
     "cp850", "cp437"), 0.2
)  # fmt: skip
"""What those that give nearly the same text are told apart by; 0.1 for the others."""
_SLIP = re.compile("[^\\W\\d_][¡-¶¸-¿×÷][^\\W\\d_]")
"""A sign such as ³ between two letters: another encoding has a letter in its place."""
_GUESSED_ON = 200_000
"""So many bytes are enough to guess on."""


def decode(raw: bytes, what: str, encoding: str | None = None) -> str:
    """The characters of a file, with a byte-order mark that they may begin with.

    Args:
        raw: the file's content.
        what: how the file is named in a message.
        encoding: read it so; None: it must be UTF-8.

    Raises EncodingError when it is a text in another encoding, CorpusError when it is none.
    """
    if encoding is not None:
        return _decode_as_told(raw, what, encoding)
    if b"\x00" not in raw:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            _check_damage(raw, what, error.start)
    likely = likely_encodings(raw)
    if not likely:
        raise CorpusError(f"{what} is a binary file, not a text. Expected plain text in UTF-8.")
    raise EncodingError(what, likely)


def likely_encodings(raw: bytes) -> tuple[str, ...]:
    """What a file that is not UTF-8 may be in, the likeliest first; none for a binary file."""
    for mark, encoding in _MARKS.items():
        if raw.startswith(mark):
            return (encoding,) if _reads(raw, encoding) else ()
    candidates = WIDE if b"\x00" in raw else (*ENCODINGS, *WIDE[:2])
    readable = [name for name in candidates if _reads(raw, name)]
    if not readable:
        return ()
    oddness: dict[str, tuple[bool, float, int]] = {}
    for rank, match in enumerate(_matches(raw[:_GUESSED_ON], readable)):
        # Some matches stand for several encodings that give the same text.
        for name in map(_usual, (match.encoding, *match.could_be_from_charset)):
            if name in readable:
                slips = bool(_SLIP.search(match.raw.decode(name, "ignore")))
                odd = (slips, round(match.chaos + _RARENESS.get(name, 0.1), 2), rank)
                oddness[name] = min(odd, oddness.get(name, odd))
    return tuple(sorted(oddness, key=lambda name: (oddness[name], readable.index(name))))


def _matches(beginning: bytes, encodings: list[str]) -> CharsetMatches:
    """What the beginning of a file may be in, of these; each is given no half character to read.

    One at the end is enough for charset-normalizer to drop an encoding.
    """
    alike: dict[int, list[str]] = {}
    for name in encodings:
        alike.setdefault(_whole_characters(beginning, name), []).append(name)
    matches = CharsetMatches()
    for size, names in alike.items():
        for match in from_bytes(beginning[:size], cp_isolation=names):
            matches.append(match)
    return matches


def _whole_characters(beginning: bytes, encoding: str) -> int:
    """How many of the bytes are left without the part of a character that they may end in."""
    decoder = codecs.getincrementaldecoder(encoding)()
    decoder.decode(beginning)
    return len(beginning) - len(decoder.getstate()[0])


def first_lines(text: str, at_most: int = 3, width: int = 100) -> list[str]:
    """A few lines to judge an encoding by: from the first that has a letter outside ASCII."""
    lines = [line for line in text.splitlines() if line.strip()]
    telling = next((i for i, line in enumerate(lines) if not line.isascii()), 0)
    return [_around(line, width) for line in lines[telling : telling + at_most]]


def _around(line: str, width: int) -> str:
    """A part of a long line: that with its first character outside ASCII."""
    place = next((i for i, character in enumerate(line) if not character.isascii()), 0)
    start = max(0, place - width // 2) if len(line) > width else 0
    cut = line[start : start + width]
    return "…" * (start > 0) + cut + "…" * (start + width < len(line))


def _check_damage(raw: bytes, what: str, place: int) -> None:
    """Raise CorpusError for what is UTF-8 but for a few bytes, which no other encoding explains."""
    text = raw.decode("utf-8", errors="replace")
    n_damaged = text.count("\N{REPLACEMENT CHARACTER}")
    n_whole = sum(not character.isascii() for character in text) - n_damaged
    if n_whole > 10 * n_damaged:
        line = raw[:place].count(b"\n") + 1
        raise CorpusError(
            f"{what} is in UTF-8 but damaged: in line {line:,} there are bytes that are no "
            "character. Repair that line or leave it out."
        )


def _decode_as_told(raw: bytes, what: str, encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        # In UTF-8 a mark is left in its place, whatever it is called, so that it can be spoken of.
        name = "utf-8" if name == "utf-8-sig" else name
        text = raw.decode(name)
    except UnicodeError:
        raise CorpusError(_not_in(raw, what, encoding)) from None
    except (LookupError, ValueError):  # no such one, or one that makes no text of bytes
        raise CorpusError(
            f"There is no encoding {encoding!r}. Usual ones are {', '.join(ENCODINGS[:4])}, utf-16."
        ) from None
    # Nearly any bytes can be read as UTF-16, though not as anything that somebody wrote.
    is_wide = name.startswith(("utf-16", "utf-32"))
    if not _is_text(text) or (is_wide and not any("utf-" in n for n in likely_encodings(raw))):
        raise CorpusError(_not_in(raw, what, encoding))
    if name != "utf-8" and not raw.isascii() and _reads(raw, "utf-8") and text != raw.decode():
        line = next(iter(first_lines(text, 1, 40)), "")
        raise CorpusError(
            f"{what} is in UTF-8, and read as {encoding} its letters would be others: "
            f"‘{line}’. Leave --encoding out."
        )
    return text


def _not_in(raw: bytes, what: str, encoding: str) -> str:
    likely = ("utf-8",) if _reads(raw, "utf-8") else likely_encodings(raw)
    advice = f" Try --encoding {likely[0]}." if likely else ""
    return f"{what} is not in {encoding}: it holds bytes that mean nothing there.{advice}"


def _reads(raw: bytes, encoding: str) -> bool:
    try:
        return _is_text(raw.decode(encoding))
    except UnicodeError:
        return False


def _is_text(text: str) -> bool:
    """No text holds a null, and none half a character, which cannot be written as UTF-8."""
    try:
        return b"\x00" not in text.encode("utf-8")
    except UnicodeEncodeError:
        return False


def _usual(codec: str) -> str:
    """The name in our lists for a codec that Python calls otherwise, else its own."""
    return _USUAL.get(codecs.lookup(codec).name, codec)


_USUAL = {codecs.lookup(name).name: name for name in (*ENCODINGS, *WIDE)} | {
    # Python tells these apart, and the wider one is what is meant.
    "cp932": "shift_jis", "cp949": "euc-kr", "gbk": "gb18030", "euc_jis_2004": "euc-jp",
    "iso8859-1": "windows-1252",
}  # fmt: skip
