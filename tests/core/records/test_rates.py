"""Which learning rate holds at which step: past the schedule's end, after changes, in branches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.records.course import Course, with_learning_rate
from core.records.event_words import detail_of
from core.records.events import (
    Branched,
    Diverged,
    Event,
    Failed,
    Finished,
    Happening,
    Machine,
    Resumed,
)
from core.records.records import Change, RunStatus, broke_at
from core.runs.active_run import ActiveRun
from core.runs.branch import branch_run
from core.runs.lab import Lab
from core.service.service import TrainingService
from core.settings.config import ModelKind
from core.settings.presets import resolve
from core.text.corpus import Corpus
from core.training.optim import learning_rate_at
from core.training.trainer import DivergedError
from tests.helpers import (
    CommandLine,
    assert_same_run,
    small_config,
    small_run,
    start_run,
    train,
    trained,
    wait_for,
    wait_for_steps,
)
from tests.recipes import config_of

PEAK, LOW = 0.01, 0.001


@pytest.fixture
def cli(lab: Lab, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line in the same lab home."""
    return CommandLine(capsys)


def rates(lab: Lab, run_id: str) -> list[float]:
    """The rate of each step that was taken."""
    return [step.learning_rate for step in lab.store.steps(run_id)]


def decayed(lab: Lab, corpus: Corpus, kind: ModelKind = "bigram", **changes: Any) -> str:
    """A finished run of 40 steps, whose schedule went from PEAK to LOW; called owl."""
    return trained(lab, corpus, kind, learning_rate=PEAK, min_lr=LOW, name="owl", **changes)


# --- what a change of the rate changes ------------------------------------------------------------


def test_past_the_schedule_s_end_a_rate_holds_and_stays() -> None:
    config = small_config("transformer", 9, learning_rate=PEAK, min_lr=LOW)  # it ends at step 40
    before = {"learning_rate": 0.003}
    assert with_learning_rate(config, 0.003, 39) == before
    for step in (40, 41, 1000):
        assert with_learning_rate(config, 0.003, step) == before | {"min_lr": 0.003}
    for rate in (0.003, PEAK, 0.05, LOW):
        course = Course(config)
        course.change(50, {"learning_rate": rate})
        after = [learning_rate_at(step, course.at(step).train) for step in (49, 50, 51, 900)]
        assert after == [LOW, rate, rate, rate]


def test_the_old_peak_itself_can_be_gone_back_to() -> None:
    """It is the `learning_rate` already, though the rate is `min_lr` by now."""
    course = Course(small_config("bigram", 9, learning_rate=PEAK, min_lr=LOW))
    assert course.change(40, {"learning_rate": PEAK}) == Change(40, {"min_lr": (LOW, PEAK)})


def test_a_constant_schedule_has_no_end() -> None:
    config = small_config("bigram", 9, learning_rate=PEAK, min_lr=LOW, schedule="constant")
    course = Course(config)
    assert course.change(90, {"learning_rate": 0.05}) == Change(90, {"learning_rate": (PEAK, 0.05)})
    assert learning_rate_at(90, course.at(90).train) == 0.05


def test_rates_of_other_optimisers_keep_their_proportion_past_the_end() -> None:
    config = config_of("fastest", 9, max_iters=40)
    share = {n: config.flat()[n] / config.train.learning_rate for n in ("muon_lr", "table_lr")}
    course = Course(config)
    for step, rate in ((50, 0.002), (60, 0.004)):
        course.change(step, {"learning_rate": rate})
        now = course.at(step).train
        assert (now.learning_rate, now.min_lr) == (rate, rate)
        assert {n: getattr(now, n) / rate for n in share} == pytest.approx(share)


def test_a_warm_up_that_outlasts_the_schedule_rises_to_the_new_rate_and_stays() -> None:
    flags = dict(learning_rate=PEAK, min_lr=LOW, warmup_iters=19, lr_decay_iters=10)
    course = Course(resolve("bigram", 9, flags=flags))
    course.change(14, {"learning_rate": 0.04})
    after = [learning_rate_at(step, course.at(step).train) for step in (13, 14, 19, 300)]
    assert after == pytest.approx([PEAK * 14 / 20, 0.04 * 15 / 20, 0.04, 0.04])
    (change,) = course.changes
    assert course.telling(change) == {"learning_rate": (PEAK, 0.04)}  # LOW never was the rate


