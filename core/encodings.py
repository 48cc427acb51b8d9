"""How the bytes of a text file become characters, where they are not UTF-8.

Says which encoding a file is likely in, and reads it in one that somebody named. Nothing is taken
on a guess: whoever adds the text confirms it, after seeing how it would read (`first_lines`).

The guess is that of charset-normalizer (https://github.com/jawah/charset_normalizer), kept to the
encodings that texts are really found in. Knows bytes and texts; no names, no limits, no disk.
"""

from __future__ import annotations

import codecs

from charset_normalizer import from_bytes

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
_LATIN = ENCODINGS[0]
_NEARLY_AS_GOOD = 0.05
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
    raise EncodingError(
        f"{what} is not in UTF-8 but, it seems, in {likely[0]}. If that is right, take it with "
        f"--encoding {likely[0]} or on the Corpus page.",
        likely,
    )


def likely_encodings(raw: bytes) -> tuple[str, ...]:
    """What a file that is not UTF-8 may be in, the likeliest first; none for a binary file."""
    for mark, encoding in _MARKS.items():
        if raw.startswith(mark):
            return (encoding,) if _reads(raw, encoding) else ()
    candidates = WIDE if b"\x00" in raw else (*ENCODINGS, *WIDE[:2])
    readable = [name for name in candidates if _reads(raw, name)]
    if not readable:
        return ()
    sample = raw[:_GUESSED_ON]
    matches = from_bytes(sample, cp_isolation=readable)
    # Some matches stand for several encodings that give the same text.
    ranked = [(m, {_usual(n) for n in (m.encoding, *m.could_be_from_charset)}) for m in matches]
    found = [name for _, same in ranked for name in candidates if name in same and name in readable]
    close = {
        name
        for match, same in ranked
        for name in same
        if match.chaos <= ranked[0][0].chaos + _NEARLY_AS_GOOD
    }
    if _LATIN in close and _LATIN in found:  # among equals the one that is by far the most common
        found.insert(0, _LATIN)
    return tuple(dict.fromkeys(found))


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
        text = raw.decode(name)
    except UnicodeError:
        raise CorpusError(_not_in(raw, what, encoding)) from None
    except (LookupError, ValueError):  # no such one, or one that makes no text of bytes
        raise CorpusError(
            f"There is no encoding {encoding!r}. Usual ones are {', '.join(ENCODINGS[:4])}, utf-16."
        ) from None
    if not _is_text(text):
        raise CorpusError(_not_in(raw, what, encoding))
    if name != "utf-8" and not raw.isascii() and _reads(raw, "utf-8") and text != raw.decode():
        raise CorpusError(
            f"{what} is in UTF-8, and read as {encoding} its letters would be others: "
            f"‘{first_lines(text, 1, 40)[0]}’. Leave --encoding out."
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
