"""Commands that train: `train` and `resume`, alone or as the first of several processes."""

from __future__ import annotations

import signal
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from shlex import quote
from types import FrameType

from core.commands.common import Fields, flags, progress_bar, run_fields, say, say_rate_ahead
from core.errors import LabError, StorageError
from core.records.records import RunRecord
from core.runs.active_run import ActiveRun
from core.runs.disk_ahead import most_disk_mib
from core.runs.follower import follow_run
from core.runs.lab import Lab
from core.runs.timing import calibration_of, remembered_calibration
from core.storage.budget import DiskBudget
from core.training.parallel import World, joined_world
from core.training.preflight import preflight
from core.training.trainer import DivergedError


class Interrupted(Exception):
    """Ctrl-C or SIGTERM arrived; the run was saved. `exit_code` is 130 or 143."""

    def __init__(self, signal_number: int, fields_: Fields) -> None:
        super().__init__(signal_number)
        self.exit_code = 128 + signal_number
        self.fields = fields_


class Failed(LabError):
    """The run ended as failed; `fields` says how far it came."""

    def __init__(self, message: str, fields_: Fields) -> None:
        super().__init__(message)
        self.fields = fields_


def train(lab: Lab, args: Namespace) -> Fields:
    if args.dry_run:
        corpus = lab.library.load(args.corpus)
        config = lab.configure(args.model, corpus, args.preset, args.recipe, **flags(args))
        calibration = calibration_of(lab.home, config.train.device)
        wall_s = calibration.wall_s(config, len(corpus.val))
        return asdict(preflight(config)) | {
            "disk_mib": most_disk_mib(config, wall_s, _budget(args)),
            "estimated_train_s": calibration.train_s(config),
            "estimated_wall_s": wall_s,
        }
    with joined_world() as world:
        return _follow(lab, world) if world.follows else _train_new(lab, args, world)


def _budget(args: Namespace) -> DiskBudget:
    return DiskBudget(checkpoint_mib=args.checkpoint_mib, snapshot_mib=args.snapshot_mib)


def resume(lab: Lab, args: Namespace) -> Fields:
    with joined_world() as world:
        return _follow(lab, world) if world.follows else _resume(lab, args, world)


def _train_new(lab: Lab, args: Namespace, world: World) -> Fields:
    with _leading(world):
        corpus = lab.library.load(args.corpus)
        config = lab.configure(args.model, corpus, args.preset, args.recipe, **flags(args))
        run_id = lab.create_run(config, corpus, args.name)
        try:
            run = ActiveRun.open(lab.home, lab.store, run_id, budget=_budget(args), world=world)
        except LabError:
            lab.delete_run(run_id)
            raise
    run.waited_since(args.started_at)
    return _train_to_the_end(lab, run, world)


def _resume(lab: Lab, args: Namespace, world: World) -> Fields:
    with _leading(world):
        record = lab.store.run(args.run)
        run = ActiveRun.open(
            lab.home, lab.store, record.id, max_iters=args.max_iters,
            learning_rate=args.learning_rate, budget=_budget(args), world=world,
        )  # fmt: skip
    run.waited_since(args.started_at)
    for note in run.notes:
        say(note)
    if args.max_iters is not None or args.learning_rate is not None:
        say_rate_ahead(lab, lab.run(run.id), named=args.learning_rate is not None)
    return _train_to_the_end(lab, run, world) | {"resumed_from": run.resumed_from}


@contextmanager
def _leading(world: World) -> Iterator[None]:
    """Send the followers home when there will be no run."""
    try:
        yield
    except LabError:
        world.announce_run(None)
        raise


def _follow(lab: Lab, world: World) -> Fields:
    """Step along and say nothing; when to stop is for the leader to decide."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    follow_run(lab.home, lab.store, world)
    return {}


def _train_to_the_end(lab: Lab, run: ActiveRun, world: World) -> Fields:
    """Train until the last step or a signal, with a progress bar."""
    world.announce_run(run.id, run.resumed_from)
    record = lab.store.run(run.id)
    say(f"{record.name}: {record.model}, {record.n_params:,} parameters, corpus {record.corpus}")
    costs = preflight(record.config)
    say(
        f"{costs.flops_per_token:,} FLOPs per character, {costs.memory_mib:,.0f} MiB, "
        f"{record.max_iters:,} steps{_time_said(lab, record)} on {costs.device} in {costs.dtype}"
    )
    with caught_signals() as signals, progress_bar(run.step, record.max_iters) as bar:
        try:
            while not run.done and not signals:
                run.advance(0.2)
                bar.update(run.step - bar.n)
            if signals:
                run.interrupt()
            else:
                run.finish()
        except DivergedError as error:
            run.fail(str(error))
            raise Failed(str(error), run_fields(lab, lab.run(run.id), world)) from None
        except StorageError as error:
            run.give_up(str(error))
            run.close()  # from now on it reads as interrupted
            said = f"{error} `python -m core resume {quote(record.name)}` takes the run up again."
            raise Failed(said, run_fields(lab, lab.run(run.id), world)) from None
        finally:
            run.close()
    result = run_fields(lab, lab.run(run.id), world)
    if signals:
        raise Interrupted(signals[0], result)
    return result


def _time_said(lab: Lab, record: RunRecord) -> str:
    """About how long a whole run takes, where this machine has been timed before."""
    calibration = remembered_calibration(lab.home, record.config.train.device)
    if calibration is None:
        return ""
    wall_s = calibration.wall_s(record.config, len(lab.corpus_of(record).val))
    return f" in about {wall_s:,.0f} s ({calibration.train_s(record.config):,.0f} s of training)"


@contextmanager
def caught_signals() -> Iterator[list[int]]:
    """Collects Ctrl-C and SIGTERM instead of dying of them; a second one is final."""
    received: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)

    before = {n: signal.signal(n, remember) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