def test_a_schedule_has_not_decayed_while_its_warm_up_still_rises() -> None:
    flags = dict(learning_rate=PEAK, min_lr=LOW, warmup_iters=19, lr_decay_iters=10)
    train_config = resolve("bigram", 9, flags=flags).train
    is_min = [learning_rate_at(step, train_config) == LOW for step in range(9, 22)]
    assert [train_config.has_decayed(step) for step in range(9, 22)] == is_min
    assert is_min.count(True) == 3


def test_a_schedule_that_is_changed_along_says_whether_it_has_ended() -> None:
    config = small_config("bigram", 9, learning_rate=PEAK, min_lr=LOW)
    longer, named = Course(config), Course(config)
    longer.change(50, {"learning_rate": 0.004, "lr_decay_iters": 90})
    assert (longer.end.train.learning_rate, longer.end.train.min_lr) == (0.004, LOW)
    named.change(50, {"learning_rate": 0.004, "min_lr": 0.002})
    assert learning_rate_at(50, named.end.train) == 0.002  # what is named stays


def test_the_values_of_a_setting_are_known_step_by_step() -> None:
    course = Course(small_config("bigram", 9, learning_rate=PEAK, min_lr=LOW))
    course.change(5, {"learning_rate": 0.02})
    course.change(7, {"weight_decay": 0.5})
    course.change(9, {"learning_rate": 0.03})
    assert course.values_of("learning_rate") == ((0, PEAK), (5, 0.02), (9, 0.03))
    assert course.values_of("batch_size") == ((0, 4),)
    assert course.values_of("n_head") == ((0, None),)


# --- every way in ---------------------------------------------------------------------------------


def test_a_resume_past_the_end_takes_the_rate_that_it_names(
    cli: CommandLine, lab: Lab, corpus: Corpus, kind: ModelKind
) -> None:
    """As in the README: first longer, at the old rate, then longer still at another."""
    owl = decayed(lab, corpus, kind)
    cli.ok("resume", "owl", "--max_iters", 50)
    assert (
        "From step 40 on, where its schedule has ended, the learning rate stays at 0.001. "
        "`resume --learning_rate R` goes on at another." in cli.stderr
    )
    fields = cli.ok("resume", "owl", "--max_iters", 60, "--learning_rate", 0.003)
    assert "From step 50 on, where its schedule has ended, the learning rate stays at 0.003." in (
        cli.stderr.splitlines()
    )
    assert (fields["resumed_from"], fields["iter"]) == (50, 60)
    assert rates(lab, owl)[40:] == [LOW] * 10 + [0.003] * 10
    cli.ok("resume", "owl", "--max_iters", 70, "--learning_rate", PEAK)
    cli.ok("resume", "owl", "--max_iters", 80)
    assert rates(lab, owl)[60:] == [PEAK] * 20


def test_a_rate_named_before_the_end_sets_the_peak_and_what_it_ends_at_is_said(
    cli: CommandLine, lab: Lab, corpus: Corpus
) -> None:
    owl = train(lab, small_run(lab, corpus, learning_rate=PEAK, min_lr=LOW, name="owl"), until=20)
    cli.ok("resume", "owl", "--max_iters", 50, "--learning_rate", 0.05)
    assert "From step 40 on, where its schedule has ended, the learning rate stays at 0.001.\n" in (
        cli.stderr
    )
    config = small_config("bigram", 9, learning_rate=0.05, min_lr=LOW).train
    assert rates(lab, owl)[20:] == [learning_rate_at(step, config) for step in range(20, 50)]
    assert rates(lab, owl)[40:] == [LOW] * 10


def test_a_rate_for_a_run_that_has_no_step_left_is_kept_for_later_and_said(
    cli: CommandLine, lab: Lab, corpus: Corpus
) -> None:
    owl = decayed(lab, corpus)
    cli.ok("resume", "owl", "--learning_rate", 0.003)
    assert "No step is left to take" in cli.stderr
    cli.ok("resume", "owl", "--max_iters", 50)
    assert rates(lab, owl)[40:] == [0.003] * 10


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_nothing_is_said_where_no_schedule_ends(
    cli: CommandLine, lab: Lab, corpus: Corpus, schedule: str
) -> None:
    decayed(lab, corpus, schedule=schedule, lr_decay_iters=100)
    cli.ok("resume", "owl", "--max_iters", 50)
    assert "learning rate" not in cli.stderr


