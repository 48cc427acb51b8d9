"""The lab's texts: which there are, and what may become one.

Owns the rules for a text (UTF-8, size, name, number of characters) and the folder `corpora/`.
A text that is refused leaves nothing behind: everything is checked before the file is written, and
the file appears whole or not at all.

The shipped edition is always there as `shakespeare`; Karpathy's Tiny Shakespeare, once fetched, as
`tiny-shakespeare` (source: https://github.com/karpathy/char-rnn, `data/tinyshakespeare`).
"""

from __future__ import annotations

import hashlib
import http.client
import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.corpus import Corpus, fingerprint_of
from core.errors import CorpusError
from core.files import write_atomically
from core.home import PROJECT_DATA, LabHome
from core.names import numbered

SHIPPED = "shakespeare"
ORIGINAL = "tiny-shakespeare"
ORIGINAL_URL = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
ORIGINAL_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

MAX_BYTES = 10_000_000
MAX_VOCABULARY = 1_000
MAX_NAME = 64
RARE = "\N{REPLACEMENT CHARACTER}"
"""The one sign that rare characters are folded into, where the user asks for that."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
_OTHER_ENCODINGS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes that will come (None: not known)."""


@dataclass(frozen=True)
class Reading:
    """A text that passed the rules, and what was changed to make it pass."""

    text: str
    notes: tuple[str, ...] = ()


def read_text(raw: bytes, what: str, *, fold_rare: bool = False) -> Reading:
    """Turn the bytes of a file into a text, or say in one sentence why not.

    Args:
        raw: the file's content.
        what: how the file is named in a message.
        fold_rare: replace the rarest characters by `RARE` instead of refusing too many.

    Raises CorpusError when the bytes are empty, too many, binary, not UTF-8, or hold fewer than
    two or more than `MAX_VOCABULARY` distinct characters.
    """
    plain = plain_text(raw, what)
    text, notes = plain.text, list(plain.notes)
    if len(text) < 2:
        found = "is empty" if not text else "has one character"
        raise CorpusError(f"{what} {found}; a model needs a text to learn from.")
    return _check_vocabulary(text, what, notes, fold_rare)


def plain_text(raw: bytes, what: str) -> Reading:
    """The text in the bytes of a file, with plain newlines, however short it is.

    Raises CorpusError when the bytes are too many, binary, or not UTF-8.
    """
    _check_size(len(raw), what)
    notes = []
    for mark, encoding in _OTHER_ENCODINGS.items():
        if raw.startswith(mark):
            raise CorpusError(f"{what} is in {encoding}. Save it as UTF-8 and try again.")
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
        notes.append("a byte-order mark at the start was removed")
    if b"\x00" in raw:
        raise CorpusError(f"{what} is a binary file, not a text. Expected plain text in UTF-8.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{what} is not UTF-8 (byte {error.start:,} cannot be read). "
            "Save it as UTF-8 and try again."
        ) from error
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        notes.append("line ends were made plain newlines")
    return Reading(text, tuple(notes))


def _check_size(n_bytes: int, what: str) -> None:
    if n_bytes > MAX_BYTES:
        raise CorpusError(
            f"{what} has {n_bytes / 1e6:.1f} MB and the limit is {MAX_BYTES / 1e6:.0f} MB. "
            "Cut it to a part."
        )


def _check_vocabulary(text: str, what: str, notes: list[str], fold_rare: bool) -> Reading:
    distinct = set(text)
    if len(distinct) < 2:
        raise CorpusError(f"{what} repeats one character; there is nothing to predict in it.")
    if len(distinct) > MAX_VOCABULARY:
        if not fold_rare:
            raise CorpusError(
                f"{what} has {len(distinct):,} distinct characters and the limit is "
                f"{MAX_VOCABULARY:,}. Fold the rare ones into one sign ({RARE}) with --fold_rare "
                "or the switch on the Corpus page."
            )
        counts = Counter(text)
        # Equally rare ones by their place in Unicode: the same text always folds to the same.
        ordered = sorted(distinct - {RARE}, key=lambda c: (-counts[c], c))
        rare = distinct.difference(ordered[: MAX_VOCABULARY - 1])
        text = text.translate({ord(c): RARE for c in rare})
        notes.append(f"{len(rare):,} rare characters were folded into {RARE}")
    return Reading(text, tuple(notes))


