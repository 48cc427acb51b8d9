"""Compare, one passage: every number of it is a run's own, and every choice changes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.interpretability.scoring import score
from core.runs.lab import Lab
from core.text.corpus import passage_at_random
from tests.helpers import add_corpus, filled, play, small_run, train, trained
from tests.lab.app_pages.test_compare import choose, component, one_of_each, words_of
from tests.pages import open_page, pages

__all__ = ["pages"]


@pytest.fixture
def three(pages: Lab) -> list[str]:
    """One finished run of each model, the newest first."""
    return filled(pages, one_of_each)


def shown(app: AppTest) -> dict[str, Any]:
    return component(app, "compare_passage_view")


def passage_of(app: AppTest) -> str:
    passage = app.text_area(key="compare_passage").value
    assert passage
    return passage


def read(app: AppTest, passage: str) -> None:
    app.text_area(key="compare_passage").set_value(passage).run()
    assert not app.exception


def table_with(app: AppTest, column: str) -> Any:
    (table,) = [t.value for t in app.table if column in t.value.columns]
    return table


def test_a_place_of_the_validation_text_is_read_by_every_run(pages: Lab, three: list[str]) -> None:
    app = open_page("compare")
    passage = passage_of(app)
    corpus = pages.corpus_of(pages.run(three[0]))
    assert passage == passage_at_random(corpus, 180, 1)
    data = shown(app)
    assert data["signs"][:3] == [c.replace(" ", "␣").replace("\n", "↵") for c in passage[:3]]
    for run_id, row in zip(three, data["rows"]):
        run, loaded = pages.run(run_id), pages.model(pages.run(run_id))
        found = score(loaded.model, loaded.vocabulary.encode(passage))
        assert row["name"] == run.name
        assert row["bits"] == pytest.approx(found.bits.tolist(), abs=0.006)
        assert len(row["guesses"]) == len(row["probabilities"]) == len(passage) - 1
    totals = table_with(app, "bits in all")
    assert set(totals["run"].str.replace("\\", "")) == {pages.run(run_id).name for run_id in three}


def test_another_place_is_another_passage_and_so_are_words_of_ones_own(three: list[str]) -> None:
    app = open_page("compare")
    before = passage_of(app)
    app.button(key="compare_passage_another").click().run()
    assert not app.exception and passage_of(app) != before
    assert "seed 2" in app.button(key="compare_passage_another").label
    read(app, "to be a king")
    assert len(shown(app)["signs"]) == 12
    app.run()
    assert passage_of(app) == "to be a king"


def test_the_difference_is_that_of_the_two_runs_that_are_chosen(
    pages: Lab, three: list[str]
) -> None:
    app = open_page("compare")
    first, second = (
        app.selectbox(key="compare_passage_first"),
        app.selectbox(key="compare_passage_second"),
    )
    totals = {run_id: sum(row["bits"]) for run_id, row in zip(three, shown(app)["rows"])}
    assert first.value == max(totals, key=lambda run_id: totals[run_id])
    assert second.value == min(totals, key=lambda run_id: totals[run_id])
    first.set_value(three[0]).run()
    app.selectbox(key="compare_passage_second").set_value(three[1]).run()
    data = shown(app)
    one, other = data["rows"][0]["bits"], data["rows"][1]["bits"]
    assert data["difference"]["bits"] == pytest.approx(
        [a - b for a, b in zip(one, other)], abs=0.011
    )
    names = [pages.run(run_id).name for run_id in three[:2]]
    assert data["difference"]["name"] == " − ".join(names)
    assert "for each 0.1 nats" in words_of(app) or "0.1 nats" in words_of(app)


def test_one_run_alone_has_no_difference(three: list[str]) -> None:
    app = open_page("compare")
    choose(app, three[0])
    assert shown(app)["difference"] is None and len(shown(app)["rows"]) == 1


def test_what_a_run_cannot_read_is_named(three: list[str]) -> None:
    app = open_page("compare")
    read(app, "to bé")
    assert len(app.warning) == 3 and all("‘é’" in w.value for w in app.warning)
    read(app, "t")
    assert "two characters" in app.info[0].value


def test_the_context_that_did_it_stands_before_the_character(pages: Lab) -> None:
    small = add_corpus(pages, "small", play(3_000))
    trained(pages, small, "bigram", max_iters=5)
    trained(pages, small, "transformer", max_iters=200, dropout=0.0, learning_rate=1e-2)
    app = open_page("compare")
    table = table_with(app, "context that did it")
    passage = passage_of(app).replace(" ", "␣").replace("\n", "↵")
    assert len(table) == 5
    for line in table.itertuples(index=False):
        context, n = line[4].replace("\\", "").rsplit(" (", 1)
        assert len(context) == int(n.split()[0]) and context in passage
        assert line[1].replace("\\", "").endswith(context)
        assert float(line[2]) - float(line[3]) >= 0.9


def test_nothing_is_read_while_one_of_the_runs_trains(
    pages: Lab, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = small_run(pages, pages.corpus_of(pages.run(three[0])))
    train(pages, run_id, until=10)
    pages.store.update_run(run_id, status="running")
    monkeypatch.setattr("core.runs.lab.is_held", lambda home, run_id: True)
    app = open_page("compare")
    choose(app, run_id, three[0])
    assert "hold the training up" in words_of(app)
    assert not [e for e in app.get("bidi_component") if e.key == "compare_passage_view"]
    assert json.loads(component(app, "compare_curves")["figure"])["data"]