def test_a_rate_past_the_end_survives_a_kill_and_comes_again_in_a_branch(
    lab: Lab, corpus: Corpus, kind: ModelKind
) -> None:
    def longer(name: str, *, crash: bool) -> str:
        run_id = small_run(lab, corpus, kind, learning_rate=PEAK, min_lr=LOW, name=name)
        train(lab, run_id)
        run = ActiveRun.open(lab.home, lab.store, run_id, max_iters=60, learning_rate=0.003)
        run.advance(60.0, until=45)
        run.pause()
        run.set_learning_rate(0.005)
        run.advance(60.0, until=50)
        if crash:
            run.set_status("running")  # the rows are there, and no checkpoint after step 45
        else:
            run.interrupt()
        run.close()
        return train(lab, run_id)

    whole, killed = longer("whole", crash=False), longer("killed", crash=True)
    assert rates(lab, whole)[40:] == [0.003] * 5 + [0.005] * 15
    assert_same_run(lab, killed, whole)
    for at in (20, 40, 43, 45, 55):
        child = branch_run(lab, lab.run(whole), at, {})
        assert_same_run(lab, train(lab, child.id), whole)
    other = branch_run(lab, lab.run(whole), 50, {"learning_rate": 0.002})
    assert rates(lab, train(lab, other.id))[45:] == [0.005] * 5 + [0.002] * 10


def test_a_rate_set_in_a_run_in_hand_holds_past_the_end(
    service: TrainingService, corpus: Corpus
) -> None:
    run_id = start_run(
        service, corpus, max_iters=50_000, eval_interval=10_000, learning_rate=PEAK, min_lr=LOW,
        lr_decay_iters=2, warmup_iters=0,
    )  # fmt: skip
    for rate in (0.003, PEAK):
        wait_for_steps(service, run_id, 5)
        service.set_learning_rate(run_id, rate)
    wait_for_steps(service, run_id, 5)
    service.pause(run_id)
    wait_for(service, run_id, "paused")
    one, other = service.lab.store.changes(run_id)
    taken = rates(service.lab, run_id)
    assert set(taken[2 : one.step]) == {LOW}
    assert set(taken[one.step : other.step]) == {0.003} and set(taken[other.step :]) == {PEAK}


# --- branches: what was chosen holds --------------------------------------------------------------


@pytest.fixture
def owl(lab: Lab, corpus: Corpus) -> str:
    """A finished run whose rate was changed at step 20, and its batch size at step 30."""
    run_id = small_run(lab, corpus, "transformer", schedule="constant", learning_rate=PEAK,
                       warmup_iters=0, name="owl")  # fmt: skip
    run = ActiveRun.open(lab.home, lab.store, run_id)
    for step, settings in ((20, {"learning_rate": 0.05}), (30, {"batch_size": 2})):
        run.advance(60.0, until=step)
        run.change(settings)
    run.advance(60.0)
    run.finish()
    run.close()
    return run_id


@pytest.mark.parametrize(
    "chosen",
    [{"learning_rate": PEAK}, {"batch_size": 4}, {"weight_decay": 0.1}, {"schedule": "constant"}],
    ids=lambda chosen: next(iter(chosen)),
)
def test_a_value_that_holds_there_already_is_a_choice_too(
    lab: Lab, corpus: Corpus, owl: str, chosen: dict[str, Any]
) -> None:
    child = branch_run(lab, lab.run(owl), 10, chosen)
    assert lab.store.changes(child.id) == []
    train(lab, child.id)
    assert rates(lab, child.id) == [PEAK] * 40
    straight = small_run(lab, corpus, "transformer", schedule="constant", learning_rate=PEAK,
                         warmup_iters=0)  # fmt: skip
    assert_same_run(lab, child.id, train(lab, straight))
    grandchild = branch_run(lab, lab.run(child.id), 30, {})
    assert_same_run(lab, train(lab, grandchild.id), child.id)


def test_the_choice_is_kept_through_a_kill_and_written_down(
    lab: Lab, corpus: Corpus, owl: str
) -> None:
    child = branch_run(lab, lab.run(owl), 10, {"learning_rate": PEAK}).id
    run = ActiveRun.open(lab.home, lab.store, child)
    run.advance(60.0, until=25)
    run.set_status("running")
    run.close()  # killed: back to step 10
    assert rates(lab, train(lab, child)) == [PEAK] * 40
    [event] = [e for e in lab.store.events(child) if e.kind == "branched"]
    assert detail_of(event.what) == "from owl, without what was changed in it later"


