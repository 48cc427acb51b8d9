"""The Train page and its address: what an address says is put on the screen, and the reverse.

What an address may hold is `lab.train_page.link`'s; here it meets the session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core.errors import LabError
from core.records.records import RunRecord
from core.settings.config import ModelKind
from core.settings.presets import resolve
from lab.session import train_choices
from lab.session.drafts import draft_of
from lab.session.entry import Entry
from lab.session.state import choose_run, clear_bench, draft_is_of, run_on_the_bench, the_lab
from lab.session.train_choices import MAX_BEHIND
from lab.train_page.link import SWITCHES, Link, read_link, write_link
from lab.widgets.controls import HIDEABLE, SETTINGS, begin_controls, chosen_corpus
from lab.wording.labels import label_of
from lab.wording.plain import plain_but_code

MAX_SHOWN, MAX_LENGTH = 3, 200
"""Of what cannot be: so many complaints, of so many characters each."""
_APPLIED = Entry("train_link_applied", False)
_HIDDEN: Entry[tuple[str, ...]] = Entry("train_hidden", ())


def hidden_controls() -> tuple[str, ...]:
    """The controls that a lesson hides."""
    return _HIDDEN.get()


def apply_link() -> None:
    """Put on the screen what the address says; once in a session, before any widget is drawn."""
    if _APPLIED.get():
        return
    _APPLIED.set(True)
    link, complaints = read_link(st.query_params.to_dict())
    for name, value in link.switches.items():
        if value != SWITCHES[name]:
            train_choices.SWITCHES[name].set(value)
    _HIDDEN.set(link.hidden)
    complaints += _apply_runs_behind(link.runs)
    for apply in (_apply_corpus, _apply_run_and_settings):
        try:
            apply(link)
        except LabError as error:
            complaints.append(str(error))
    if complaints:
        st.warning("Left out of the address: " + plain_but_code(_in_short(complaints)))


def _in_short(complaints: list[str]) -> str:
    """Some of them, and how many more there are: an address can be long."""
    shown = [c if len(c) <= MAX_LENGTH else f"{c[:MAX_LENGTH]} …" for c in complaints[:MAX_SHOWN]]
    n_more = len(complaints) - len(shown)
    return "; ".join(shown) + (f"; and {n_more:,} more" if n_more else "")


def _apply_runs_behind(names: Sequence[str]) -> list[str]:
    """Choose these runs to stand behind the one on the bench; why some of them cannot."""
    named = {run.name: run.id for run in the_lab().runs()}
    found = [named[name] for name in dict.fromkeys(names) if name in named]
    train_choices.RUNS_BEHIND.set(found[:MAX_BEHIND])
    complaints = [f"there is no run {name!r}" for name in names if name not in named]
    if len(found) > MAX_BEHIND:
        complaints.append(f"at most {MAX_BEHIND} runs stand behind, not {len(found):,}")
    return complaints


def _apply_corpus(link: Link) -> None:
    if "corpus" in link.names:
        the_lab().library.load(link.names["corpus"])
        train_choices.CORPUS.set(link.names["corpus"])


def _apply_run_and_settings(link: Link) -> None:
    _apply_run(link)
    _apply_settings(link)


def _apply_run(link: Link) -> None:
    if "run" not in link.names:
        if link != Link():  # it was made where no run was on the bench
            clear_bench()
        return
    run = the_lab().run(link.names["run"])
    choose_run(run.id)
    if link.settings or "preset" in link.names or "recipe" in link.names:
        draft_is_of(run.id)  # the address says other settings than the run's


def _apply_settings(link: Link) -> None:
    """A draft of the settings that the address says."""
    preset, recipe = link.names.get("preset"), link.names.get("recipe", "classic")
    if not link.settings and preset is None and recipe == "classic":
        return
    model: ModelKind = link.switches["model"]  # type: ignore[assignment]
    begin_controls(model, chosen_corpus(the_lab()), preset, recipe, link.settings)


def show_address() -> None:
    """Let the address bar say what is on the screen."""
    query = write_link(_link_now())
    if query != st.query_params.to_dict():
        st.query_params.from_dict(query)


def _link_now() -> Link:
    switches = {name: entry.get() for name, entry in train_choices.SWITCHES.items()}
    runs = the_lab().runs()
    by_id = {run.id: run.name for run in runs}
    behind = [by_id[i] for i in train_choices.RUNS_BEHIND.get() if i in by_id]
    names, settings = _settings_now(switches["model"], run_on_the_bench(runs))
    return Link(
        switches=switches, names=names, settings=settings, hidden=hidden_controls(),
        runs=tuple(behind) if switches["behind"] == "chosen" else (),
    )  # fmt: skip


def _settings_now(model: ModelKind, run: RunRecord | None) -> tuple[dict[str, str], dict[str, Any]]:
    """What has a name, and the settings that an address has to say besides."""
    lab, draft = the_lab(), draft_of(model)
    corpus = chosen_corpus(lab)
    names = {"run": run.name} if run else {}
    of_run = run is not None and run.fingerprint == corpus.fingerprint
    if corpus.name != lab.library.load().name and not of_run:
        names["corpus"] = corpus.name
    if draft is None:
        return names, {}
    now = draft.config().flat()
    if run and all(now.get(n) == run.config.flat().get(n) for n in ("model", *SETTINGS)):
        return names, {}  # the run says them
    preset, recipe = draft.start
    names |= {"preset": preset} if preset else {}
    names |= {"recipe": recipe} if recipe != "classic" else {}
    usual = resolve(model, len(corpus.vocabulary), preset, None, recipe).flat()
    return names, {n: now[n] for n in SETTINGS if n in now and now[n] != usual.get(n)}


def render_link() -> None:
    """A button that opens the address of what is on the screen, and what a lesson hides."""
    with st.popover("Link", icon=":material/link:"):
        st.caption(
            "The address of this page says what is on the screen: settings, seed, run and chart. "
            "Whoever opens it in this lab sees the same view."
        )
        chosen = st.multiselect(
            "Hide controls, for a lesson", HIDEABLE, default=list(hidden_controls()),
            key="train_hide", format_func=label_of, help="They keep the values that they have now.",
        )  # fmt: skip
        if tuple(chosen) != hidden_controls():
            _HIDDEN.set(tuple(chosen))
            st.rerun()
        st.code(f"{st.context.url or ''}?{_query_text()}", language=None, wrap_lines=True)


def _query_text() -> str:
    return urlencode(write_link(_link_now()))
