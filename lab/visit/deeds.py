"""What the button of the visit does: what a reader would do with the page's own controls.

It sets what those say, and starts, resumes or writes as they do; then the page is shown.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.records.records import RunRecord
from core.settings.config import ModelKind
from core.settings.presets import resolve
from lab.session import bigram_choices, train_choices
from lab.session.drafts import begin_draft
from lab.session.generate_choices import GO
from lab.session.looking import show_head
from lab.session.state import choose_run, open_run, the_lab, the_service, want_view
from lab.train_page.run.transport import Bench, start
from lab.visit.outcomes import clearest_head, surest_row
from lab.visit.tasks import Facts, Task, TaskName
from lab.widgets.controls import chosen_corpus

PRESET, RECIPE = "quick", "classic"
"""The same as that of Home's race, so that their runs can be compared."""


def do(task: Task, facts: Facts) -> None:
    """Do what a task asks for, and show its page. Raises LabError where it cannot be."""
    _DEEDS[task.name](facts)
    st.switch_page(f"app_pages/{task.page}.py")


def resume(run: RunRecord) -> None:
    """Let a run go on that the visit waits for, and show it. Raises LabError."""
    the_service().resume(run.id)
    open_run(run.id)
    st.switch_page("app_pages/train.py")


def _train(kind: ModelKind) -> Callable[[Facts], None]:
    def begin(facts: Facts) -> None:
        """As on the Train page: the preset in its controls, then its Start."""
        corpus = chosen_corpus(the_lab())
        config = resolve(kind, len(corpus.vocabulary), PRESET, None, RECIPE)
        begin_draft(config, (PRESET, RECIPE))
        train_choices.preset_of(kind).set(PRESET)
        train_choices.RECIPE.set(RECIPE)
        train_choices.MODEL.set(kind)
        want_view("run")
        start(Bench.of(None, config, corpus))

    return begin


def _show_matrix(facts: Facts) -> None:
    run = facts.finished["bigram"]
    bigram_choices.CHARACTER.set(surest_row(run).character)
    _show_table(run, "learned")


def _show_limit(facts: Facts) -> None:
    _show_table(facts.finished["bigram"], "difference")


def _show_table(run: RunRecord, view: bigram_choices.TableView) -> None:
    choose_run(run.id)
    bigram_choices.SOURCE.set("table")
    bigram_choices.VIEW.set(view)


def _show_head(facts: Facts) -> None:
    run = facts.finished["attention"]
    head = clearest_head(run)
    choose_run(run.id)
    show_head(head.layer, head.head)


def _write(facts: Facts) -> None:
    choose_run(facts.finished["transformer"].id)
    GO.set(True)


_DEEDS: dict[TaskName, Callable[[Facts], None]] = {
    "train_bigram": _train("bigram"),
    "read_matrix": _show_matrix,
    "see_limit": _show_limit,
    "train_attention": _train("attention"),
    "see_head": _show_head,
    "train_transformer": _train("transformer"),
    "write": _write,
}