@pytest.mark.parametrize("changes", [{}, {"max_iters": 50}], ids=["nothing", "longer"])
def test_with_nothing_chosen_later_changes_come_along(
    lab: Lab, owl: str, changes: dict[str, Any]
) -> None:
    child = branch_run(lab, lab.run(owl), 10, changes)
    assert lab.store.changes(child.id) == lab.store.changes(owl)
    train(lab, child.id)
    assert rates(lab, child.id)[:40] == rates(lab, owl) == [PEAK] * 20 + [0.05] * 20
    if not changes:
        assert_same_run(lab, child.id, owl)
    [event] = [e for e in lab.store.events(child.id) if e.kind == "branched"]
    assert event.what == Branched("owl", without_later_changes=False, n_steps_again=10)


def test_the_command_line_s_branch_holds_what_it_names(
    cli: CommandLine, lab: Lab, owl: str
) -> None:
    [kept] = cli.ok("runs", "branch", "owl", "--at", 10, "--learning_rate", PEAK)["runs"]
    [same] = cli.ok("runs", "branch", "owl", "--at", 10)["runs"]
    for run in (kept, same):
        cli.ok("resume", run["run"])
    assert rates(lab, kept["run"]) == [PEAK] * 40
    assert_same_run(lab, same["run"], owl)


def test_a_longer_branch_says_at_which_rate_it_goes_on(
    cli: CommandLine, lab: Lab, corpus: Corpus
) -> None:
    decayed(lab, corpus)
    [child] = cli.ok("runs", "branch", "owl", "--at", 40, "--max_iters", 50)["runs"]
    assert "From step 40 on, where its schedule has ended, the learning rate stays at 0.001. " in (
        cli.stderr
    )
    cli.ok("resume", child["run"], "--learning_rate", 0.002)
    assert rates(lab, child["run"])[40:] == [0.002] * 10


def test_a_change_that_is_still_to_come_again_counts(
    cli: CommandLine, lab: Lab, corpus: Corpus
) -> None:
    decayed(lab, corpus)
    cli.ok("resume", "owl", "--max_iters", 50)
    cli.ok("resume", "owl", "--max_iters", 60, "--learning_rate", 0.005)
    [child] = cli.ok("runs", "branch", "owl", "--at", 30, "--max_iters", 90)["runs"]
    assert "From step 50 on, where its schedule has ended, the learning rate stays at 0.005. " in (
        cli.stderr
    )
    cli.ok("resume", child["run"])
    assert rates(lab, child["run"])[40:] == [LOW] * 10 + [0.005] * 40


def test_from_where_on_the_rate_stays_and_at_what() -> None:
    course = Course(small_config("bigram", 9, learning_rate=PEAK, min_lr=LOW))
    assert [course.flat_end(step, 90) for step in (0, 40, 50)] == [
        (40, LOW), (40, LOW), (50, LOW),
    ]  # fmt: skip
    assert course.flat_end(0, 40) is None
    course.change(50, {"learning_rate": 0.005})
    assert [course.flat_end(30, end) for end in (90, 51, 50)] == [
        (50, 0.005), (50, 0.005), (40, LOW),
    ]  # fmt: skip
    course.change(60, {"lr_decay_iters": 80})
    assert course.flat_end(30, 90) == (80, 0.005)
    constant = Course(small_config("bigram", 9, learning_rate=PEAK, schedule="constant"))
    assert constant.flat_end(50, 90) is None


# --- divergence -----------------------------------------------------------------------------------


def test_a_run_that_diverges_has_it_written_down(lab: Lab, corpus: Corpus) -> None:
    run_id = small_run(lab, corpus, "transformer", learning_rate=100.0, warmup_iters=0,
                       max_iters=400, schedule="constant", grad_clip=0.0)  # fmt: skip
    run = ActiveRun.open(lab.home, lab.store, run_id)
    with pytest.raises(DivergedError):
        run.advance(60.0)
    at = run.step
    run.close()
    assert [e.step for e in lab.store.events(run_id) if e.what == Diverged()] == [at]


