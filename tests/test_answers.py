"""Five answers about a run: every number is that of the estimates given, and compared fairly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from core.config import ModelKind
from core.records import Change, Estimate, RunRecord, run_before
from core.reference import ReferenceLine
from lab.labels import in_a_sentence
from lab.training.answers import MAX_DIFFERENCES, Measured, answers, since
from lab.training.units import loss_in, said_in
from lab.words import bits, progress
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
    assert since(now, before) == f"width 8 -> 16: {said} than before at step 10"


def test_what_rounds_to_nothing_is_neither_lower_nor_higher() -> None:
    """As at step 0, which no learning rate has touched yet."""
    now, before = measured([4.2], settings={"learning_rate": 0.02}), measured([4.2], "before")
    assert since(now, before) == "learning rate 0.001 -> 0.02: the same loss as before at step 0"
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
    assert said == "corpus old -> new, width 8 -> 16: 0.500 nats lower than before at step 10"


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
        labels = [f"{in_a_sentence(name)} " for name in list(settings)[:3]]
        assert all(part.startswith(label) for part, label in zip(named, labels, strict=False))
        rest = [f"{n - MAX_DIFFERENCES} more"] if n > MAX_DIFFERENCES else []
        assert named[MAX_DIFFERENCES:] == rest


def test_losses_are_compared_at_the_same_step() -> None:
    before = measured([4.2, 3.5, 3.1, 2.0], "before")
    said = since(measured([4.2, 3.0, 3.0]), before)
    assert said == "nothing: 0.100 nats lower than before at step 20"


def test_a_run_that_went_further_is_compared_where_the_other_ended() -> None:
    stopped = measured([4.2, 3.5], "before")
    said = since(measured([4.2, 3.0, 2.5]), stopped)
    assert said == "nothing: 0.500 nats lower than before at step 10"


def test_where_one_was_not_measured_the_height_of_its_curve_counts_and_it_is_said() -> None:
    seldom = measured([4.0, 3.0, 1.0], "before", every=1500)
    said = since(measured([4.2, 3.9, 2.0], every=1000), seldom)  # 3.0 - 2/3 at step 2,000
    assert said == "nothing: 0.333 nats lower than before at step 2,000 (interpolated)"


def test_without_a_measurement_of_both_only_the_settings_are_said() -> None:
    one, other = measured([], settings={"n_embd": 16}), measured([4.2], "before")
    assert since(one, other) == "width 8 -> 16 (against before)"
    other = measured([4.2], "after", settings={"n_embd": 16})
    assert since(other, measured([], "before")) == "width 8 -> 16 (against before)"


def test_a_run_that_came_in_was_measured_only_at_its_end() -> None:
    came_in = Measured(run_of("imported"), [Estimate(2000, 1.4, 1.5)])
    assert since(measured([4.2, 3.0]), came_in) == "nothing (against imported)"
    said = since(Measured(run_of(), [Estimate(2000, 1.4, 1.6)]), came_in)
    assert said == "nothing: 0.100 nats higher than imported at step 2,000"


# --- what was changed on the way ------------------------------------------------------------------


def rate(step: int, old: float, new: float) -> Change:
    """A change of the learning rate, and of what follows it."""
    return Change(step, {"learning_rate": (old, new), "min_lr": (old / 10, new / 10)})


def changed(losses: Sequence[float], *changes: Change, name: str = "now") -> Measured:
    """A run of the small settings with changes; its settings are those after all of them."""
    settings = {n: new for change in changes for n, (_, new) in change.settings.items()}
    return Measured(run_of(name, settings=settings), curve(losses), changes=changes)


def test_a_rate_that_was_changed_on_the_way_is_named_with_its_step() -> None:
    before = measured([4.2, 3.5, 3.0], "before")
    said = since(changed([4.2, 3.5, 2.5], rate(10, 1e-3, 1e-2)), before)
    assert said == (
        "learning rate 0.001 -> 0.01 at step 10: 0.500 nats lower than before at step 20"
    )


def test_a_rate_that_was_changed_in_the_other_run_is_named_too() -> None:
    """Both ended at the same settings, which says nothing about how they got there."""
    before = changed([4.2, 3.5, 3.2], rate(10, 1e-3, 1e-1), rate(15, 1e-1, 1e-3), name="before")
    assert before.run.config == run_of().config
    said = since(measured([4.2, 3.5, 2.5]), before)
    assert said == (
        "there learning rate 0.1 -> 0.001 at step 15 (the last of 2 changes): 0.700 nats lower "
        "than before at step 20"
    )


def test_what_a_run_was_started_with_is_compared_and_not_what_it_ended_with() -> None:
    before = changed([4.2, 3.5, 3.0], rate(10, 1e-3, 1e-2), name="before")
    now = measured([4.2, 3.0, 2.5], settings={"learning_rate": 1e-2, "min_lr": 1e-3})
    said = since(now, before)
    assert said.startswith(
        "there learning rate 0.001 -> 0.01 at step 10, learning rate 0.001 -> 0.01: "
    )


def test_what_came_later_than_the_step_compared_at_did_not_matter_there() -> None:
    before = changed([4.2, 3.5, 3.0], rate(20, 1e-3, 1e-2), name="before")
    assert since(measured([4.2, 3.5]), before) == "nothing: the same numbers as before"


def test_a_branch_shares_its_parent_s_changes_and_names_its_own_at_once() -> None:
    shared, own = rate(10, 1e-3, 1e-2), rate(20, 1e-2, 3e-3)
    parent = changed([4.2, 3.5, 3.0], shared, name="parent")
    assert since(changed([4.2, 3.5, 3.0], shared), parent).startswith("nothing")
    said = since(changed([4.2, 3.5, 3.0], shared, own), parent)
    assert said == "learning rate 0.01 -> 0.003 at step 20: the same loss as parent at step 20"


def test_a_seed_is_a_name_and_no_quantity() -> None:
    said = since(measured([4.2, 3.0], settings={"seed": 1338}), measured([4.2, 3.5], "before"))
    assert said.startswith("seed 1337 -> 1338: ")


# --- the unit -------------------------------------------------------------------------------------


def test_in_bits_every_loss_is_converted_from_what_was_measured() -> None:
    now = measured([4.2, 3.8, 3.0, 2.7123, 2.4567])
    before = measured([4.2, 3.9, 3.4, 3.0, 2.8024], "before")
    said = dict(answers(now, before, LINES, in_bits=True))
    assert not any("nats" in answer for answer in said.values())
    assert said["Is it good?"].startswith(
        f"{bits(2.4567):.3f} bits: better than the bigram counts ({bits(2.4819):.3f})"
    )
    assert f"fell by {bits(3.8 - 2.4567):.3f} bits after step 10" in said["Still learning?"]
    assert f"{bits(0.25):.3f} bits" in said["Overfitting?"]
    by = bits(2.8024 - 2.4567)
    assert said["Since the last run?"] == f"nothing: {by:.3f} bits lower than before at step 40"
    assert said["Done when?"] == dict(answers(now, before, LINES))["Done when?"]


@pytest.mark.parametrize(
    ("nats", "in_bits"),
    [
        ("2.000 nats: better than the bigram counts (1.000)",
         "2.885 bits: better than the bigram counts (1.443)"),
        ("rose by 0.500 nats to 1,234 at step 2,000", "rose by 0.721 bits to 1,234 at step 2,000"),
        ("minus training is -0.010 nats, and", "minus training is -0.014 bits, and"),
        ("at least 0.3 nats above, of 20 steps (5% of all)",
         "at least 0.433 bits above, of 20 steps (5% of all)"),
    ],
)  # fmt: skip
def test_a_sentence_in_nats_is_said_in_bits(nats: str, in_bits: str) -> None:
    assert said_in(nats, True) == in_bits
    assert said_in(nats, False) == nats


def test_a_known_loss_is_not_rounded_twice() -> None:
    nats = 0.99951
    assert said_in("1.000 nats", True) == "1.443 bits"
    assert said_in("1.000 nats", True, [nats]) == loss_in(nats, True) == "1.442 bits"
    assert loss_in(nats, False) == "1.000 nats"


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
