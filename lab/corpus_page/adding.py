"""How a text comes into the lab: a file of one's own, or Karpathy's original from the network.

On the left of the Corpus page. What would be changed in a text is shown before it is added: how it
reads where it is not in UTF-8, and what folding its rare characters would replace.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import streamlit as st

from core.errors import CorpusError, EncodingError, LabError
from core.library.encodings import ENCODINGS, first_lines
from core.library.intake import MAX_TEXT_BYTES, RARE, Reading, folding_for, plain_text
from core.library.texts import ORIGINAL
from lab.corpus_page.keeping import look_at
from lab.session.entry import Entry
from lab.session.state import the_lab
from lab.widgets.controls import is_long_enough
from lab.wording import words
from lab.wording.plain import plain, plain_but_code

_UPLOADS = Entry("corpus_uploads", 0)
"""Which uploader it is: a new one is empty."""
_LITTLE = " That is little: a model will soon know it by heart."
_TOO_LITTLE = " That is too little to train on: no block size fits into its last tenth."


@dataclass(frozen=True)
class _Upload:
    """A file as it came."""

    id: str
    name: str
    raw: bytes


def render_upload() -> None:
    """A box for a file, and once there is one, what it is and a button that adds it."""
    st.header("Add a text of your own")
    chosen = st.file_uploader(
        "A text file", key=f"corpus_file_{_UPLOADS.get()}",
        help=f"At most {MAX_TEXT_BYTES / 1e6:.0f} MB. It stays on this computer, in the lab's "
        "folder.",
    )  # fmt: skip
    if chosen is None:
        return
    file = _Upload(chosen.file_id, chosen.name, chosen.getvalue())
    encoding = _choose_encoding(file)
    reading = _read(file, encoding)
    if reading:
        _render_preview(reading)
    elif encoding:
        st.caption(f"It cannot be read as {encoding}.")
    fold = _offer_folding(reading)
    name = st.text_input(
        "Name", _free_name(file.name), max_chars=64, key=f"corpus_name_{file.id}",
        help="Letters, digits, - and _; runs and the command line call the text by it.",
    )  # fmt: skip
    label = f"Add, read as {encoding}" if encoding else "Add"
    if st.button(label, type="primary", key="corpus_add", icon=":material/add:"):
        _add((name or "").strip(), file, encoding, fold)


def _choose_encoding(file: _Upload) -> str | None:
    """What to read a file in that is not UTF-8, chosen by how it would read; else None."""
    try:
        plain_text(file.raw, file.name)
    except EncodingError as error:
        likely = error.likely
    except CorpusError:  # said when it is to be added
        return None
    else:
        return None
    others = [name for name in ENCODINGS if name not in likely]
    encoding: str = st.selectbox(
        "It is not in UTF-8. Read it as", [*likely, *others], key=f"corpus_encoding_{file.id}",
        help="The likeliest first. If the lines below look wrong, try another.",
    )  # fmt: skip
    return encoding


def _render_preview(reading: Reading) -> None:
    """How a text would read, and how much it is."""
    st.code("\n".join(first_lines(reading.text)), language=None, wrap_lines=True)
    where = ":"
    if not reading.text.isascii():
        where = ", from the first line with a letter outside plain ASCII; the whole of it has"
    n_distinct = len(set(reading.text))
    st.caption(
        f"So it would read{where} {words.count(len(reading.text))} characters, "
        f"{words.count(n_distinct)} distinct.{_how_little(reading)}"
    )


def _how_little(reading: Reading) -> str:
    """What is to be said of a text that is short; nothing of another."""
    if not is_long_enough(reading.text):
        return _TOO_LITTLE
    return _LITTLE * reading.is_little


def _offer_folding(reading: Reading | None) -> bool:
    """Whether to fold rare characters; asked only where there are too many, with the share."""
    folding = folding_for(reading.text) if reading else None
    if not reading or not folding:
        return False
    n_distinct = len(set(reading.text))
    st.warning(
        f"{words.count(n_distinct)} distinct characters; the memory that is free here is enough "
        f"for {words.count(folding.limit)}. Folding the rare ones into one sign "
        f"({RARE}) would replace {folding}."
    )
    return st.toggle("Fold rare characters into one sign", key="corpus_fold")


def _read(file: _Upload, encoding: str | None) -> Reading | None:
    try:
        return plain_text(file.raw, file.name, encoding=encoding)
    except CorpusError:
        return None


def _add(name: str, file: _Upload, encoding: str | None, fold: bool) -> None:
    try:
        reading = the_lab().library.add(
            name, file.raw, file.name, encoding=encoding, fold_rare=fold
        )
    except LabError as error:
        st.error(plain_but_code(str(error)))
        return
    notes = "".join(f" {plain(note[0].upper() + note[1:])}." for note in reading.notes)
    look_at(
        name,
        f"Added {plain(name)}: {words.count(len(reading.text))} characters.{notes}"
        f"{_how_little(reading)}",
    )
    _UPLOADS.set(_UPLOADS.get() + 1)
    st.rerun()


def _free_name(file_name: str) -> str:
    """A plain name made of a file's name, that no corpus has yet."""
    stem = file_name.rsplit(".", 1)[0]
    ascii_only = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    plain_name = re.sub(r"[^A-Za-z0-9]+", "-", ascii_only).strip("-")[:60] or "my-text"
    taken = {name.casefold() for name in the_lab().library.names()} | {ORIGINAL}
    free, number = plain_name, 2
    while free.casefold() in taken:
        free, number = f"{plain_name}-{number}", number + 1
    return free


def render_original() -> None:
    """Whether Karpathy's original is here, and a button that fetches it."""
    st.header("Karpathy's original")
    if ORIGINAL in the_lab().library.names():
        st.caption(f"It is here, as `{ORIGINAL}`, and is the default.")
        return
    st.caption(
        "Tiny Shakespeare, the text that nanoGPT and many courses use. This needs the network; the "
        "shipped edition, nearly the same plays, does not."
    )
    if not st.button("Fetch the original", key="corpus_fetch", icon=":material/download:"):
        return
    bar = st.progress(0.0, text="Asking for it …")

    def show(here: int, total: int | None) -> None:
        bar.progress(min(1.0, here / total) if total else 0.0, text=f"{here / 1e6:.1f} MB")

    try:
        the_lab().library.get_original(progress=show)
    except LabError as error:
        bar.empty()
        st.error(plain_but_code(str(error)))
        return
    look_at(ORIGINAL, f"Fetched {ORIGINAL}; it is the default from now on.")
    st.rerun()