def test_a_run_that_failed_by_diverging_is_not_said_to_learn(
    cli: CommandLine, lab: Lab, corpus: Corpus
) -> None:
    """The step that fails is not recorded: only the event says it."""
    trained(lab, corpus, "transformer", name="owl", max_iters=60, grad_clip=0.0, dropout=0.0)
    before = cli.ok("runs", "show", "owl")["answers"]["still_learning"]
    assert before["text"].startswith("yes")
    cli.failed("resume", "owl", "--max_iters", 1000, "--learning_rate", 100)
    record = lab.run("owl")
    shown, at = cli.ok("runs", "show", "owl"), record.step + 1
    assert f"At step {at} the loss was" in record.message
    assert shown["answers"]["still_learning"] == {
        "text": f"no: it diverged: at step {at} its loss or its gradient was no longer a finite "
        "number",
        "state": "diverged",
    }
    (note,) = (note for note in shown["notes"] if note["kind"] == "diverged")
    assert (note["iter"], note["numbers_nats"]) == (at, {})
    assert not [note for note in shown["notes"] if note["kind"] == "learning"]
    assert cli.code("runs", "show", "owl") == 0 and "\n    \n" not in cli.stdout


FAILED = Failed("The disk is full.")


def test_only_a_divergence_since_the_last_resume_is_why_a_run_failed(
    lab: Lab, corpus: Corpus
) -> None:
    run_id = small_run(lab, corpus)

    def broke(status: RunStatus, *happened: Happening) -> int | None:
        events = [Event(10 * i, what, 0.0) for i, what in enumerate(happened)]
        return broke_at(replace(lab.run(run_id), status=status), events)

    assert broke("failed", Machine("cpu", "float32", 1), Diverged(), FAILED) == 11
    assert broke("failed", Diverged(), FAILED, Resumed(0), FAILED) is None  # the disk was full, say
    assert broke("failed", Diverged(), FAILED, Resumed(0), Diverged(), FAILED) == 31
    assert broke("finished", Diverged(), FAILED, Resumed(0), Finished()) is None
    assert broke("running", Diverged()) is None
    assert broke("failed", FAILED) is None


# --- what a new run begins with -------------------------------------------------------------------


def test_another_run_has_the_schedule_that_this_one_began_with() -> None:
    config = small_config("bigram", 9, learning_rate=PEAK, min_lr=LOW)
    assert Course(config).for_another_run() == config
    course = Course(config)
    course.change(50, {"learning_rate": 0.003, "batch_size": 2})
    assert course.end.train.min_lr == 0.003  # it would be flat
    changes = {"learning_rate": 0.003, "min_lr": 0.003 / 10, "batch_size": 2}
    assert course.for_another_run().flat() == config.flat() | changes
    course.change(60, {"learning_rate": PEAK})
    assert course.for_another_run().flat() == config.flat() | {"batch_size": 2}
    steep = Course(small_config("bigram", 9, learning_rate=PEAK, min_lr=PEAK / 4))
    steep.change(50, {"learning_rate": 0.004})
    assert steep.for_another_run().train.min_lr == pytest.approx(0.001)


# --- what is told of a change ---------------------------------------------------------------------


def test_a_change_is_told_by_the_rate_that_it_changed() -> None:
    config = small_config("bigram", 9, learning_rate=PEAK, min_lr=LOW)
    course = Course(config)
    told = []
    for step, settings in (
        (10, {"learning_rate": 0.02, "batch_size": 2}),
        (20, {"learning_rate": 0.0005}),  # below the old min_lr, which goes along
        (30, {"min_lr": 0.0001}),
        (50, {"learning_rate": 0.004}),
        (60, {"learning_rate": 0.0005}),
    ):
        change = course.change(step, settings)
        assert change
        told.append(course.telling(change))
    assert told == [
        {"learning_rate": (PEAK, 0.02), "batch_size": (4, 2)},
        {"learning_rate": (0.02, 0.0005)},
        {"min_lr": (0.0005, 0.0001)},
        {"learning_rate": (0.0001, 0.004)},
        {"learning_rate": (0.004, 0.0005)},
    ]
    flat = Course(config).change(5, {"min_lr": PEAK})
    assert flat and Course(config).telling(flat) == {"min_lr": (LOW, PEAK)}
    back = Course(config)
    change = back.change(50, {"learning_rate": PEAK})  # to the old peak: only min_lr is another
    assert change and back.telling(change) == {"learning_rate": (LOW, PEAK)}


def test_what_follows_the_rate_is_not_told() -> None:
    course = Course(config_of("fastest", 9, max_iters=40))
    change = course.change(3, {"learning_rate": 0.002})
    assert change and list(change.settings) == ["learning_rate", "muon_lr", "table_lr"]
    assert list(course.telling(change)) == ["learning_rate"]
