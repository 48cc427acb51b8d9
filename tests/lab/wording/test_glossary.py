"""Words of the field: each of them that stands on a page is explained on that page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.lab import Lab
from core.settings.config import help_line
from lab.widgets.page_head import FOLD
from lab.wording.glossary import TERMS, explained, line_of, terms_in
from tests.addresses import PAGES
from tests.helpers import ROOT, add_corpus, play, trained
from tests.pages import open_page, pages

__all__ = ["pages"]


@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_explained_in_one_line_without_itself(term: str) -> None:
    line = TERMS[term]
    assert "\n" not in line and 20 < len(line) < 160 and not line.endswith(".")
    assert terms_in(term)[-1:] == [term] or term in terms_in(term)
    assert line_of(term).lower().startswith(f"**[{term.lower()}](glossary?term=")


def test_terms_are_found_in_the_forms_in_which_they_stand() -> None:
    assert terms_in("5-gram 1.669") == ["n-gram"]
    assert terms_in("Losses in nats per character") == ["loss", "nats"]
    assert terms_in("validation losses") == ["loss", "validation loss"]
    assert terms_in("by queries and keys") == ["query", "key"]
    assert terms_in("keyboard, lossless, habits, unit, top-knot") == []
    assert explained("nothing to explain") is None
    assert explained("Bits", "nats") == f"{line_of('nats')}\n\n{line_of('bits')}"


def test_settings_are_explained_with_the_words_of_the_controls() -> None:
    assert TERMS["temperature"] == help_line("temperature")


def words_on(app: AppTest) -> str:
    """All that can be read on a page, in its figures too, but for what opens on demand."""
    return " \n".join(re.sub(r"[*_`]|\\(?=\W)", "", text) for text in _texts(app))


def _texts(app: AppTest) -> Iterator[str]:
    for element in (*app.title, *app.header, *app.markdown, *app.caption, *app.info):
        yield element.value
    for widget in (*app.segmented_control, *app.selectbox, *app.slider, *app.select_slider,
                   *app.number_input, *app.button, *app.multiselect):  # fmt: skip
        yield widget.label
    for choice in app.segmented_control:
        yield " ".join(str(option.content) for option in choice.proto.options)
    for component in app.get("bidi_component"):
        data = json.loads(component.proto.json or "{}")
        if isinstance(data, dict) and "figure" in data:
            yield from _labels(json.loads(data["figure"]))


def _labels(figure: Any) -> Iterator[str]:
    """Titles, annotations and names of traces, wherever in a figure."""
    if isinstance(figure, dict):
        for name, value in figure.items():
            if name in ("text", "name") and isinstance(value, str):
                yield value
            elif name not in ("hovertemplate", "hovertext"):
                yield from _labels(value)
    elif isinstance(figure, list):
        for item in figure:
            if isinstance(item, dict):
                yield from _labels(item)


def helps_on(app: AppTest) -> str:
    """All that opens on demand."""
    found: list[str] = []

    def walk(node: Any) -> None:
        proto = getattr(node, "proto", None)
        for holder in (proto, getattr(proto, "markdown", None)):
            if isinstance(help_text := getattr(holder, "help", ""), str):
                found.append(help_text)
        for child in getattr(node, "children", {}).values():
            walk(child)

    walk(app._tree.root)
    return "\n".join(found)


def unfolded(app: AppTest) -> str:
    """What a page says under its fold of words, where it has one; the page is left unfolded."""
    if not any(fold.label == FOLD for fold in app.expander):
        return ""
    app.session_state["words_fold"] = True
    app.run()
    (fold,) = (fold for fold in app.expander if fold.label == FOLD)
    return "\n".join(caption.value for caption in fold.caption)


def check(app: AppTest) -> None:
    words, helps = words_on(app), helps_on(app)
    if app.title[0].value == "Glossary":  # which explains them without being asked
        helps += "\n".join(element.value for element in app.markdown)
    helps += unfolded(app)
    missing = [term for term in terms_in(words) if TERMS[term] not in helps]
    assert not missing, f"not explained: {missing}"


@pytest.mark.parametrize("page", PAGES)
def test_each_term_on_an_empty_lab_s_page_is_explained_there(pages: Lab, page: str) -> None:
    check(open_page(page))


@pytest.mark.parametrize("page", PAGES)
def test_each_term_on_a_page_with_runs_is_explained_there(
    pages: Lab, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.settings.config.SAMPLE_LENGTH", 12)
    corpus = add_corpus(pages, "small", play(3_000))
    for kind in ("bigram", "attention", "transformer"):
        trained(pages, corpus, kind)
    check(open_page(page))


def test_the_arithmetic_of_a_cell_is_explained_where_it_unfolds(pages: Lab) -> None:
    trained(pages, add_corpus(pages, "small", play(3_000)), "transformer")
    app = open_page("attention")
    app.session_state["attention_cell"] = True
    app.run()
    assert {"query", "key", "softmax"} <= set(terms_in(words_on(app)))
    check(app)


def test_the_walk_reads_what_stands_on_a_page(pages: Lab) -> None:
    app = open_page("compare")
    assert {"uniform", "unigram", "nats"} <= set(terms_in(words_on(app)))
    assert "(?)" not in helps_on(app)


def test_no_term_is_explained_that_no_page_uses() -> None:
    files = [p for p in (ROOT / "lab").rglob("*.py") if not p.name.startswith("glossary")]
    core = ROOT / "core/training/health.py", ROOT / "core/settings/config.py"
    source = " ".join(path.read_text("utf-8") for path in (*files, *core))
    assert set(terms_in(source)) == set(TERMS)


def test_a_learned_bigram_below_the_counted_line_is_explained_where_the_line_is() -> None:
    line = line_of("bigram")
    assert "one added to each count" in line and "luck on an estimate's sample" in line
