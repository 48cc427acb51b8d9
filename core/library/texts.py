"""The lab's texts: which there are, and those in the bin.

Owns the names and the folder `corpora/`; what may become a text is `core.library.intake`'s. One
that is refused leaves nothing behind: everything is checked before the file is written, and the
file appears whole or not at all.

The shipped edition is always there as `shakespeare`; Karpathy's Tiny Shakespeare, once fetched, as
`tiny-shakespeare` (source: https://github.com/karpathy/char-rnn, `data/tinyshakespeare`).
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import count
from pathlib import Path
from shlex import quote

from filelock import FileLock, Timeout

from core.errors import CorpusError, quoted
from core.library.fetching import Progress, download, read_bytes
from core.library.intake import Reading, check_size, plain_text, read_text
from core.storage.files import write_atomically
from core.storage.home import PROJECT_DATA, LabHome
from core.storage.names import as_text, numbered
from core.storage.trouble import in_words
from core.text.corpus import Corpus, fingerprint_of

SHIPPED = "shakespeare"
ORIGINAL = "tiny-shakespeare"
ORIGINAL_URL = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
ORIGINAL_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
_BY_HAND = (
    f"Fetch it by hand and use `corpus get {ORIGINAL} --from FILE`, or stay with the shipped "
    f"corpus {SHIPPED}."
)

_PATIENCE_S = 30.0
MAX_TEXT_NAME = 64
"""Characters in the name of a text, which is that of its file."""

_PLAIN_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{MAX_TEXT_NAME - 1}}}")
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)

BINNED = re.compile(r"(.+)\.([0-9]+)\.txt")
"""A text in the bin: its name, and when it was deleted (ns): one name may be there twice.

