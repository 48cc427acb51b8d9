"""What to train next: what the rungs are equal in, how much of it each gets, and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from core.errors import ConfigError
from core.experiments.ladder import Ladder, Rung, enter_ladder, plan_ladder
from core.experiments.terms import BUDGETS, EQUAL_IN, LONGER, MOST, EqualIn
from core.text.corpus import Corpus
from lab.ladder_page.words import EQUAL_NAMES, GIGA, budget_text, terms_text
from lab.session.entry import Entry, draw_page_again
from lab.session.state import the_calibration, the_lab, the_service
from lab.widgets.expected_time import expected_time
from lab.widgets.in_background import SeriesStanding, render_series_buttons
from lab.wording.labels import in_labels, label_of, value_with_unit
from lab.wording.plain import plain, plain_but_code

BLOCKS, WIDTHS = (1, 2, 3, 4, 6), (16, 32, 64, 128)
USUAL_BLOCKS, USUAL_WIDTH = 3, 64
_IN_ONE: dict[EqualIn, int] = {"steps": 1, "characters": 1, "seconds": 1, "flops": GIGA}
"""What one of the box for the budget stands for."""
_STEP: dict[EqualIn, int] = {"steps": 100, "characters": 10_000, "seconds": 1, "flops": 10}
_MOST_HERE: dict[EqualIn, int] = {
    "steps": 20_000, "characters": 20_000_000, "seconds": 600, "flops": 10_000 * GIGA,
}  # fmt: skip
_LENGTHS = {"quick": BUDGETS, "longer": LONGER}


@dataclass(frozen=True)
class Plan:
    """The ladder that the controls ask for, or why it cannot be."""

    by: EqualIn
    budget: int
    rungs: tuple[Rung, ...] = ()
    trouble: str = ""


def choose_plan(
    corpus: Corpus, standing: SeriesStanding | None, show: Callable[[Ladder], None]
) -> Plan:
    """Budget and size of the next ladder, the button that starts it, and what it will take.

    `show` is called with a ladder that was just begun.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        by: EqualIn = st.segmented_control(
            "Equal in", EQUAL_IN, default="steps", required=True, key="ladder_by",
            persist_state="session", format_func=EQUAL_NAMES.__getitem__,
            help="What every rung gets as much of. All rungs read batches of the same size, so "
            "equal steps are equal characters; by FLOPs or seconds a dearer rung takes fewer "
            "steps.",
        ) or "steps"  # fmt: skip
        budget = _choose_budget(by)
        n_layer = st.select_slider(
            "Blocks of the whole", BLOCKS, USUAL_BLOCKS, key="ladder_n_layer", width=130,
            persist_state="session",
        )  # fmt: skip
        n_embd = st.select_slider(
            label_of("n_embd"), WIDTHS, USUAL_WIDTH, key="ladder_n_embd", width=130,
            persist_state="session", format_func=lambda width: value_with_unit("n_embd", width),
        )  # fmt: skip
        plan = _plan(corpus, by, budget, n_layer=n_layer, n_embd=n_embd)
        render_series_buttons(
            "ladder", "stairs", lambda: show(_start(plan, corpus)), standing,
            can_start=bool(plan.rungs),
        )  # fmt: skip
        waits = the_calibration() is None
        longer = partial(_plan, corpus, by, LONGER[by], n_layer=n_layer, n_embd=n_embd)
        st.fragment(_render_cost, run_every=0.5 if waits else None)(plan, longer, corpus, waits)
    return plan


def _choose_budget(by: EqualIn) -> int:
    """So much for each rung: the quick budget, the longer one, or any other."""
    one = _IN_ONE[by]
    number: Entry[int] = Entry(f"ladder_budget_{by}", BUDGETS[by] // one)
    length: Entry[str | None] = Entry(f"ladder_length_{by}", None)
    number.begin(number.default)
    named = {name: budgets[by] // one for name, budgets in _LENGTHS.items()}
    held = next((name for name, value in named.items() if value == number.get()), None)
    if length.get() != held:  # another number was typed
        length.set(held)

    def take() -> None:
        if chosen := length.get():
            number.set(named[chosen])

    st.segmented_control(
        "Budget", list(named), key=length.key, on_change=take,
        help=f"{budget_text(by, LONGER[by])} for each rung are enough for more blocks to begin to "
        "pay.",
    )  # fmt: skip
    typed = st.number_input(
        "GFLOPs of each" if by == "flops" else f"{EQUAL_NAMES[by]} of each",
        1, min(MOST[by], _MOST_HERE[by]) // one, step=_STEP[by], key=number.key,
        persist_state="session", width=140,
    )  # fmt: skip
    return int(typed) * one


def _plan(corpus: Corpus, by: EqualIn, budget: int, **shape: int) -> Plan:
    calibration = the_calibration()
    if by == "seconds" and calibration is None:
        return Plan(by, budget, trouble="Timing this machine, to know what fits into a second …")
    try:
        rungs = plan_ladder(the_lab().configure, corpus, by, budget, calibration, **shape)
    except ConfigError as error:
        return Plan(by, budget, trouble=str(error))
    return Plan(by, budget, tuple(rungs))


def _start(plan: Plan, corpus: Corpus) -> Ladder:
    ladder = enter_ladder(the_lab(), list(plan.rungs), corpus, plan.by, plan.budget)
    the_service().start_sweep(ladder.id)
    return ladder


def _render_cost(plan: Plan, longer: Callable[[], Plan], corpus: Corpus, waited: bool) -> None:
    """How many runs it will be and how long they will take; drawn again until that is known."""
    if waited and the_calibration():
        draw_page_again()
    if plan.trouble:
        st.caption(plain_but_code(in_labels(plan.trouble)))
        return
    time = expected_time([rung.config for rung in plan.rungs], corpus)
    said = f"{len(plan.rungs)} runs on {plain(corpus.name)}{f', {time}' if time else ''}."
    if plan.budget < LONGER[plan.by] and time:
        longer_time = expected_time([rung.config for rung in longer().rungs], corpus)
        if longer_time:
            said += f" Longer, {budget_text(plan.by, LONGER[plan.by])} each: {longer_time}."
    st.caption(f"{said} {terms_text(plan.by, [rung.config for rung in plan.rungs])}".rstrip())
