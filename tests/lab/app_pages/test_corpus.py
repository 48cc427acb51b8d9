"""Corpus: what is shown is the text, what is refused leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import CorpusError
from core.library.intake import MAX_TEXT_BYTES, RARE
from core.library.texts import ORIGINAL, SHIPPED, binned_name
from core.runs.lab import Lab
from core.storage.locks import take_lock
from core.text.reference import reference_lines
from core.text.statistics import statistics_of
from tests.helpers import add_corpus, files_under, play, small_run, trained
from tests.pages import open_page, pages

__all__ = ["pages"]


@pytest.fixture
def small(pages: Lab) -> Lab:
    """A lab whose page begins with a small text."""
    add_corpus(pages, "small", play(3_000))
    return pages


def open_corpus(name: str = "small") -> AppTest:
    app = open_page("corpus")
    app.radio(key="corpus_chosen").set_value(name).run()
    assert not app.exception
    return app


def figure(app: AppTest, key: str) -> dict[str, Any]:
    (plot,) = [e for e in app.get("bidi_component") if e.key == key]
    spec: dict[str, Any] = json.loads(json.loads(plot.proto.json)["figure"])
    return spec


def test_the_address_names_the_text_that_is_looked_at(small: Lab) -> None:
    app = open_page("corpus", corpus=SHIPPED)
    assert app.radio(key="corpus_chosen").value == SHIPPED
    app.radio(key="corpus_chosen").set_value("small").run()
    assert app.query_params["corpus"] == "small"
    vain = open_page("corpus", corpus="nowhere")
    (warning,) = vain.warning
    said = warning.value.replace("\\", "")
    assert said == "Left out of the address: corpus is one of shakespeare, small, not 'nowhere'."
    assert "corpus" not in vain.query_params


def upload(app: AppTest, file_name: str, raw: bytes, name: str | None = None) -> AppTest:
    """Choose a file, name the text if asked to, and press Add."""
    app.file_uploader[0].upload(file_name, raw).run()
    if name is not None:
        app.text_input[0].set_value(name)
    app.button(key="corpus_add").click().run()
    assert not app.exception
    return app


# --- looking --------------------------------------------------------------------------------------


def test_the_shipped_text_is_there_and_is_said_to_be_the_default(pages: Lab) -> None:
    app = open_page("corpus")
    radio = app.radio(key="corpus_chosen")
    assert radio.value == SHIPPED
    (caption,) = radio.proto.captions
    assert "1,126,445 characters, 64 distinct" in caption and "default" in caption
    assert app.code[0].value == pages.library.load().text[: len(app.code[0].value)]


def test_another_text_can_be_looked_at(small: Lab) -> None:
    app = open_corpus()
    assert app.code[0].value.startswith(small.library.load("small").text[:100])
    chart = figure(app, "corpus_characters")
    assert chart["layout"]["xaxis"]["ticktext"][0] == "␣"
    assert chart["layout"]["yaxis"]["type"] == "linear"
    app.segmented_control(key="corpus_scale").set_value("logarithmic").run()
    assert figure(app, "corpus_characters")["layout"]["yaxis"]["type"] == "log"


def test_the_slider_goes_to_another_place(small: Lab) -> None:
    app = open_corpus()
    text = small.library.load("small").text
    app.slider[0].set_value(1_500).run()
    start = text.index(app.code[0].value)
    assert start <= 1_500 < start + len(app.code[0].value)
    assert start == 0 or text[start - 1] == "\n"  # whole lines, not pieces of them
    app.button(key="corpus_jump_0").click().run()
    assert text.startswith(app.code[0].value)


def test_both_sides_of_the_split_are_shown(small: Lab) -> None:
    app = open_corpus()
    corpus = small.library.load("small")
    app.button(key="corpus_jump_1").click().run()
    before, after = (code.value for code in app.code)
    assert corpus.text[: corpus.n_train].endswith(before) and before
    assert corpus.text[corpus.n_train :].startswith(after) and after
    parts = [trace["name"] for trace in figure(app, "corpus_split")["data"][:2]]
    assert parts == ["training", "validation"]


def test_the_reference_lines_are_those_of_the_text_in_nats_and_bits(small: Lab) -> None:
    app = open_corpus()
    table = app.table[0].value
    lines = reference_lines(small.library.load("small"))
    assert list(table["knows"]) == [line.name for line in lines]
    assert list(table["nats"]) == [f"{line.loss_nats:.3f}" for line in lines]
    assert [float(bits) for bits in table["bits"]] == pytest.approx(
        [line.loss_nats / 0.693147 for line in lines], abs=1e-3
    )
    assert all(table["what that means"])
    said = " ".join(caption.value for caption in app.caption)
    assert "has uniform, unigram, bigram and 5-gram as its grey lines; Compare draws all" in said


def test_a_tiny_text_is_shown_and_said_to_be_too_short(pages: Lab) -> None:
    add_corpus(pages, "tiny", "ab")
    app = open_corpus("tiny")
    assert app.code[0].value == "a"
    assert "too short" in app.info[0].value
    assert list(app.table[0].value["knows"]) == ["uniform"]  # nothing else can be measured
    assert app.button(key="corpus_train").disabled


def test_text_is_shown_and_not_interpreted(pages: Lab) -> None:
    add_corpus(pages, "markup", "# <b>*bold*</b> $x$ & <img src=x onerror=alert(1)>\n" * 40)
    app = open_corpus("markup")
    assert app.code[0].value.startswith("# <b>*bold*</b>")
    ticks = figure(app, "corpus_characters")["layout"]["xaxis"]["ticktext"]
    assert "&lt;" in ticks and "<" not in ticks
    assert not any("<img" in m.value for m in app.markdown)


# --- adding ---------------------------------------------------------------------------------------


def test_an_uploaded_text_is_added_chosen_and_said(pages: Lab) -> None:
    app = upload(open_page("corpus"), "Über  alle Texte.txt", play(2_000).encode())
    assert pages.library.load("Uber-alle-Texte").text == play(2_000)
    assert app.radio(key="corpus_chosen").value == "Uber-alle-Texte"
    assert "2,000 characters" in app.success[0].value
    assert not app.text_input  # the uploader is empty again
    app.run()
    assert not app.success  # said once


def test_what_was_changed_in_the_text_is_said(pages: Lab) -> None:
    raw = b"\xef\xbb\xbf" + b"one line\r\nanother line\r\n"
    app = upload(open_page("corpus"), "windows.txt", raw)
    assert "byte" in app.success[0].value and "newlines" in app.success[0].value
    assert pages.library.load("windows").text == "one line\nanother line\n"


def test_the_suggested_name_is_free(small: Lab) -> None:
    app = open_page("corpus")
    app.file_uploader[0].upload("small.txt", b"another text").run()
    assert app.text_input[0].value == "small-2"


@pytest.mark.parametrize("file_name", ["???.txt", ".txt", "漢字.txt"])
def test_a_file_name_without_letters_still_gives_a_name(pages: Lab, file_name: str) -> None:
    app = open_page("corpus")
    app.file_uploader[0].upload(file_name, b"some text").run()
    assert app.text_input[0].value == "my-text"


def test_what_folding_would_replace_is_said_before_and_after(
    pages: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.preflight._free_mib", lambda device: 1.0)
    raw = ("a" * 500 + "".join(chr(0x4E00 + i) for i in range(1_500))).encode()
    app = upload(open_page("corpus"), "signs.txt", raw)
    assert "1,501 distinct characters" in app.error[0].value.replace("\\", "")
    assert pages.library.names() == [SHIPPED]
    share = "502 characters, 25 % of the text"
    assert share in app.warning[0].value and "enough for 1,000" in app.warning[0].value
    app.toggle(key="corpus_fold").set_value(True)
    app.button(key="corpus_add").click().run()
    assert not app.exception and share in app.success[0].value.replace("\\", "")
    text = pages.library.load("signs").text
    assert text.count(RARE) == 502 and len(set(text)) == 1_000
    assert any(f"{RARE} stands for" in c.value and "25 %" in c.value for c in app.caption)


@pytest.mark.parametrize("n", [9_999, 10_000])
def test_a_file_is_shown_with_its_counts_before_it_is_added(pages: Lab, n: int) -> None:
    text = play(n)
    app = open_page("corpus")
    app.file_uploader[0].upload("mine.txt", text.encode()).run()
    assert app.code[0].value.splitlines()[0] == text.splitlines()[0]
    (caption,) = [c.value for c in app.caption if c.value.startswith("So it would read")]
    assert f"read: {n:,} characters, {len(set(text))} distinct." in caption
    app.button(key="corpus_add").click().run()
    for said in (caption, app.success[0].value):
        assert said.endswith("That is little: a model will soon know it by heart.") is (n < 10_000)


def test_nothing_is_said_of_folding_where_all_have_room(pages: Lab) -> None:
    app = open_page("corpus")
    app.file_uploader[0].upload("mine.txt", play(500).encode()).run()
    assert not app.warning and not app.toggle


FRENCH = "Un texte en plusieurs lignes\nl’été, où les élèves déjà rêvaient\n" * 20


def test_another_encoding_is_shown_as_it_would_read_and_taken_on_confirmation(pages: Lab) -> None:
    app = open_page("corpus")
    app.file_uploader[0].upload("ete.txt", FRENCH.encode("cp1252")).run()
    (box,) = [box for box in app.selectbox if "not in UTF-8" in box.label]
    assert box.value == "windows-1252" and pages.library.names() == [SHIPPED]
    assert app.code[0].value.startswith("l’été, où les élèves déjà rêvaient")
    assert any(
        "plain ASCII; the whole of it has 1,280 characters, 26 dist" in c.value for c in app.caption
    )
    box.set_value("mac-roman").run()
    assert "Èté" not in app.code[0].value and "l’été" not in app.code[0].value
    app.selectbox(key=box.key).set_value("windows-1252").run()
    assert app.button(key="corpus_add").label == "Add, read as windows-1252"
    app.button(key="corpus_add").click().run()
    assert not app.exception and "read as windows-1252" in app.success[0].value.replace("\\", "")
    assert pages.library.load("ete").text == FRENCH


def test_an_encoding_that_does_not_fit_is_said_and_taken_by_nobody(pages: Lab) -> None:
    app = open_page("corpus")
    app.file_uploader[0].upload("ete.txt", FRENCH.encode("utf-16")).run()
    (box,) = [box for box in app.selectbox if "not in UTF-8" in box.label]
    assert box.value == "utf-16"
    box.set_value("shift_jis").run()
    assert any("cannot be read as" in caption.value for caption in app.caption)
    app.button(key="corpus_add").click().run()
    assert "not in shift" in app.error[0].value.replace("\\", "")
    assert pages.library.names() == [SHIPPED]


REFUSED = {
    "empty": (b"", None, "is empty"),
    "one character": (b"a", None, "one character"),
    "binary": (b"\x00\x01\x02PNG" * 20, None, "binary"),
    "UTF-8, damaged": ("é".encode() * 30 + b"\xff", None, "UTF-8 but damaged"),
    "too large": (b"ab" * (MAX_TEXT_BYTES // 2 + 1), None, "the limit is 10 MB"),
    "no name": (b"some text", "", "no plain name"),
    "a path as a name": (b"some text", "../up", "no plain name"),
    "a name of Windows": (b"some text", "con", "no plain name"),
    "the original's name": (b"some text", ORIGINAL, "kept for the original"),
    "a name that is taken": (b"some text", SHIPPED, "already a corpus"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_said_in_place_and_leaves_nothing(pages: Lab, case: str) -> None:
    raw, name, reason = REFUSED[case]
    app = open_page("corpus")
    before = files_under(pages.home.path)
    upload(app, "file_*.txt", raw, name)
    (error,) = app.error
    assert reason in error.value.replace("\\", "")
    assert files_under(pages.home.path) == before
    assert pages.library.names() == [SHIPPED] and not app.success
    assert app.radio(key="corpus_chosen").value == SHIPPED


def test_the_name_of_a_file_is_no_markdown(pages: Lab) -> None:
    app = upload(open_page("corpus"), "![x](http:__evil).txt", b"")
    assert r"\!\[x\]\(http\:\_\_evil\)" in app.error[0].value


# --- training and deleting ------------------------------------------------------------------------


def test_train_on_this_goes_to_train_with_the_text(small: Lab) -> None:
    trained(small, small.library.load(SHIPPED), name="another")  # whose text is not chosen then
    app = open_corpus()
    app.button(key="corpus_train").click().run()
    # AppTest stays on the page that a button leaves, so the other is opened by hand.
    app.switch_page("app_pages/train.py").run()
    assert not app.exception
    assert app.selectbox(key="train_corpus").value == "small"
    assert any("3,000 characters" in caption.value for caption in app.caption)


def test_a_deleted_text_goes_into_the_bin_and_comes_back(small: Lab) -> None:
    trained(small, small.library.load("small"), name="owl")
    app = open_corpus()
    assert any("**owl** has learned from it" in m.value for m in app.markdown)  # said before
    app.button(key="corpus_delete").click().run()
    assert not app.exception and small.library.names() == [SHIPPED]
    assert app.radio(key="corpus_chosen").value == SHIPPED
    app.button(key="corpus_undo").click().run()
    assert not app.exception and app.radio(key="corpus_chosen").value == "small"
    assert "small is back" in app.success[0].value
    assert "corpus_undo" not in {button.key for button in app.button}


def test_before_a_text_is_deleted_that_has_another_name_too_that_is_said(small: Lab) -> None:
    trained(small, small.library.load("small"), name="owl")
    add_corpus(small, "twin", small.library.load("small").text)
    said = [m.value for m in open_corpus().markdown]
    assert any("is here as **twin** too" in text for text in said)
    assert not any("neither be resumed" in text for text in said)
    small.library.bin("small")
    assert small.corpus_of(small.runs()[0]).name == "twin"  # it is true


def test_the_bin_can_give_back_and_be_emptied(small: Lab) -> None:
    small.library.bin("small")
    app = open_page("corpus")
    app.button(key="corpus_restore").click().run()
    assert "small" in small.library.names()
    small.library.bin("small")
    app.run()
    app.button(key="corpus_empty").click().run()
    assert not app.exception and small.library.in_bin() == []


def test_a_text_that_came_into_the_bin_unseen_is_not_deleted_with_the_rest(small: Lab) -> None:
    add_corpus(small, "other", play(2_000))
    small.library.bin("small")
    app = open_page("corpus")
    small.library.bin("other")
    app.button(key="corpus_empty").click().run()
    assert [binned_name(path) for path in small.library.in_bin()] == ["other"]


def test_the_shipped_text_cannot_be_deleted(pages: Lab) -> None:
    keys = {button.key for button in open_page("corpus").button}
    assert "corpus_train" in keys and "corpus_delete" not in keys


def test_a_text_that_a_run_learns_from_is_not_deleted(small: Lab) -> None:
    run_id = small_run(small, small.library.load("small"), name="busy")
    app = open_corpus()
    with take_lock(small.home, small.store.run(run_id)):
        app.button(key="corpus_delete").click().run()
    assert not app.exception and "busy is learning from small" in app.error[0].value
    assert "small" in small.library.names()


# --- the original ---------------------------------------------------------------------------------


def test_without_a_network_the_reason_and_the_way_out_are_said(
    pages: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*args: object) -> bytes:
        raise CorpusError("It could not be fetched (no network). Stay with the shipped corpus.")

    monkeypatch.setattr("core.library.texts.download", no_network)
    app = open_page("corpus")
    app.button(key="corpus_fetch").click().run()
    assert not app.exception
    assert "no network" in app.error[0].value
    assert pages.library.names() == [SHIPPED]
    assert any("needs the network" in caption.value for caption in app.caption)


def test_the_original_is_fetched_with_progress_and_becomes_the_default(
    pages: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    raw = play(2_000).encode()
    reports: list[tuple[int, int | None]] = []

    def download(url: str, timeout_s: float, advice: str, progress: Any) -> bytes:
        for report in ((0, None), (1_000, 2_000), (2_000, 2_000)):
            progress(*report)
            reports.append(report)
        return raw

    monkeypatch.setattr("core.library.texts.download", download)
    monkeypatch.setattr("core.library.texts.ORIGINAL_SHA256", hashlib.sha256(raw).hexdigest())
    app = open_page("corpus")
    app.button(key="corpus_fetch").click().run()
    assert not app.exception and len(reports) == 3
    assert app.radio(key="corpus_chosen").value == ORIGINAL == pages.library.default
    assert "default" in app.success[0].value
    assert "corpus_fetch" not in {button.key for button in app.button}
    assert any("It is here" in caption.value for caption in app.caption)


def test_a_text_that_vanished_is_no_longer_chosen(small: Lab, home: Path) -> None:
    app = open_corpus()
    small.library.path("small").unlink()
    app.run()
    assert not app.exception and app.radio(key="corpus_chosen").value == SHIPPED


# --- figures --------------------------------------------------------------------------------------


def unfolded(app: AppTest) -> AppTest:
    app.session_state["corpus_statistics"] = True
    app.run()
    assert not app.exception
    return app


def test_figures_are_counted_when_they_are_asked_for(
    small: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    real = statistics_of
    monkeypatch.setattr(
        "lab.session.texts.statistics_of", lambda c: counted.append(c.name) or real(c)
    )
    app = open_corpus()
    assert not counted
    unfolded(app)
    assert counted == ["small"]
    app.run()
    assert counted == ["small"]


def test_figures_are_those_of_the_text(small: Lab) -> None:
    app = unfolded(open_corpus())
    found = statistics_of(small.library.load("small"))
    drawn = figure(app, "corpus_entropies")["data"]
    assert len(drawn) == 3 and figure(app, "corpus_words")["data"]
    table = next(t.value for t in app.table if "begins at character" in t.value.columns)
    assert list(table["characters"]) == [str(repeat.length) for repeat in found.repeats]
    first = found.repeats[0]
    assert f"{first.places[0]:,}" in table["begins at character"][0]
    said = table["text"][0].replace("\\", "").replace("↵ ", "\n").replace("␣", " ")
    assert small.library.load("small").text.startswith(said, first.places[0])
    assert any("known by heart" in m.value for m in app.markdown)


def test_a_text_that_is_too_short_for_figures_says_so(pages: Lab) -> None:
    add_corpus(pages, "short", "ab")
    app = unfolded(open_corpus("short"))
    assert any("too short" in m.value for m in app.markdown)
    assert any("stands there twice" in c.value for c in app.caption)