A file that somebody put into `corpora/` by hand may have any name.
"""


class CorpusLibrary:
    """The corpora of one lab home."""

    def __init__(self, home: LabHome) -> None:
        self._home = home

    def names(self) -> list[str]:
        """Every corpus, the default first."""
        files = (p for p in self._home.corpora.glob("*.txt") if p.is_file())
        added = sorted(p.stem for p in files if as_text(p.stem) == p.stem)
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
        self._check_there(name)
        path = self.path(name)
        try:
            return _load(name, path, path.stat().st_mtime_ns)
        except FileNotFoundError:
            raise CorpusError(f"The corpus {name!r} has just been deleted.") from None
        except OSError as error:
            raise CorpusError(f"{path} cannot be read ({error.strerror or error}).") from error

    def load_all(self) -> list[Corpus]:
        """Every corpus that can be read, the default first; of the others `troubles` says why."""
        loaded = []
        for name in self.names():
            with suppress(CorpusError):
                loaded.append(self.load(name))
        return loaded

    def troubles(self) -> list[str]:
        """What is wrong with texts that somebody put here by hand, a sentence for each."""
        found = []
        for name in self.names():
            try:
                self.load(name)
            except CorpusError as error:
                found.append(f"{error} The text {name} is left out.")
        return found

    def load_exactly(self, name: str, fingerprint: str) -> Corpus:
        """The text that a run learned from, and no other. Raises CorpusError when it is gone.

        It was called `name` then; where it has come to another name, it is found under that.
        """
        here = self.name_of(fingerprint, name)
        if here is not None:
            return self.load(here)
        gone = f"The text {name!r} that this run learned from is"
        for path in self.in_bin():
            if _fingerprint_in(path) == fingerprint:
                raise CorpusError(
                    f"{gone} in the bin: `python -m core corpus restore "
                    f"{quote(binned_name(path))}` or the Corpus page brings it back."
                )
        other = ", and another has its name" * (name in self.names())
        raise CorpusError(f"{gone} gone{other}. Add the same text again, under any name, to go on.")

    def add(
        self,
        name: str,
        raw: bytes,
        what: str,
        *,
        encoding: str | None = None,
        fold_rare: bool = False,
    ) -> Reading:
        """Add a text under a plain name, or raise CorpusError and leave everything as it was."""
        if name.casefold() == ORIGINAL:
            raise CorpusError(
                f"The name {ORIGINAL} is kept for the original. Fetch it with "
                f"`python -m core corpus get {ORIGINAL}`, or choose another name."
            )
        check_name(name)
        reading = read_text(raw, what, encoding=encoding, fold_rare=fold_rare)
        check_size(len(reading.text.encode("utf-8")), what)  # it may have become longer
        with self._alone():
            self._store(name, reading.text)
        return reading

    # --- the bin ----------------------------------------------------------------------------------

    def bin(self, name: str) -> None:
        """Put a text into the bin. Raises CorpusError for the shipped one, or when there is none.

        What depends on it is for the caller to say; see `Lab.bin_corpus`.
        """
        if name == SHIPPED:
            raise CorpusError(f"{SHIPPED} is shipped with the lab and cannot be deleted.")
        self._check_there(name)
        self._home.check_writable()
        try:
            self._home.corpora_bin.mkdir(exist_ok=True)
            with self._alone():
                self.path(name).replace(self._free_in_bin(name))
        except FileNotFoundError:
            raise CorpusError(f"The corpus {name!r} has just been deleted.") from None

    def in_bin(self) -> list[Path]:
        """The files of the texts in the bin, the one deleted last first; see `binned_name`."""
        found = [BINNED.fullmatch(path.name) for path in self._home.corpora_bin.glob("*.txt")]
        binned = sorted((m for m in found if m), key=lambda m: int(m[2]), reverse=True)
        return [self._home.corpora_bin / match[0] for match in binned]

    def restore(self, name: str) -> str:
        """Take the text of that name that was deleted last out of the bin, and return its name.

        Where the name has gone to another text, it gets a number. Raises CorpusError when there is
        no such text in the bin.
        """
        self._home.check_writable()
        path = next((p for p in self.in_bin() if binned_name(p) == name), None)
        if path is None:
            there = ", ".join(dict.fromkeys(map(binned_name, self.in_bin()))) or "it is empty"
            raise CorpusError(f"There is no corpus {quoted(name)} in the bin; there: {there}.")
        with self._alone():
            taken = {there.casefold() for there in self.names()}
            free = numbered(name, lambda wanted: wanted.casefold() in taken, MAX_TEXT_NAME)
            try:
                path.replace(self.path(free))
            except FileNotFoundError:
                raise CorpusError(f"The corpus {name!r} has just been taken out.") from None
        return free

    def empty_bin(self, only: Collection[Path] | None = None) -> int:
        """Delete the texts in the bin for good; returns how many bytes that frees.

        Args:
            only: the files that may go, which somebody has seen; None: all.
        """
        freed = 0
        self._home.check_writable()
        for path in self.in_bin():
            if only is not None and path not in only:
                continue
            freed += size_bytes(path)
            path.unlink(missing_ok=True)
        return freed

    # --- by their content -------------------------------------------------------------------------

    def name_of(self, fingerprint: str, at_best: str) -> str | None:
        """Which corpus is the text with this fingerprint; `at_best`, where several are."""
        for name in sorted(self.names(), key=lambda there: there != at_best):
            if _fingerprint_in(self.path(name)) == fingerprint:
                return name
        return None

    def add_exactly(self, name: str, text: str) -> str:
        """Add the text of another lab as it is, and return its name, where needed with a number.

        Raises CorpusError for a text that no lab would have, and leaves everything as it was.
        """
        check_name(name)
        if plain_text(text.encode("utf-8"), name).text != text:
            raise CorpusError(f"The text of {name} is not as a lab keeps it: plain UTF-8.")
        with self._alone():
            taken = {there.casefold() for there in self.names()}
            if fingerprint_of(text) != ORIGINAL_SHA256:
                taken.add(ORIGINAL)
            name = numbered(name, lambda free: free.casefold() in taken, MAX_TEXT_NAME)
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
        raw = read_bytes(source) if source else download(url, timeout_s, _BY_HAND, progress)
        found = hashlib.sha256(raw).hexdigest()
        if found != ORIGINAL_SHA256:
            raise CorpusError(
                f"{source or url} is not the original Tiny Shakespeare: its sha256 starts with "
                f"{found[:12]} and should start with {ORIGINAL_SHA256[:12]}. "
                "To use it as a text of your own, add it under another name."
            )
        with self._alone():
            self._store(ORIGINAL, raw.decode("utf-8"))

    def _check_there(self, name: str) -> None:
        if name not in self.names():
            raise CorpusError(
                f"There is no corpus {quoted(name)}; there are {', '.join(self.names())}. "
                "Add one with `python -m core corpus add NAME --from FILE` or on the Corpus page."
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Inside, nobody else gives a name of a text away. Raises CorpusError when it is busy."""
        lock = FileLock(self._home.corpora / "lock")
        try:
            with in_words(self._home.corpora):
                lock.acquire(timeout=_PATIENCE_S)
        except Timeout:
            raise CorpusError("Another process is adding a text just now. Try again.") from None
        try:
            yield
        finally:
            lock.release()

    def _free_in_bin(self, name: str) -> Path:
        """Where a text goes that is deleted now; its name may be there already."""
        at_ns = max(0, time.time_ns())  # a clock may be set before 1970
        paths = (self._home.corpora_bin / f"{name}.{n}.txt" for n in count(at_ns))
        return next(path for path in paths if not path.exists())

    def _store(self, name: str, text: str) -> None:
        same = [n for n in self.names() if n.casefold() == name.casefold()]
        if same and (same[0] != name or self.load(name).text != text):
            raise CorpusError(
                f"There is already a corpus {same[0]!r} with another text, and runs may depend on "
                "it. Choose another name."
            )
        if not same:
            write_atomically(self.path(name), text.encode("utf-8"))


def binned_name(path: Path) -> str:
    """What a text in the bin was called."""
    match = BINNED.fullmatch(path.name)
    assert match, path  # as `in_bin` gives them
    return match[1]


def size_bytes(path: Path) -> int:
    """The size of a file; 0 once another process has deleted it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def check_name(name: str) -> None:
    """Raise CorpusError unless the name is plain enough to be a file on every system."""
    if not _PLAIN_NAME.fullmatch(name) or _WINDOWS_DEVICES.fullmatch(name):
        raise CorpusError(
            f"{quoted(name)} is no plain name. Use 1 to {MAX_TEXT_NAME} letters, digits, '-' and "
            "'_' (a-z, A-Z, 0-9), starting with a letter or digit."
        )


@lru_cache(maxsize=8)
def _load(name: str, path: Path, mtime_ns: int) -> Corpus:
    """A corpus from its file; a changed file (`mtime_ns`) is read anew."""
    return Corpus(name, plain_text(_content(path), path.name).text)


def _content(path: Path) -> bytes:
    """The bytes of a text that is here. Raises CorpusError for more than a text may have."""
    check_size(path.stat().st_size, path.name)
    return path.read_bytes()


def _fingerprint_in(path: Path) -> str | None:
    """The fingerprint of the text in a file; None where it is gone, or is no text."""
    try:
        return _fingerprint(path, path.stat().st_mtime_ns)
    except (OSError, CorpusError):
        return None


@lru_cache(maxsize=256)
def _fingerprint(path: Path, mtime_ns: int) -> str:
    return fingerprint_of(plain_text(_content(path), path.name).text)
