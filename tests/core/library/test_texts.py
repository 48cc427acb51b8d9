"""What may become a text of the lab, what is refused, and that a refusal leaves nothing behind."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import CorpusError
from core.library.fetching import read_bytes
from core.library.intake import FEW, MAX_TEXT_BYTES, RARE, folding_for, read_text
from core.library.texts import ORIGINAL, SHIPPED, CorpusLibrary, _load, binned_name, size_bytes
from core.runs.lab import Lab
from core.storage.home import PROJECT_DATA
from core.storage.locks import take_lock
from tests.helpers import add_corpus, files_under, play, small_run, trained

MANY = "".join(chr(0x4E00 + i) for i in range(FEW + 200))
"""A text of more distinct characters than there is memory for, where it is `short_of_memory`."""


@pytest.fixture(autouse=True)
def short_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.preflight._free_mib", lambda device: 1.0)


# --- what is refused ------------------------------------------------------------------------------

REFUSED = [
    pytest.param(b"", "is empty", id="empty"),
    pytest.param(b"\xef\xbb\xbf", "is empty", id="only-a-byte-order-mark"),
    pytest.param(b"a", "has one character", id="one-character"),
    pytest.param("é".encode(), "has one character", id="one-character-of-two-bytes"),
    pytest.param(b"aaaaaaaa", "repeats one character", id="one-repeated-character"),
    pytest.param(b"\r\n\r\n\r\n", "repeats one character", id="nothing-but-line-ends"),
    pytest.param(b"PK\x03\x04\x00\x00text", "binary file", id="binary"),
    pytest.param("naïve café".encode("latin-1"), "not in UTF-8 but.*windows-1252", id="latin-1"),
    pytest.param("é".encode() * 30 + b"\xff", "in UTF-8 but damaged: in line 1", id="broken-utf-8"),
    pytest.param("an owl".encode("utf-16"), "not in UTF-8 but.*in utf-16", id="utf-16"),
    pytest.param(b"\xfe\xff\x00a\x00b", "not in UTF-8 but.*in utf-16", id="utf-16-big-endian"),
    pytest.param("an owl".encode("utf-32"), "not in UTF-8 but.*in utf-32", id="utf-32"),
    pytest.param(
        b"ab" * (MAX_TEXT_BYTES // 2) + b"c",
        "too large: 10.0 MB or more, and the limit is 10 MB",
        id="too-big",
    ),
    pytest.param(
        MANY.encode(),
        "1,200 distinct characters, and the memory.*enough for 1,000.*"
        "would replace 201 characters, 17 % of the text: --fold_rare",
        id="too-many",
    ),
]


@pytest.mark.parametrize(("raw", "message"), REFUSED)
def test_a_text_that_cannot_be_learned_from_is_refused_and_leaves_nothing(
    lab: Lab, raw: bytes, message: str
) -> None:
    before = files_under(lab.home.path)
    with pytest.raises(CorpusError, match=message) as caught:
        lab.library.add("mine", raw, "mine.txt")
    assert "mine.txt" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files_under(lab.home.path) == before
    assert lab.library.names() == [SHIPPED]


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is a folder; expected a text file"):
        read_bytes(tmp_path)
    with pytest.raises(CorpusError, match=r"There is no file .*missing\.txt"):
        read_bytes(tmp_path / "missing.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a device without an end")
def test_a_file_without_an_end_is_not_read_to_its_end(lab: Lab) -> None:
    with pytest.raises(CorpusError, match="the limit is 10 MB"):
        lab.library.add("mine", read_bytes(Path("/dev/zero")), "zero")


BAD_NAMES = [
    "", " ", "a b", "../a", "a/b", "a\\b", ".a", "-a", "_a", "a.txt", "über", "a\n", "a" * 65,
    "con", "CON", "nul", "com1", "LPT9", "a\x00b", "a:b", "~",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_no_plain_file_name_is_refused(lab: Lab, name: str) -> None:
    before = files_under(lab.home.path)
    with pytest.raises(CorpusError, match="is no plain name"):
        lab.library.add(name, b"an owl", "owl.txt")
    assert files_under(lab.home.path) == before


@pytest.mark.parametrize("name", ["a", "A-1_b", "0", "x" * 64, "console", "com10"])
def test_plain_names_are_taken(lab: Lab, name: str) -> None:
    assert add_corpus(lab, name, "an owl").name == name


@pytest.mark.parametrize("name", [ORIGINAL, "Tiny-Shakespeare"])
def test_the_name_of_the_original_is_kept_for_it(lab: Lab, name: str) -> None:
    with pytest.raises(CorpusError, match=f"kept for the original.*corpus get {ORIGINAL}"):
        lab.library.add(name, b"an owl", "owl.txt")


@pytest.mark.parametrize("name", ["mine", "MINE", "Shakespeare", SHIPPED])
def test_a_name_with_another_text_is_refused(lab: Lab, name: str) -> None:
    add_corpus(lab, "mine", "an owl")
    before = files_under(lab.home.path)
    with pytest.raises(CorpusError, match="already a corpus"):
        lab.library.add(name, b"a fox", "fox.txt")
    assert files_under(lab.home.path) == before


def test_of_two_who_give_one_name_at_once_one_is_refused(lab: Lab) -> None:
    def add(text: str) -> str:
        try:
            CorpusLibrary(lab.home).add("mine", text.encode(), "a text")
        except CorpusError:
            return ""
        return text

    for n in range(5):
        texts = [play(50_000 + n) + end for end in "abcdefgh"]
        with ThreadPoolExecutor(len(texts)) as pool:
            added = [*filter(None, pool.map(add, texts))]
        assert [lab.library.load("mine").text] == added, "all but one were told"
        lab.library.bin("mine")


def test_the_same_text_may_be_added_again(lab: Lab) -> None:
    first = add_corpus(lab, "mine", "an owl")
    before = files_under(lab.home.path)
    assert add_corpus(lab, "mine", "an owl") == first
    assert files_under(lab.home.path) == before


# --- what is changed ------------------------------------------------------------------------------


def test_a_plain_text_is_taken_as_it_is() -> None:
    reading = read_text("naïve\n\tcafé\n".encode(), "it")
    assert (reading.text, reading.notes) == ("naïve\n\tcafé\n", ())


def test_a_byte_order_mark_is_removed_and_said() -> None:
    reading = read_text(b"\xef\xbb\xbfan owl", "it")
    assert reading.text == "an owl"
    assert "byte-order mark" in reading.notes[0]


def test_another_encoding_is_taken_when_it_is_named_and_that_is_said(lab: Lab) -> None:
    raw = "Größe\r\nund Öl".encode("cp1252")
    reading = lab.library.add("mine", raw, "it", encoding="windows-1252")
    assert reading.notes[0] == "it was read as windows-1252"
    assert lab.library.load("mine").text == "Größe\nund Öl"
    assert lab.library.path("mine").read_bytes() == "Größe\nund Öl".encode()
    for encoding in ("utf-16", "utf-16-le"):
        reading = read_text("an owl".encode("utf-16"), "it", encoding=encoding)
        assert reading.text == "an owl"


def test_a_mark_is_spoken_of_also_where_the_encoding_says_that_there_is_one() -> None:
    reading = read_text(b"\xef\xbb\xbf" + "Größe".encode(), "it", encoding="utf-8-sig")
    assert reading.text == "Größe" and "byte-order mark" in reading.notes[-1]
    assert read_text("Größe".encode(), "it", encoding="utf-8-sig").text == "Größe"


def test_line_ends_become_newlines_and_that_is_said() -> None:
    reading = read_text(b"one\r\ntwo\rthree\nfour", "it")
    assert reading.text == "one\ntwo\nthree\nfour"
    assert reading.notes == ("line ends were made plain newlines",)


def test_as_many_characters_as_there_may_be_are_taken() -> None:
    assert read_text(MANY[:FEW].encode(), "it").notes == ()


def test_with_more_memory_there_may_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.preflight._free_mib", lambda device: 22 * 1024.0)
    text = "".join(chr(0x4E00 + i) for i in range(5_000))
    assert read_text(text.encode(), "it").notes == ()  # on a machine with 24 GiB


def test_a_text_that_is_here_stays_readable_when_memory_is_short(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.preflight._free_mib", lambda device: 8 * 1024.0)
    add_corpus(lab, "many", MANY)
    monkeypatch.setattr("core.training.preflight._free_mib", lambda device: 1.0)
    _load.cache_clear()
    assert len(lab.library.load("many").vocabulary) == FEW + 200
    assert lab.library.add_exactly("more", MANY + "a") == "more"  # as from a run file


def test_rare_characters_are_folded_into_one_sign_and_counted(lab: Lab) -> None:
    common, rare = MANY[: FEW - 1], MANY[FEW - 1 :]
    text = (common * 2 + rare)[::-1]
    reading = lab.library.add("mine", text.encode(), "it", fold_rare=True)
    assert reading.text == (common * 2 + RARE * len(rare))[::-1]
    assert reading.notes == (
        f"201 rare characters were folded into {RARE}: 201 characters, 9.1 % of the text",
    )
    corpus = lab.library.load("mine")
    assert (corpus.text, len(corpus.vocabulary)) == (reading.text, FEW)


def test_the_share_that_folding_replaces_is_that_of_the_text() -> None:
    rare = MANY[FEW - 1 :]
    folding = folding_for(MANY[: FEW - 1] * 3 + rare * 2)
    assert folding and folding.rare == set(rare)
    assert (folding.n_replaced, folding.n_chars) == (402, 2_997 + 402)
    assert str(folding) == "402 characters, 12 % of the text"
    assert folding_for(MANY[:FEW]) is None


def test_folding_changes_nothing_where_there_are_few_characters() -> None:
    assert read_text(b"an owl", "it", fold_rare=True) == read_text(b"an owl", "it")


def test_of_equally_rare_characters_the_first_in_unicode_are_kept() -> None:
    """A choice by the order of a set would be another one in each process."""
    reading = read_text(MANY[::-1].encode(), "it", fold_rare=True)
    assert set(reading.text) == {*MANY[: FEW - 1], RARE}


# --- what there is --------------------------------------------------------------------------------


def test_the_shipped_edition_is_always_there_and_the_default(lab: Lab) -> None:
    assert lab.library.names() == [SHIPPED]
    assert lab.library.load() == lab.library.load(SHIPPED)
    assert lab.library.load().text == (PROJECT_DATA / "shakespeare.txt").read_text("utf-8")


def test_corpora_are_listed_with_the_default_first(lab: Lab) -> None:
    for name in ("zebra", "Ant"):
        add_corpus(lab, name, "an owl")
    assert lab.library.names() == [SHIPPED, "Ant", "zebra"]
    assert lab.library.default == SHIPPED


def test_a_corpus_that_is_not_there_is_refused_with_those_that_are(lab: Lab) -> None:
    add_corpus(lab, "mine", "an owl")
    with pytest.raises(CorpusError, match="no corpus 'yours'; there are shakespeare, mine"):
        lab.library.load("yours")


def test_a_corpus_is_read_anew_when_its_file_has_changed(lab: Lab) -> None:
    first = add_corpus(lab, "mine", play(500))
    path = lab.library.path("mine")
    path.write_text(play(500, seed=2), "utf-8")
    assert lab.library.load("mine") != first


def test_exactly_the_text_of_a_run_is_loaded_or_none(lab: Lab) -> None:
    corpus = add_corpus(lab, "mine", "an owl")
    assert lab.library.load_exactly("mine", corpus.fingerprint) == corpus
    with pytest.raises(CorpusError, match=r"'mine' .* is gone, and another has its name"):
        lab.library.load_exactly("mine", "0" * 64)
    lab.library.path("mine").unlink()
    with pytest.raises(CorpusError, match=r"'mine' that this run learned from is gone\. Add the"):
        lab.library.load_exactly("mine", corpus.fingerprint)


def test_a_text_is_found_under_the_name_that_it_has_now(lab: Lab) -> None:
    old = add_corpus(lab, "mine", play(500))
    run_id = trained(lab, old)
    lab.library.bin("mine")
    new = add_corpus(lab, "mine", play(500, seed=2))
    lab.library.bin("mine")
    add_corpus(lab, "mine", "an owl")
    with pytest.raises(CorpusError, match="in the bin: `python -m core corpus restore mine`"):
        lab.corpus_of(lab.run(run_id))
    assert lab.runs_on("mine") == []
    assert [lab.library.restore("mine") for _ in range(2)] == ["mine-2", "mine-3"]
    assert [lab.library.load(f"mine-{n}") for n in (2, 3)] == [new, old]
    assert lab.corpus_of(lab.run(run_id)) == old
    assert [run.id for run in lab.runs_on("mine-3")] == [run_id]
    assert lab.bin_corpus("mine") == lab.bin_corpus("mine-2") == []
    assert [run.id for run in lab.bin_corpus("mine-3")] == [run_id]
    lab.library.empty_bin()
    with pytest.raises(CorpusError, match="is gone"):
        lab.corpus_of(lab.run(run_id))
    add_corpus(lab, "again", old.text)
    assert lab.corpus_of(lab.run(run_id)) == old


def test_a_text_that_is_damaged_hides_no_other(lab: Lab) -> None:
    corpus = add_corpus(lab, "mine", "an owl")
    lab.library.path("a-first").write_bytes(b"\x00\x01\x02")
    assert lab.library.name_of(corpus.fingerprint, "other") == "mine"


def test_a_text_that_vanishes_at_that_moment_is_said_or_left_out(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab.library, "names", lambda: [SHIPPED, "mine"])
    for touch in (lab.library.load, lab.library.bin):
        with pytest.raises(CorpusError, match="'mine' has just been deleted"):
            touch("mine")
    assert [corpus.name for corpus in lab.library.load_all()] == [SHIPPED]
    assert lab.library.name_of("0" * 64, "mine") is None
    gone = lab.home.corpora_bin / "mine.1.txt"
    monkeypatch.setattr(lab.library, "in_bin", lambda: [gone])
    assert (size_bytes(gone), lab.library.empty_bin()) == (0, 0)
    with pytest.raises(CorpusError, match="is gone"):
        lab.library.load_exactly("mine", "0" * 64)


# --- the bin --------------------------------------------------------------------------------------


def test_a_deleted_text_comes_back_as_it_was(lab: Lab) -> None:
    corpus = add_corpus(lab, "mine", "an owl")
    lab.library.bin("mine")
    assert lab.library.names() == [SHIPPED]
    assert list(map(binned_name, lab.library.in_bin())) == ["mine"]
    with pytest.raises(CorpusError, match="bin: `python -m core corpus restore mine`"):
        lab.library.load_exactly("mine", corpus.fingerprint)
    assert lab.library.restore("mine") == "mine"
    assert lab.library.load_exactly("mine", corpus.fingerprint).text == "an owl"
    assert lab.library.in_bin() == []


def test_a_text_with_a_name_that_somebody_gave_it_by_hand_is_not_lost_in_the_bin(lab: Lab) -> None:
    for name in ("my book", "a.1", "été"):
        lab.library.path(name).write_text("an owl", "utf-8")
        lab.library.bin(name)
        assert binned_name(lab.library.in_bin()[0]) == name
        assert lab.library.restore(name) == name
    corpus = lab.library.load("my book")
    for name in ("my book", "a.1", "été"):
        lab.library.bin(name)
    with pytest.raises(CorpusError, match="corpus restore 'été'`"):
        lab.library.load_exactly("my book", corpus.fingerprint)


def test_a_damaged_text_can_be_deleted(lab: Lab) -> None:
    lab.library.path("mine").write_bytes(b"\x00\x01\x02")
    lab.library.bin("mine")
    assert lab.library.names() == [SHIPPED]


def test_of_two_with_one_name_the_last_deleted_comes_back_first(lab: Lab) -> None:
    for text in ("an owl", "a fox"):
        add_corpus(lab, "mine", text)
        lab.library.bin("mine")
    assert lab.library.restore("mine") == "mine"
    assert lab.library.restore("mine") == "mine-2"  # the name has gone to the other
    assert [lab.library.load(n).text for n in ("mine", "mine-2")] == ["a fox", "an owl"]


def test_what_is_not_there_can_neither_be_deleted_nor_restored(lab: Lab) -> None:
    before = files_under(lab.home.path)
    with pytest.raises(CorpusError, match="shipped with the lab and cannot be deleted"):
        lab.library.bin(SHIPPED)
    with pytest.raises(CorpusError, match="There is no corpus 'mine'"):
        lab.library.bin("mine")
    with pytest.raises(CorpusError, match="no corpus 'mine' in the bin; there: it is empty"):
        lab.library.restore("mine")
    assert files_under(lab.home.path) == before


@pytest.mark.parametrize("now_ns", [-1_000_000_000, 0, 10**21])
def test_a_clock_that_is_wrong_loses_no_text(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, now_ns: int
) -> None:
    monkeypatch.setattr("core.library.texts.time.time_ns", lambda: now_ns)
    texts = [play(300), play(400)]
    for text in texts:
        add_corpus(lab, "play", text)
        lab.library.bin("play")
    assert [lab.library.restore("play") for _ in texts] == ["play", "play-2"]
    assert {lab.library.load(name).text for name in ("play", "play-2")} == set(texts)


def test_an_emptied_bin_is_empty_for_good(lab: Lab) -> None:
    add_corpus(lab, "mine", "an owl")
    lab.library.bin("mine")
    assert lab.library.empty_bin() == 6
    assert lab.library.in_bin() == [] and lab.library.names() == [SHIPPED]


def test_a_text_is_not_deleted_while_a_run_learns_from_it(lab: Lab) -> None:
    corpus = add_corpus(lab, "mine", play(500))
    done = trained(lab, corpus, name="done")
    run_id = small_run(lab, corpus, name="busy")
    with take_lock(lab.home, lab.store.run(run_id)):
        with pytest.raises(CorpusError, match="busy is learning from mine"):
            lab.bin_corpus("mine")
        assert "mine" in lab.library.names()
    assert {run.id for run in lab.bin_corpus("mine")} == {done, run_id}
    assert "mine" not in lab.library.names()
