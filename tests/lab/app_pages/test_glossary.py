"""The glossary's page: all of it, a part that is searched for, one entry that is marked."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest

from core.runs.lab import Lab
from lab.wording.glossary_entries import ENTRIES, GROUPS, entries_like
from tests.pages import open_page, pages

__all__ = ["pages"]


def terms_on(app: AppTest) -> list[str]:
    """The words whose entries the page shows, in their order."""
    said = [element.value for element in app.markdown]
    return [e.term for e in ENTRIES if any(f"**: {e.line}." in text for text in said)]


def marked_on(app: AppTest) -> list[str]:
    sights = [c for c in app.get("bidi_component") if c.key == "glossary_in_sight"]
    return [json.loads(sight.proto.json)["what"] for sight in sights]


def test_all_words_stand_in_their_groups_each_with_a_link_to_its_picture(pages: Lab) -> None:
    app = open_page("glossary")
    assert terms_on(app) == [entry.term for entry in ENTRIES]
    assert tuple(header.value for header in app.header) == GROUPS
    assert len(app.get("page_link")) == len(ENTRIES)
    assert marked_on(app) == [] and not app.warning


def test_what_is_searched_for_remains(pages: Lab) -> None:
    app = open_page("glossary")
    app.text_input(key="glossary_search").set_value("bigram").run()
    assert terms_on(app) == [entry.term for entry in entries_like("bigram")] == ["bigram"]
    app.text_input(key="glossary_search").set_value("*xyzzy*").run()
    assert terms_on(app) == [] and "\\*xyzzy\\*" in app.info[0].value


def test_the_word_of_the_address_is_marked_and_one_that_is_not_there_is_said(pages: Lab) -> None:
    app = open_page("glossary", term="Validation loss")
    assert marked_on(app) == ["validation loss"] and len(terms_on(app)) == len(ENTRIES)
    app = open_page("glossary", term="*nothing*")
    assert marked_on(app) == [] and "\\*nothing\\* is no word" in app.warning[0].value
