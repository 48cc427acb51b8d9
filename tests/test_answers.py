"""Five answers about a run: every number is that of the estimates given, and compared fairly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from core.config import ModelKind
from core.records import RunRecord, run_before
from core.reference import ReferenceLine
from core.trainer import Estimate
from lab.training.answers import MAX_DIFFERENCES, Measured, answers, since
from lab.words import progress
from tests.helpers import small_config

LINES = (ReferenceLine("uniform", 4.1744), ReferenceLine("bigram", 2.4819))
_TELLING: dict[str, Any] = dict(n_layer=1, n_head=1, n_embd=16, learning_rate=0.02, dropout=0.1)


def run_of(name: str = "now", model: ModelKind = "transformer", **about: Any) -> RunRecord:
    """A run of the small settings; `settings` are changes to them."""
    values: dict[str, Any] = dict(
        id=name, name=name, model=model, corpus="tiny", fingerprint="f",
        config=small_config(model, 9, **about.pop("settings", {})), status="paused", iter=20,
        n_params=1, train_loss=None, val_loss=None, best_val_loss=None, best_iter=0,
        train_seconds=2.0, steps_per_s=1.0, checkpoint_iter=0, checkpoint_interval_s=5.0,
        message="", parent=None, parent_iter=None, created_at=0.0,
    )  # fmt: skip
    return RunRecord(**values | about)


def curve(losses: Sequence[float], every: int = 10) -> list[Estimate]:
    """Estimates from step 0 on, training 0.25 nats below validation."""
    return [Estimate(every * i, nats - 0.25, nats) for i, nats in enumerate(losses)]


def measured(losses: Sequence[float], name: str = "now", every: int = 10, **about: Any) -> Measured:
    return Measured(run_of(name, **about), curve(losses, every))


# --- five answers ---------------------------------------------------------------------------------


def test_five_questions_in_the_order_in_which_one_asks_them() -> None:
    said = answers(measured([4.2, 3.0]), None, LINES)
    assert [question for question, _ in said] == [
        "Is it good?", "Still learning?", "Overfitting?", "Since the last run?", "Done when?",
    ]  # fmt: skip


def test_every_number_is_that_of_the_estimates() -> None:
    now = measured([4.2, 3.8, 3.0, 2.7123, 2.4567])
    before = measured([4.2, 3.9, 3.4, 3.0, 2.8024], "before")
    said = dict(answers(now, before, LINES))
    assert said["Is it good?"].startswith("2.457 nats: better than the bigram counts (2.482)")
    assert "fell by 1.343 nats after step 10" in said["Still learning?"]  # 3.8 - 2.4567
    assert "validation minus training is 0.250 nats" in said["Overfitting?"]
    assert said["Since the last run?"] == "nothing: 0.346 nats lower than before at step 40"
    assert said["Done when?"] == progress(now.run) == "step 20 of 40 · paused · 2.0 s of training"


def test_a_live_run_says_when_it_will_be_done() -> None:
    now = measured([4.2], status="running", iter=10, steps_per_s=2.0)
    assert dict(answers(now, None, LINES))["Done when?"].endswith("2.0 steps/s · 15 s left")


def test_before_the_first_estimate_there_is_still_an_answer_to_everything() -> None:
    said = dict(answers(measured([]), measured([4.2], "before"), LINES))
    assert all(said.values())
    assert said["Is it good?"] == "no estimate yet"


# --- what came of it ------------------------------------------------------------------------------


def test_without_an_earlier_run_it_says_so() -> None:
    assert since(measured([4.2]), None) == "there is no earlier run"


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([4.2, 2.1234], "0.377 nats lower"),
        ([4.2, 2.6], "0.100 nats higher"),
        ([4.2, 2.4994], "0.001 nats lower"),
    ],
)
def test_what_was_changed_and_what_came_of_it(losses: list[float], said: str) -> None:
    now = measured(losses, settings={"n_embd": 16})
    before = measured([4.2, 2.5], "before")
    assert since(now, before) == f"n_embd 8 -> 16: {said} than before at step 10"


def test_what_rounds_to_nothing_is_neither_lower_nor_higher() -> None:
    """As at step 0, which no learning rate has touched yet."""
    now, before = measured([4.2], settings={"learning_rate": 0.02}), measured([4.2], "before")
    assert since(now, before) == "learning_rate 0.001 -> 0.02: the same loss as before at step 0"
    for by in (0.0004, -0.0004):
        close = since(measured([4.2, 3.0 + by]), measured([4.2, 3.0], "before"))
        assert close == "nothing: the same loss as before at step 10"


def test_the_same_run_once_more_gives_the_same_numbers() -> None:
    said = since(measured([4.2, 3.0]), measured([4.2, 3.0, 2.5], "before"))
    assert said == "nothing: the same numbers as before"


def test_the_same_settings_on_more_threads_may_differ_a_little() -> None:
    said = since(measured([4.2, 3.002]), measured([4.2, 3.0], "before"))
    assert said == "nothing: 0.002 nats higher than before at step 10"


def test_another_text_is_said_first() -> None:
    now = measured([4.2, 3.0], corpus="new", fingerprint="g", settings={"n_embd": 16})
    before = measured([4.2, 3.5], "before", corpus="old")
    said = since(now, before)
    assert said == "corpus old -> new, n_embd 8 -> 16: 0.500 nats lower than before at step 10"


def test_another_text_is_not_nothing_even_if_the_loss_is_the_same() -> None:
    """Untrained tables are equally good on any two texts of as many characters."""
    now = measured([4.2], corpus="new", fingerprint="g")
    said = since(now, measured([4.2], "before", corpus="old"))
    assert said == "corpus old -> new: the same loss as before at step 0"


def test_the_same_text_under_another_name_is_no_difference() -> None:
    now = measured([4.2, 3.0], corpus="new")
    assert since(now, measured([4.2, 3.0], "before", corpus="old")).startswith("nothing")


def test_another_model_is_named() -> None:
    said = since(measured([4.2, 3.0]), measured([4.2, 3.5], "before", model="bigram"))
    assert said.startswith("model bigram -> transformer, ")


def test_more_differences_than_are_named_are_counted() -> None:
    before = measured([4.2, 3.5], "before")
    for n in range(1, len(_TELLING) + 1):
        settings = dict(list(_TELLING.items())[:n])
        what, _ = since(measured([4.2, 3.0], settings=settings), before).split(": ")
        named = what.split(", ")
        assert [part.split()[0] for part in named[:MAX_DIFFERENCES]] == list(settings)[:3]
        rest = [f"{n - MAX_DIFFERENCES} more"] if n > MAX_DIFFERENCES else []
        assert named[MAX_DIFFERENCES:] == rest


def test_losses_are_compared_at_the_same_step() -> None:
    before = measured([4.2, 3.5, 3.1, 2.0], "before")
    said = since(measured([4.2, 3.0, 3.0]), before)
    assert said == "nothing: 0.100 nats lower than before at step 20"


def test_where_the_other_was_not_measured_its_last_step_before_counts() -> None:
    stopped = measured([4.2, 3.5], "before")
    said = since(measured([4.2, 3.0, 2.5]), stopped)
    assert said == "nothing: 1.000 nats lower than before at its step 10"
    seldom = measured([4.2, 3.5, 1.0], "before", every=1500)
    said = since(measured([4.2, 3.9, 3.0], every=1000), seldom)
    assert said == "nothing: 0.500 nats lower than before at its step 1,500"


def test_without_a_measurement_of_both_only_the_settings_are_said() -> None:
    one, other = measured([], settings={"n_embd": 16}), measured([4.2], "before")
    assert since(one, other) == "n_embd 8 -> 16 (against before)"
    other = measured([4.2], "after", settings={"n_embd": 16})
    assert since(other, measured([], "before")) == "n_embd 8 -> 16 (against before)"


def test_a_run_that_came_in_was_measured_only_at_its_end() -> None:
    came_in = Measured(run_of("imported"), [Estimate(2000, 1.4, 1.5)])
    assert since(measured([4.2, 3.0]), came_in) == "nothing (against imported)"
    said = since(Measured(run_of(), [Estimate(2000, 1.4, 1.6)]), came_in)
    assert said == "nothing: 0.100 nats higher than imported at step 2,000"


# --- which run to compare with --------------------------------------------------------------------

OLDEST = run_of("oldest", created_at=1.0)
OLD = run_of("old", created_at=2.0)
IN_SWEEP = run_of("in sweep", created_at=3.0, sweep="s")
LATER = run_of("later", created_at=9.0)
RUNS = [LATER, IN_SWEEP, OLD, OLDEST]
"""The newest first."""


def test_a_run_is_compared_with_the_one_made_just_before_it() -> None:
    assert run_before(RUNS, run_of(created_at=5.0)) == OLD
    assert run_before(RUNS, run_of(created_at=10.0)) == LATER
    assert run_before(RUNS, OLD) == OLDEST  # and not with itself


def test_a_branch_is_compared_with_its_parent() -> None:
    assert run_before(RUNS, run_of(created_at=10.0, parent="oldest")) == OLDEST
    assert run_before(RUNS, run_of(created_at=10.0, parent="in sweep")) == IN_SWEEP


def test_a_branch_without_its_parent_is_compared_like_any_run() -> None:
    assert run_before(RUNS, run_of(created_at=5.0, parent="deleted")) == OLD


def test_runs_of_sweeps_are_left_out() -> None:
    assert run_before([IN_SWEEP, OLDEST], run_of(created_at=5.0)) == OLDEST
    assert run_before([IN_SWEEP], run_of(created_at=5.0)) is None


def test_the_first_run_has_none_before_it() -> None:
    assert run_before([], OLDEST) is None
    assert run_before(RUNS, OLDEST) is None
