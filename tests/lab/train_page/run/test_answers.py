"""Five answers about a run: every number is that of the estimates given, and compared fairly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from core.records.records import Change, Estimate, run_before, run_before_of_model
from core.text.reference import ReferenceLine
from lab.train_page.run.answers import MAX_CHARACTERS, MAX_DIFFERENCES, Measured, answers
from lab.train_page.run.answers import since as answer_since
from lab.wording import words
from lab.wording.labels import in_a_sentence
from lab.wording.words import bits, progress
from tests.helpers import run_of

LINES = (ReferenceLine("uniform", 4.1744), ReferenceLine("bigram", 2.4819))
_TELLING: dict[str, Any] = dict(n_layer=1, n_head=1, n_embd=16, learning_rate=0.02, dropout=0.1)


def curve(losses: Sequence[float], every: int = 10) -> list[Estimate]:
    """Estimates from step 0 on, training 0.25 nats below validation."""
    return [Estimate(every * i, nats - 0.25, nats) for i, nats in enumerate(losses)]


def measured(losses: Sequence[float], name: str = "now", every: int = 10, **about: Any) -> Measured:
    return Measured(run_of(name, **about), curve(losses, every))


def since(now: Measured, before: Measured | None) -> str:
    return answer_since(now, before).text


def all_answers(*arguments: Any, **named: Any) -> dict[str, str]:
    """Question to answer."""
    return {answer.question: answer.text for answer in answers(*arguments, **named)}


# --- five answers ---------------------------------------------------------------------------------


def test_five_questions_in_the_order_in_which_one_asks_them() -> None:
    said = all_answers(measured([4.2, 3.0]), None, LINES)
    assert list(said) == [
        "Is it good?", "Still learning?", "Overfitting?", "Since the last run?", "Done when?",
    ]  # fmt: skip


def test_every_number_is_that_of_the_estimates() -> None:
    now = measured([4.2, 3.8, 3.0, 2.7123, 2.4567])
    before = measured([4.2, 3.9, 3.4, 3.0, 2.8024], "before")
    said = all_answers(now, before, LINES)
    assert said["Is it good?"].startswith(
        "about 2.46 nats (estimate), as unsure as among 12 characters: better than the bigram "
        "counts (2.482)"
    )
    assert "fell by 1.343 nats after step 10" in said["Still learning?"]  # 3.8 - 2.4567
    assert "validation minus training is 0.250 nats" in said["Overfitting?"]
    assert said["Since the last run?"] == (
        "0.345 nats lower than before at step 40: nothing was set differently"
    )
    assert (
        said["Done when?"].split(". ")[0]
        == progress(now.run)
        == "step 20 of 40 · paused · 2.0 s of training"
    )


def test_a_live_run_says_when_it_will_be_done() -> None:
    now = measured([4.2], status="running", step=10, steps_per_s=2.0)
    assert all_answers(now, None, LINES)["Done when?"].endswith("2.0 steps/s · 15 s left")


def test_the_last_answer_says_how_a_run_stands_and_what_more_steps_would_bring() -> None:
    now = measured([4.2, 2.7, 2.6, 2.5, 2.45], "now", status="finished", step=40)
    said = all_answers(now, None, LINES)
    assert said["Train longer?"] == (
        "step 40 of 40 · finished · 2.0 s of training. "
        "More steps help: validation fell by 0.250 nats since step 10"
    )
    assert "Done when?" not in said


def test_before_the_first_estimate_there_is_still_an_answer_to_everything() -> None:
    said = all_answers(measured([]), measured([4.2], "before"), LINES)
    assert all(said.values())
    assert said["Is it good?"] == "no estimate yet"


def test_once_it_has_finished_the_loss_is_that_of_the_pickers_and_tables() -> None:
    now = measured(
        [4.2, 2.6, 2.49],
        status="finished",
        val_loss_nats=2.4711,
        best_val_loss_nats=2.4699,
        best_step=20,
    )
    is_good = answers(now, None, LINES)[0]
    assert is_good.text == (
        f"{words.loss(now.run.best_val_loss_nats)} nats at best, at step 20, over the whole "
        "validation split, as unsure as among 12 characters: better than the bigram counts "
        "(2.482), the best of the lines"
    )
    assert is_good.more[0].startswith("now, at 2.470 nats: ")
    away = measured([4.2, 2.4, 2.6], status="finished", val_loss_nats=2.61, best_val_loss_nats=2.41,
                    best_step=10)  # fmt: skip
    now_, best, *_ = answers(away, None, LINES)[0].more
    assert now_.startswith("now, at 2.610 nats: ")
    assert best.startswith("at best, at step 10 (2.410 nats): ")


def test_a_run_that_failed_by_diverging_is_said_to_have() -> None:
    now = replace(measured([4.2, 3.8, 3.0, 2.7123, 2.4567], status="failed"), broke_at=48)
    assert all_answers(now, None, LINES)["Still learning?"] == (
        "no: it diverged: at step 48 its loss or its gradient was no longer a finite number"
    )


# --- what came of it ------------------------------------------------------------------------------


def test_without_an_earlier_run_it_says_so() -> None:
    assert since(measured([4.2]), None) == "there is no earlier run on this text"


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
    assert since(now, before) == f"{said} than before at step 10: width 8 -> 16"


def test_what_rounds_to_nothing_is_neither_lower_nor_higher() -> None:
    """As at step 0, which no learning rate has touched yet."""
    now, before = measured([4.2], settings={"learning_rate": 0.02}), measured([4.2], "before")
    assert since(now, before) == "the same loss as before at step 0: learning rate 0.001 -> 0.02"
    for by in (0.0004, -0.0004):
        close = since(measured([4.2, 3.0 + by]), measured([4.2, 3.0], "before"))
        assert close == "the same loss as before at step 10: nothing was set differently"


def test_two_runs_that_are_over_are_compared_as_tables_compare_them() -> None:
    """Not by their estimates, which differ from the losses that stand beside them."""
    over = {"status": "finished", "step": 10}
    before = measured([4.2, 3.0], "before", val_loss_nats=3.1, best_val_loss_nats=3.01, **over)
    now = measured([4.2, 2.9], val_loss_nats=2.9, best_val_loss_nats=2.873, **over)
    assert since(now, before) == (
        "0.137 nats lower than before at best, over the whole validation split: nothing was "
        "set differently"
    )
    before = measured([4.2, 3.0], "before", val_loss_nats=3.01, best_val_loss_nats=3.01, **over)
    now = measured([4.2, 2.9], val_loss_nats=2.873, best_val_loss_nats=2.873, **over)
    assert since(now, before).startswith("0.137 nats lower than before after 10 steps, over the")
    longer = measured([4.2, 2.9, 2.8], best_val_loss_nats=2.8, status="finished", step=20)
    assert since(longer, before).startswith("0.100 nats lower than before at step 10: ")


def test_the_same_run_once_more_gives_the_same_numbers() -> None:
    said = since(measured([4.2, 3.0]), measured([4.2, 3.0, 2.5], "before"))
    assert said == "the same numbers as before: nothing was set differently"


def test_the_same_settings_on_more_threads_may_differ_a_little() -> None:
    said = since(measured([4.2, 3.002]), measured([4.2, 3.0], "before"))
    assert said == "0.002 nats higher than before at step 10: nothing was set differently"


def test_losses_on_different_texts_are_never_put_into_one_sentence() -> None:
    now = measured([4.2, 3.0], corpus="new", fingerprint="g", settings={"n_embd": 16})
    before = measured([4.2, 3.5], "before", corpus="old")
    assert since(now, before) == "against before: corpus old -> new; width 8 -> 16"
    assert "nats" not in " ".join(answer_since(now, before).more)


def test_a_loss_with_the_answer_in_sight_is_compared_with_no_other() -> None:
    ahead = dict(block="ladder", ideas="attention,scale,positions", n_layer=1)
    masked = dict(ahead, ideas="attention,mask,scale,positions")
    now = measured([4.2, 0.09], settings=ahead)
    before = measured([4.2, 2.4], "before", settings=masked)
    for one, other in ((now, before), (before, now)):
        assert "nats" not in since(one, other) and "ideas" in since(one, other)


def test_the_same_text_under_another_name_is_no_difference() -> None:
    now = measured([4.2, 3.0], corpus="new")
    assert since(now, measured([4.2, 3.0], "before", corpus="old")).endswith(
        ": nothing was set differently"
    )


def test_another_model_is_named_and_not_what_follows_from_its_being_another() -> None:
    said = since(measured([4.2, 3.0]), measured([4.2, 3.5], "before", model="bigram"))
    assert said.startswith("0.500 nats lower than before at step 10: model bigram -> transformer")
    assert "none" not in said


@pytest.mark.parametrize("n", range(1, len(_TELLING) + 1))
def test_the_sentence_names_a_few_differences_and_all_stand_behind_it(n: int) -> None:
    settings = dict(list(_TELLING.items())[:n])
    answer = answer_since(measured([4.2, 3.0], settings=settings), measured([4.2, 3.5], "before"))
    loss, what = answer.text.split(": ")
    assert loss == "0.500 nats lower than before at step 10"
    named, labels = what.split("; "), [f"{in_a_sentence(name)} " for name in settings]
    rest = [f"{n - MAX_DIFFERENCES} more"] if n > MAX_DIFFERENCES else []
    assert named[MAX_DIFFERENCES:] == rest
    assert all(map(str.startswith, named, labels[:MAX_DIFFERENCES]))
    assert len(answer.text) <= MAX_CHARACTERS
    if rest:
        assert answer.more_title == "all differences"
        assert all(map(str.startswith, answer.more[-n:], labels))
    else:
        assert answer.more_title == "how much is that?"


def test_a_sentence_that_would_be_too_long_names_fewer_and_is_never_cut() -> None:
    settings = {"block_size": 4, "batch_size": 32, "n_embd": 16, "learning_rate": 0.02}
    before = measured([4.2, 3.5], "a name of a run as long as such names are")
    answer = answer_since(measured([4.2, 3.0], settings=settings), before)
    assert answer.text.endswith(
        ": block size 8 -> 4, batch size 4 -> 32, so 4 times the characters per step; 2 more"
    )
    assert answer.more_title == "all differences"
    assert answer.more[-2:] == ("width 8 -> 16", "learning rate 0.001 -> 0.02")


def test_behind_a_difference_stands_how_much_it_is() -> None:
    answer = answer_since(measured([4.2, 2.9]), measured([4.2, 3.0], "before"))
    assert answer.more == (
        "before -> this run: as unsure as among 20 characters -> 18, 10 % fewer",
        "0.100 nats less is 10 % fewer characters to choose among at every place, and a line of 40 "
        "characters that somebody wrote becomes 55 times as likely",
    )
    same = answer_since(measured([4.2, 3.0]), measured([4.2, 3.0], "before"))
    assert (same.more_title, same.more) == ("", ())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"block_size": 16}, "block size 8 -> 16, so twice the characters per step"),
        ({"batch_size": 2}, "batch size 4 -> 2, so half the characters per step"),
        ({"block_size": 4, "batch_size": 32},
         "block size 8 -> 4, batch size 4 -> 32, so 4 times the characters per step"),
        ({"block_size": 16, "batch_size": 2}, "block size 8 -> 16, batch size 4 -> 2"),
        ({"block_size": 16, "n_embd": 16},
         "block size 8 -> 16, so twice the characters per step; width 8 -> 16"),
    ],
)  # fmt: skip
def test_that_a_step_learns_from_more_or_less_is_said(settings: dict[str, Any], said: str) -> None:
    now = measured([4.2, 3.0], settings=settings)
    assert since(now, measured([4.2, 3.5], "before")).split(": ")[1] == said


def test_losses_are_compared_at_the_same_step() -> None:
    before = measured([4.2, 3.5, 3.1, 2.0], "before")
    said = since(measured([4.2, 3.0, 3.0]), before)
    assert said == "0.100 nats lower than before at step 20: nothing was set differently"


def test_a_run_that_went_further_is_compared_where_the_other_ended() -> None:
    stopped = measured([4.2, 3.5], "before")
    said = since(measured([4.2, 3.0, 2.5]), stopped)
    assert said == "0.500 nats lower than before at step 10: nothing was set differently"


def test_where_one_was_not_measured_the_height_of_its_curve_counts_and_it_is_said() -> None:
    seldom = measured([4.0, 3.0, 1.0], "before", every=1500)
    said = since(measured([4.2, 3.9, 2.0], every=1000), seldom)  # 3.0 - 2/3 at step 2,000
    assert (
        said
        == "0.333 nats lower than before at step 2,000 (interpolated): nothing was set differently"
    )


def test_without_a_measurement_of_both_only_the_settings_are_said() -> None:
    one, other = measured([], settings={"n_embd": 16}), measured([4.2], "before")
    assert since(one, other) == "against before: width 8 -> 16"
    other = measured([4.2], "after", settings={"n_embd": 16})
    assert since(other, measured([], "before")) == "against before: width 8 -> 16"


def test_a_run_that_came_in_was_measured_only_at_its_end() -> None:
    came_in = Measured(run_of("imported"), [Estimate(2000, 1.4, 1.5)])
    assert since(measured([4.2, 3.0]), came_in) == "against imported: nothing was set differently"
    said = since(Measured(run_of(), [Estimate(2000, 1.4, 1.6)]), came_in)
    assert said == "0.100 nats higher than imported at step 2,000: nothing was set differently"


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
        "0.500 nats lower than before at step 20: learning rate 0.001 -> 0.01 at step 10"
    )


def test_a_rate_that_was_changed_in_the_other_run_is_named_too() -> None:
    """Both ended at the same settings, which says nothing about how they got there."""
    before = changed([4.2, 3.5, 3.2], rate(10, 1e-3, 1e-1), rate(15, 1e-1, 1e-3), name="before")
    assert before.run.config == run_of().config
    said = since(measured([4.2, 3.5, 2.5]), before)
    assert said == (
        "0.700 nats lower than before at step 20: in before learning rate 0.1 -> 0.001 at step 15 "
        "(the last of 2 changes)"
    )


def test_what_a_run_was_started_with_is_compared_and_not_what_it_ended_with() -> None:
    before = changed([4.2, 3.5, 3.0], rate(10, 1e-3, 1e-2), name="before")
    now = measured([4.2, 3.0, 2.5], settings={"learning_rate": 1e-2, "min_lr": 1e-3})
    said = since(now, before)
    assert said.endswith(
        ": in before learning rate 0.001 -> 0.01 at step 10; learning rate 0.001 -> 0.01"
    )


def test_a_batch_that_was_changed_on_the_way_changes_what_a_step_reads() -> None:
    now = changed([4.2, 3.5, 2.5], Change(10, {"batch_size": (4, 8)}))
    said = since(now, measured([4.2, 3.5, 3.0], "before"))
    assert said.endswith(": batch size 4 -> 8 at step 10, so twice the characters per step")


def test_what_came_later_than_the_step_compared_at_did_not_matter_there() -> None:
    before = changed([4.2, 3.5, 3.0], rate(20, 1e-3, 1e-2), name="before")
    assert (
        since(measured([4.2, 3.5]), before)
        == "the same numbers as before: nothing was set differently"
    )


def test_a_branch_shares_its_parent_s_changes_and_names_its_own_at_once() -> None:
    shared, own = rate(10, 1e-3, 1e-2), rate(20, 1e-2, 3e-3)
    parent = changed([4.2, 3.5, 3.0], shared, name="parent")
    assert since(changed([4.2, 3.5, 3.0], shared), parent).endswith("nothing was set differently")
    said = since(changed([4.2, 3.5, 3.0], shared, own), parent)
    assert said == "the same loss as parent at step 20: learning rate 0.01 -> 0.003 at step 20"


def test_a_branch_without_an_estimate_of_its_own_is_its_parent_so_far() -> None:
    parent = measured([4.2, 3.5, 3.0], "owl")
    child = run_of("now", parent="owl", parent_step=10)
    so_far = Measured(child, curve([4.2, 3.5]))
    assert since(so_far, parent) == "up to step 10 it is owl itself; no estimate after that yet"
    further = Measured(child, curve([4.2, 3.5, 2.9]))
    assert since(further, parent).startswith("0.100 nats lower than owl at step 20")


def test_a_seed_is_a_name_and_no_quantity() -> None:
    said = since(measured([4.2, 3.0], settings={"seed": 1338}), measured([4.2, 3.5], "before"))
    assert said.endswith(": seed 1337 -> 1338")


# --- the unit -------------------------------------------------------------------------------------


def test_in_bits_every_loss_is_converted_from_what_was_measured() -> None:
    now = measured([4.2, 3.8, 3.0, 2.7123, 2.4567])
    before = measured([4.2, 3.9, 3.4, 3.0, 2.8024], "before")
    said = all_answers(now, before, LINES, in_bits=True)
    assert not any("nats" in answer for answer in said.values())
    assert said["Is it good?"].startswith(
        f"about {bits(2.4567):.2f} bits (estimate), as unsure as among 12 characters: better than "
        f"the bigram counts ({bits(2.4819):.3f})"
    )
    assert f"fell by {bits(3.8 - 2.4567):.3f} bits after step 10" in said["Still learning?"]
    assert f"{bits(0.25):.3f} bits" in said["Overfitting?"]
    by = bits(2.8024 - 2.4567)
    assert said["Since the last run?"].startswith(f"{by:.3f} bits lower than before at step 40: ")
    assert said["Done when?"].startswith(progress(now.run))
    assert f"fell by {bits(3.8 - 2.4567):.3f} bits since step 10" in said["Done when?"]


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


def test_a_run_is_compared_with_the_last_one_on_the_same_text() -> None:
    elsewhere = run_of("elsewhere", created_at=4.0, fingerprint="g")
    runs = [LATER, elsewhere, IN_SWEEP, OLD, OLDEST]
    assert run_before(runs, run_of(created_at=5.0)) == OLD
    assert run_before(runs, run_of(created_at=5.0, fingerprint="g")) == elsewhere
    assert run_before(runs, run_of(created_at=5.0, fingerprint="h")) is None
    renamed = run_of(created_at=5.0, corpus="renamed")
    assert run_before(runs, renamed) == OLD  # the text counts, and not what it is called
    assert run_before(runs, run_of(created_at=5.0, parent="elsewhere")) == OLD


def test_runs_of_sweeps_are_left_out() -> None:
    assert run_before([IN_SWEEP, OLDEST], run_of(created_at=5.0)) == OLDEST
    assert run_before([IN_SWEEP], run_of(created_at=5.0)) is None


def test_the_first_run_has_none_before_it() -> None:
    for rule in (run_before, run_before_of_model):
        assert rule([], OLDEST) is None
        assert rule(RUNS, OLDEST) is None


def test_settings_are_compared_with_the_last_run_of_the_same_model() -> None:
    table = run_of("table", "bigram", created_at=4.0)
    runs = [LATER, table, IN_SWEEP, OLD, OLDEST]
    now = run_of(created_at=5.0)
    assert (run_before(runs, now), run_before_of_model(runs, now)) == (table, OLD)
    cell = run_of("cell", created_at=5.0, sweep=IN_SWEEP.sweep)
    assert run_before_of_model(runs, cell) == IN_SWEEP
    assert run_before_of_model(runs, run_of(created_at=5.0, sweep="another")) == OLD
    assert run_before_of_model(runs, run_of(model="bigram", created_at=5.0)) == table
    assert run_before_of_model(runs, table) is None
    branch = run_of(created_at=10.0, parent="table")
    assert run_before(runs, branch) == run_before_of_model(runs, branch) == table
    elsewhere = run_of(created_at=5.0, fingerprint="g", parent="old")
    assert run_before_of_model(runs, elsewhere) is None


def test_how_much_a_difference_is_starts_from_the_difference_that_is_said() -> None:
    """0.05370 nats apart, which are said as 2.256 and 2.309."""
    now, before = measured([4.2, 2.25559]), measured([4.2, 2.30929], "before")
    answer = answers(now, before, LINES)[3]
    assert answer.text.startswith("0.053 nats lower")
    assert any(said.startswith("0.053 nats less is") for said in answer.more)
