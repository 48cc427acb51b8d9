"""The race: equal terms, starting all or none, and the command."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch

from core.commands import racing as racing_command
from core.errors import ConfigError, CorpusError, LabError
from core.experiments.race import MOST, Fairness, race_configs
from core.records.records import StepRecord
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.service import racing
from core.service.racing import fit_to_seconds, newest_race, resume_race, start_race
from core.service.service import TrainingService
from core.settings.config import MODEL_KINDS, ModelKind, RunConfig
from core.settings.presets import PRESETS
from core.text.corpus import Corpus
from core.training.preflight import Calibration
from tests.helpers import (
    CommandLine,
    files_under,
    play,
    small_config,
    small_flags,
    trained,
    wait_for,
    wait_for_steps,
    wait_until,
)

MACHINE = Calibration(
    s_per_flop=1e-11, s_per_bfloat16_flop=1e-11, s_per_number=1e-9, s_per_layer=1e-3
)
SLOW = Calibration(s_per_flop=1.0, s_per_bfloat16_flop=1.0, s_per_number=1.0, s_per_layer=1.0)
TIMELESS = Calibration(s_per_flop=0.0, s_per_bfloat16_flop=0.0, s_per_number=0.0, s_per_layer=0.0)
QUICK = ("block_size", "n_layer", "n_head", "n_embd", "batch_size")
LONG = 100_000
"""More steps than a test waits for."""


# --- equal terms ----------------------------------------------------------------------------------


def test_by_steps_all_take_as_many(lab: Lab, corpus: Corpus) -> None:
    configs = race_configs(lab.configure, corpus, "steps", 60, None, 7)
    assert list(configs) == list(MODEL_KINDS)
    for kind, config in configs.items():
        train = config.train
        assert (config.model.model, train.max_iters, train.seed) == (kind, 60, 7)
        assert (train.warmup_iters, train.lr_decay_iters, train.eval_interval) == (3, 60, 6)


def test_by_seconds_each_takes_as_many_steps_as_fit(lab: Lab, corpus: Corpus) -> None:
    configs = race_configs(lab.configure, corpus, "seconds", 30, MACHINE, 1337)
    for config in configs.values():
        assert MACHINE.train_s(config) == pytest.approx(30, rel=0.01)
        assert config.train.lr_decay_iters == config.train.max_iters
    n_steps = [config.train.max_iters for config in configs.values()]
    assert n_steps == sorted(n_steps, reverse=True) and n_steps[0] > 2 * n_steps[-1]


@pytest.mark.parametrize(("machine", "n_steps"), [(SLOW, 20), (TIMELESS, MOST["steps"])])
def test_however_slow_or_fast_the_machine_is_the_race_can_be_watched(
    lab: Lab, corpus: Corpus, machine: Calibration, n_steps: int
) -> None:
    configs = race_configs(lab.configure, corpus, "seconds", 10, machine, 1337)
    assert {config.train.max_iters for config in configs.values()} == {n_steps}


@pytest.mark.parametrize("by", ["seconds", "steps"])
def test_all_see_the_same_text_whatever_their_presets_say(
    lab: Lab, corpus: Corpus, by: Fairness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS["quick"]["bigram"], "block_size", 4)
    monkeypatch.setitem(PRESETS["quick"]["attention"], "batch_size", 5)
    configs = race_configs(lab.configure, corpus, by, 20, MACHINE, 1337)
    seen = {(c.model.block_size, c.train.batch_size, c.train.seed) for c in configs.values()}
    assert seen == {(32, 16, 1337)}


STEP_S, DISTURBED_S = {"bigram": 0.001, "attention": 0.01, "transformer": 0.04}, 0.1


class Timed:
    """Takes no steps, and so much time for them: every tenth is disturbed."""

    def __init__(self, config: RunConfig, corpus: Corpus) -> None:
        self._step_s, self.step, self.elapsed_s = STEP_S[config.model.model], 0, 0.0

    def take_step(self) -> StepRecord:
        self.step += 1
        self.elapsed_s += self._step_s + (DISTURBED_S if self.step % 10 == 0 else 0.0)
        return StepRecord(self.step, 4.0, 1e-3, 1.0, self.elapsed_s)


def test_the_steps_of_a_race_by_seconds_are_those_that_the_machine_takes_as_it_is_now(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those of an idle one: where others compute too, few steps are slow, but they count."""
    monkeypatch.setattr(racing, "Trainer", Timed)
    configs = race_configs(lab.configure, corpus, "seconds", 30, MACHINE, 7)
    fitted = fit_to_seconds(configs, corpus, 30)
    assert list(fitted) == list(MODEL_KINDS)
    for kind, config in fitted.items():
        mean_s = STEP_S[kind] + DISTURBED_S / 10
        assert config.train.max_iters == pytest.approx(30 / mean_s, rel=0.15)
        as_long = race_configs(lab.configure, corpus, "steps", config.train.max_iters, None, 7)
        assert config == as_long[kind]  # schedule and estimates are made for that length


