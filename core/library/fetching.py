"""Where the bytes of a text come from: a file, or the network. Never more than a text may have.

What they may be is `core.library.intake`'s, where they are kept `core.library.texts`'s.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from core.errors import CorpusError
from core.library.intake import MAX_TEXT_BYTES, check_size

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes that will come (None: not known)."""


def read_bytes(path: Path) -> bytes:
    """A file's content, no more than the limit and one byte; a CorpusError says why not."""
    if path.is_dir():
        raise CorpusError(f"{path} is a folder; expected a text file.")
    try:
        check_size(path.stat().st_size, path.name)
        with path.open("rb") as file:
            return file.read(MAX_TEXT_BYTES + 1)
    except FileNotFoundError:
        raise CorpusError(f"There is no file {path}.") from None
    except OSError as error:
        raise CorpusError(f"{path} cannot be read ({error.strerror}).") from error


def download(url: str, timeout_s: float, advice: str, progress: Progress | None) -> bytes:
    """A file's content from the network, whole; a CorpusError says why not, and ends in `advice`.

    Raises CorpusError when more comes than a text may have.
    """
    raw = bytearray()
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as response:
            length = response.headers.get("Content-Length") or ""
            total = int(length) if length.isdecimal() else None
            while chunk := response.read(64 * 1024):
                raw += chunk
                if progress:
                    progress(len(raw), total)
                if len(raw) > MAX_TEXT_BYTES:
                    raise CorpusError(
                        f"{url} sends more than {MAX_TEXT_BYTES / 1e6:.0f} MB. {advice}"
                    )
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = " ".join(str(getattr(error, "reason", None) or error).split())
        raise CorpusError(f"{url} could not be fetched ({reason}). {advice}") from error
    if total and len(raw) < total:
        raise CorpusError(f"{url} broke off after {len(raw):,} of {total:,} bytes. {advice}")
    return bytes(raw)
