"""The glossary: every word has a place, a line and a picture whose address is one."""

from __future__ import annotations

import re

import pytest

from core.runs.lab import Lab
from core.settings.config import help_line
from lab.wording.glossary import TERMS, address_of, line_of
from lab.wording.glossary_entries import ENTRIES, GROUPS, GlossaryEntry, entries_like, entry_named
from tests.helpers import ROOT, add_corpus, play, trained
from tests.pages import open_page, pages

__all__ = ["pages"]

PICTURES = sorted(
    {(entry.picture.page, *sorted(entry.picture.query.items())) for entry in ENTRIES}, key=str
)


def test_every_word_that_a_question_mark_explains_has_an_entry_with_the_same_line() -> None:
    lines = {entry.term: entry.line for entry in ENTRIES}
    assert {term: lines.get(term) for term in TERMS} == TERMS
    assert len(lines) == len(ENTRIES) >= 30
    assert lines["block size"] == help_line("block_size")


def test_entries_stand_in_the_order_of_their_groups() -> None:
    groups = [entry.group for entry in ENTRIES]
    assert groups == sorted(groups, key=GROUPS.index) and set(groups) == set(GROUPS)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: str(entry.term))
def test_an_entry_is_one_or_two_plain_sentences(entry: GlossaryEntry) -> None:
    assert "\n" not in entry.line and not entry.line.endswith(".")
    assert not entry.more or re.fullmatch(r"[^!\n]+\.", entry.more)
    assert entry.formula.count("{") == entry.formula.count("}")
    assert "$" not in entry.formula + entry.line + entry.more


@pytest.mark.parametrize("picture", PICTURES, ids=str)
def test_the_link_of_a_word_leads_to_a_page_that_understands_it(
    pages: Lab, picture: tuple[str, tuple[str, str]]
) -> None:
    page, *query = picture
    assert (ROOT / "lab" / "app_pages" / f"{page}.py").exists()
    trained(pages, add_corpus(pages, "small", play(3_000)), "transformer")
    app = open_page(page, **dict(query))
    assert app.title and not [w.value for w in app.warning if "Left out" in w.value]


def test_a_page_would_say_what_it_does_not_understand(pages: Lab) -> None:
    app = open_page("bigram", view="sideways")
    assert "Left out of the address" in app.warning[0].value


def test_a_link_leads_to_the_entry_of_its_own_word() -> None:
    for term in TERMS:
        assert f"({address_of(term)})" in line_of(term) and " " not in address_of(term)
        assert entry_named(term) is not None
    assert entry_named("nonsense") is None


def test_what_is_typed_is_found_in_words_first_and_else_in_what_is_said_of_them() -> None:
    assert [entry.term for entry in entries_like("top")] == ["top-k", "top-p"]
    assert [entry.term for entry in entries_like(" VALIDATION  loss")] == ["validation loss"]
    assert "surprise" in [entry.term for entry in entries_like("certainty")]
    assert entries_like("") == list(ENTRIES) and entries_like("xyzzy") == []