class CorpusLibrary:
    """The corpora of one lab home."""

    def __init__(self, home: LabHome) -> None:
        self._home = home

    def names(self) -> list[str]:
        """Every corpus, the default first."""
        added = sorted(p.stem for p in self._home.corpora.glob("*.txt"))
        return sorted([SHIPPED, *added], key=lambda n: (n != ORIGINAL, n != SHIPPED, n))

    @property
    def default(self) -> str:
        """The original Tiny Shakespeare once it is here, else the shipped edition."""
        return self.names()[0]

    def path(self, name: str) -> Path:
        """The file of a corpus, which need not be there."""
        if name == SHIPPED:
            return PROJECT_DATA / f"{SHIPPED}.txt"
        return self._home.corpora / f"{name}.txt"

    def load(self, name: str | None = None) -> Corpus:
        """The corpus of that name (None: the default). Raises CorpusError if there is none."""
        name = name or self.default
        if name not in self.names():
            raise CorpusError(
                f"There is no corpus {name!r}; there are {', '.join(self.names())}. "
                "Add one with `python -m core corpus add NAME --from FILE` or on the Corpus page."
            )
        path = self.path(name)
        return _load(name, path, path.stat().st_mtime_ns)

    def load_exactly(self, name: str, fingerprint: str) -> Corpus:
        """The text that a run learned from, and no other. Raises CorpusError when it is gone."""
        if name not in self.names():
            raise CorpusError(
                f"The corpus {name!r} that this run learned from is gone. Add the same text again "
                "under that name to go on."
            )
        corpus = self.load(name)
        if corpus.fingerprint != fingerprint:
            raise CorpusError(
                f"The corpus {name!r} is no longer the text that this run learned from. Put that "
                "text back under the name to go on."
            )
        return corpus

    def add(self, name: str, raw: bytes, what: str, *, fold_rare: bool = False) -> Reading:
        """Add a text under a plain name, or raise CorpusError and leave everything as it was."""
        if name.casefold() == ORIGINAL:
            raise CorpusError(
                f"The name {ORIGINAL} is kept for the original. Fetch it with "
                f"`python -m core corpus get {ORIGINAL}`, or choose another name."
            )
        check_name(name)
        reading = read_text(raw, what, fold_rare=fold_rare)
        _check_size(len(reading.text.encode("utf-8")), what)  # folding may have made it longer
        self._store(name, reading.text)
        return reading

    def add_file(self, name: str, path: Path, *, fold_rare: bool = False) -> Reading:
        """Add the text in a file; see `add`."""
        return self.add(name, read_bytes(path), path.name, fold_rare=fold_rare)

    def name_of(self, fingerprint: str, at_best: str) -> str | None:
        """Which corpus is the text with this fingerprint; `at_best`, where several are."""
        same = [name for name in self.names() if self.load(name).fingerprint == fingerprint]
        return at_best if at_best in same else next(iter(same), None)

    def add_exactly(self, name: str, text: str) -> str:
        """Add the text of another lab as it is, and return its name, where needed with a number.

        Raises CorpusError for a text that no lab would have, and leaves everything as it was.
        """
        check_name(name)
        if read_text(text.encode("utf-8"), name).text != text:
            raise CorpusError(f"The text of {name} is not as a lab keeps it: plain UTF-8.")
        taken = {there.casefold() for there in self.names()}
        if fingerprint_of(text) != ORIGINAL_SHA256:
            taken.add(ORIGINAL)
        name = numbered(name, lambda free: free.casefold() in taken, MAX_NAME)
        self._store(name, text)
        return name

    def get_original(
        self,
        source: Path | None = None,
        *,
        url: str = ORIGINAL_URL,
        timeout_s: float = 30.0,
        progress: Progress | None = None,
    ) -> None:
        """Fetch Tiny Shakespeare from the network, or take it from a file, and check its sha256."""
        raw = read_bytes(source) if source else _download(url, timeout_s, progress)
        found = hashlib.sha256(raw).hexdigest()
        if found != ORIGINAL_SHA256:
            raise CorpusError(
                f"{source or url} is not the original Tiny Shakespeare: its sha256 starts with "
                f"{found[:12]} and should start with {ORIGINAL_SHA256[:12]}. "
                "To use it as a text of your own, add it under another name."
            )
        self._store(ORIGINAL, raw.decode("utf-8"))

    def _store(self, name: str, text: str) -> None:
        same = [n for n in self.names() if n.casefold() == name.casefold()]
        if same and (same[0] != name or self.load(name).text != text):
            raise CorpusError(
                f"There is already a corpus {same[0]!r} with another text, and runs may depend on "
                "it. Choose another name."
            )
        if not same:
            write_atomically(self.path(name), text.encode("utf-8"))


def check_name(name: str) -> None:
    """Raise CorpusError unless the name is plain enough to be a file on every system."""
    if not _PLAIN_NAME.fullmatch(name) or _WINDOWS_DEVICES.fullmatch(name):
        raise CorpusError(
            f"{name!r} is no plain name. Use 1 to 64 letters, digits, '-' and '_' (a-z, A-Z, 0-9), "
            "starting with a letter or digit."
        )


def read_bytes(path: Path) -> bytes:
    """A file's content, no more than the limit and one byte; a CorpusError says why not."""
    if path.is_dir():
        raise CorpusError(f"{path} is a folder; expected a text file.")
    try:
        _check_size(path.stat().st_size, path.name)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise CorpusError(f"There is no file {path}.") from None
    except OSError as error:
        raise CorpusError(f"{path} cannot be read ({error.strerror}).") from error


def _download(url: str, timeout_s: float, progress: Progress | None) -> bytes:
    advice = (
        f"Fetch it by hand and use `corpus get {ORIGINAL} --from FILE`, or stay with the shipped "
        f"corpus {SHIPPED}."
    )
    raw = bytearray()
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as response:
            length = response.headers.get("Content-Length") or ""
            total = int(length) if length.isdecimal() else None
            while chunk := response.read(64 * 1024):
                raw += chunk
                if progress:
                    progress(len(raw), total)
                if len(raw) > MAX_BYTES:
                    raise CorpusError(f"{url} sends more than {MAX_BYTES / 1e6:.0f} MB. {advice}")
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = " ".join(str(getattr(error, "reason", None) or error).split())
        raise CorpusError(f"{url} could not be fetched ({reason}). {advice}") from error
    if total and len(raw) < total:
        raise CorpusError(f"{url} broke off after {len(raw):,} of {total:,} bytes. {advice}")
    return bytes(raw)


@lru_cache(maxsize=8)
def _load(name: str, path: Path, mtime_ns: int) -> Corpus:
    """A corpus from its file; a changed file (`mtime_ns`) is read anew."""
    return Corpus(name, read_text(path.read_bytes(), path.name).text)