def test_timing_draws_no_random_numbers_that_are_others(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TIMED_LEAST_S", "TIMED_MOST_S", "SLICE_S"):
        monkeypatch.setattr(racing, name, 0.01)
    before = torch.get_rng_state()
    fitted = fit_to_seconds(small_configs(corpus, dropout=0.0), corpus, 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(config.train.max_iters >= 20 for config in fitted.values())


@pytest.mark.parametrize(("by", "budget"), [("seconds", 0), ("steps", -1), ("seconds", 3601)])
def test_a_budget_that_cannot_be_is_refused(
    lab: Lab, corpus: Corpus, by: Fairness, budget: int
) -> None:
    with pytest.raises(ConfigError, match=f"from 1 to {MOST[by]:,} {by}"):
        race_configs(lab.configure, corpus, by, budget, MACHINE, 1337)


def test_a_text_that_is_too_short_is_refused(lab: Lab) -> None:
    with pytest.raises((ConfigError, CorpusError), match="too short"):
        race_configs(lab.configure, Corpus("short", play(60)), "steps", 60, None, 1337)


# --- starting and finding it again ----------------------------------------------------------------


def small_configs(corpus: Corpus, **changes: Any) -> dict[ModelKind, RunConfig]:
    return {kind: small_config(kind, len(corpus.vocabulary), **changes) for kind in MODEL_KINDS}


def test_a_race_is_started_held_found_resumed_and_finished(
    service: TrainingService, corpus: Corpus
) -> None:
    lab = service.lab
    trained(lab, corpus)  # which belongs to no race
    assert newest_race(lab) is None
    configs = small_configs(corpus, max_iters=300, eval_interval=100)
    ids = start_race(service, configs, corpus, "steps", 300)
    assert service.in_hand.fairness == "steps"
    for run_id in ids:
        wait_for_steps(service, run_id)
        service.pause(run_id)
    found = newest_race(Lab(lab.home.path))
    assert found is not None
    race, runs = found
    assert (race.by, race.budget) == ("steps", 300)
    assert [runs[kind].id for kind in MODEL_KINDS] == ids
    assert {run.status for run in runs.values()} == {"paused"}

    service.in_hand.share_by("seconds")
    resume_race(service, race, runs)
    assert service.in_hand.fairness == "steps"
    for run_id in ids:
        wait_for(service, run_id, "finished")
    wait_until(lambda: not any(run_id in service.in_hand for run_id in ids), "all are given back")
    assert service.in_hand.fairness == "seconds"  # what the race asked for ended with it


def test_the_newest_race_is_the_one_that_is_found_and_what_was_deleted_is_missed(
    service: TrainingService, corpus: Corpus
) -> None:
    lab = service.lab
    races = [
        start_race(service, small_configs(corpus, max_iters=5), corpus, "steps", 5)
        for _ in range(2)
    ]
    for run_id in (*races[0], *races[1]):
        wait_until(lambda run_id=run_id: run_id not in service.in_hand, "the end")
    lab.bin_run(races[1][0])
    lab.delete_run(races[1][1])
    found = newest_race(lab)
    assert found is not None
    assert {kind: run.id for kind, run in found[1].items()} == {"transformer": races[1][2]}
    lab.delete_run(races[1][2])
    found = newest_race(lab)
    assert found is not None and [run.id for run in found[1].values()] == races[0]


@pytest.mark.parametrize("change", [dict(device="mps"), dict(vocab_size=99)], ids=str)
def test_a_race_that_one_cannot_join_leaves_nothing(
    service: TrainingService, corpus: Corpus, change: dict[str, Any]
) -> None:
    lab = service.lab
    before = lab.runs(), files_under(lab.home.path)
    vocab_size = change.get("vocab_size", len(corpus.vocabulary))
    flags = {k: v for k, v in change.items() if k != "vocab_size"}
    configs = small_configs(corpus) | {
        "transformer": small_config("transformer", vocab_size, **flags)
    }
    with pytest.raises(LabError):
        start_race(service, configs, corpus, "steps", 40)
    assert (lab.runs(), files_under(lab.home.path)) == before
    assert (lab.store.races(), service.in_hand.fairness) == ([], "seconds")


def test_by_steps_none_is_far_ahead(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table could take hundreds of steps in the time of one slice."""
    monkeypatch.setattr("core.service.worker.SLICE_S", 0.1)
    advance = ActiveRun.advance
    reached: dict[str, int] = {}
    spreads: list[int] = []

    def watched_advance(run: ActiveRun, budget_s: float, **kwargs: Any) -> None:
        advance(run, budget_s, **kwargs)
        reached[run.id] = run.step
        spreads.append(max(reached.values()) - min(reached.values()))

    monkeypatch.setattr(ActiveRun, "advance", watched_advance)
    ids = start_race(service, small_configs(corpus, max_iters=LONG), corpus, "steps", LONG)
    for run_id in ids:
        wait_for_steps(service, run_id, 30)
    service.close()
    assert len(reached) == 3 and max(spreads) <= 10


def test_a_run_that_joins_does_not_hold_a_race_by_steps_up(
    service: TrainingService, corpus: Corpus
) -> None:
    ids = start_race(service, small_configs(corpus, max_iters=LONG), corpus, "steps", LONG)
    wait_for_steps(service, ids[0], 60)
    before = service.lab.run(ids[0]).step
    config = small_config("transformer", len(corpus.vocabulary), max_iters=LONG)
    late = service.start(config, corpus)
    wait_for_steps(service, late)
    wait_for_steps(service, ids[0])
    service.close()
    assert service.lab.run(late).step <= service.lab.run(ids[0]).step - before + 15


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def cli(
    corpus: Corpus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """The command line of a lab with the tiny corpus in it, whose quick runs are small."""
    for kind in MODEL_KINDS:
        shape = {k: v for k, v in small_flags(kind).items() if k in QUICK}
        monkeypatch.setitem(PRESETS["quick"], kind, shape)
    return CommandLine(capsys)


@pytest.mark.parametrize(("by", "budget"), [("steps", 20), ("seconds", 5)])
def test_the_command_trains_all_three_to_their_end(
    cli: CommandLine, lab: Lab, monkeypatch: pytest.MonkeyPatch, by: Fairness, budget: int
) -> None:
    monkeypatch.setattr(racing_command, "calibration_of", lambda home: SLOW)
    monkeypatch.setattr(racing_command, "fit_to_seconds", lambda configs, corpus, budget: configs)
    fields = cli.ok("race", "--by", by, "--budget", budget, "--corpus", "tiny", "--seed", 5)
    assert fields.keys() == {"by", "budget", "runs"}
    assert (fields["by"], fields["budget"]) == (by, budget)
    assert [run["model"] for run in fields["runs"]] == list(MODEL_KINDS)
    for run in fields["runs"]:
        record = lab.run(run["run"])
        assert (run["status"], run["iter"], record.config.train.seed) == ("finished", 20, 5)
        assert run["val_loss"] == record.val_loss_nats is not None
    found = newest_race(lab)
    assert found is not None and (found[0].by, found[0].budget) == (by, budget)
    assert "steps: bigram 20, attention 20, transformer 20" in cli.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_all_three_to_be_resumed(
    cli: CommandLine, lab: Lab, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    monkeypatch.setattr("core.runs.active_run.FLUSH_EVERY_S", 0.02)
    sleep: Callable[[float], None] = racing_command.time.sleep

    def stop_once_all_learn(seconds: float) -> None:
        sleep(0.01)
        if all(run.step > 0 for run in lab.store.runs()):
            signal.raise_signal(number)

    monkeypatch.setattr(racing_command.time, "sleep", stop_once_all_learn)
    assert cli.code("--json", "race", "--by", "steps", "--budget", LONG, "--corpus", "tiny") == code
    runs = lab.runs()
    assert len(runs) == 3
    for run in runs:
        assert run.status == "interrupted" and 0 < run.step == run.checkpoint_step


def test_a_race_that_a_model_drops_out_of_says_so(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wild(kind: ModelKind, config: RunConfig) -> RunConfig:
        changes = dict(learning_rate=100.0, weight_decay=10.0, warmup_iters=0, schedule="constant")
        return RunConfig.from_flat(config.flat() | changes) if kind == "bigram" else config

    def wild_configs(*args: Any) -> dict[ModelKind, RunConfig]:
        return {kind: wild(kind, config) for kind, config in race_configs(*args).items()}

    monkeypatch.setattr(racing_command, "race_configs", wild_configs)
    fields = cli.failed("race", "--by", "steps", "--budget", 60, "--corpus", "tiny")
    assert [run["status"] for run in fields["runs"]] == ["failed", "finished", "finished"]
    assert "(bigram): " in cli.stderr and "smaller learning_rate" in cli.stderr


def test_an_error_in_the_lab_is_said_with_its_place(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = ActiveRun.advance

    def broken_advance(run: ActiveRun, *args: Any, **kwargs: Any) -> None:
        if run.record.model == "bigram":
            raise ZeroDivisionError("a bug")
        advance(run, *args, **kwargs)

    monkeypatch.setattr(ActiveRun, "advance", broken_advance)
    cli.failed("race", "--by", "steps", "--budget", 20, "--corpus", "tiny")
    last = cli.stderr.splitlines()[-1]
    assert "ZeroDivisionError('a bug'), in test_race.py, line " in last and "lab.log" not in last


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "luck"], "invalid choice: 'luck'"),
        (["--budget", "0"], "from 1 to 3,600 seconds for each model, not 0"),
        (["--by", "steps", "--budget", "1e-3"], "expected a whole number, not '1e-3'"),
        (["--corpus", "nope"], "There is no corpus 'nope'"),
        (["--by", "steps", "--seed", "-1"], "seed is a whole number"),
    ],
    ids=str,
)
def test_a_mistake_is_said_in_one_line_and_changes_nothing(
    cli: CommandLine, lab: Lab, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setattr(racing_command, "calibration_of", lambda home: MACHINE)
    before = files_under(lab.home.path)
    assert message in cli.refused("race", *arguments)
    assert (lab.runs(), files_under(lab.home.path)) == ([], before)
