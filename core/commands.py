"""What each command does: takes parsed arguments, returns the fields of its last line.

Everything that a page can do can be done here. Progress goes to stderr; parsing, printing and exit
codes are `core.__main__`'s.
"""

from __future__ import annotations

import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, fields
from pathlib import Path
from types import FrameType
from typing import Any

from tqdm import tqdm

from core.bench.measure import QUICK, Plan
from core.bench.measure import bench as measure
from core.bench.report import table
from core.branch import branch_run
from core.config import ModelConfig, SampleConfig, TrainConfig
from core.corpus import Corpus
from core.errors import LabError, PromptError
from core.exchange import export_run, import_run
from core.generation import generate, generate_together
from core.lab import Lab, LoadedModel
from core.lens import without_attention
from core.parallel import ALONE, World, joined_world
from core.preflight import calibrate, preflight
from core.records import RunRecord
from core.run import ActiveRun, follow_run
from core.trainer import DivergedError, split_loss

Fields = dict[str, Any]
Command = Callable[[Lab, Namespace], Fields]


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


# --- training -----------------------------------------------------------------------------------


def train(lab: Lab, args: Namespace) -> Fields:
    if args.dry_run:
        corpus = lab.library.load(args.corpus)
        config = lab.configure(args.model, corpus, args.preset, args.recipe, **_flags(args))
        return asdict(preflight(config)) | {"estimated_train_s": calibrate().train_s(config)}
    with joined_world() as world:
        return _follow(lab, world) if world.follows else _train_new(lab, args, world)


def resume(lab: Lab, args: Namespace) -> Fields:
    with joined_world() as world:
        return _follow(lab, world) if world.follows else _resume(lab, args, world)


def _train_new(lab: Lab, args: Namespace, world: World) -> Fields:
    with _leading(world):
        corpus = lab.library.load(args.corpus)
        config = lab.configure(args.model, corpus, args.preset, args.recipe, **_flags(args))
        run_id = lab.create_run(config, corpus, args.name)
        try:
            run = ActiveRun(
                lab.home, lab.store, run_id, snapshot_mib=args.snapshot_mib, world=world
            )
        except LabError:
            lab.delete_run(run_id)
            raise
    return _train_to_the_end(lab, run, world)


def _resume(lab: Lab, args: Namespace, world: World) -> Fields:
    with _leading(world):
        record = lab.store.run(args.run)
        run = ActiveRun(
            lab.home, lab.store, record.id,
            max_iters=args.max_iters, snapshot_mib=args.snapshot_mib, world=world,
        )  # fmt: skip
    for note in run.notes:
        _say(note)
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
    _say(f"{record.name}: {record.model}, {record.n_params:,} parameters, corpus {record.corpus}")
    costs = preflight(record.config)
    time_s = calibrate(record.config.train.device).train_s(record.config)
    _say(
        f"{costs.flops_per_token:,} FLOPs per character, {costs.memory_mib:,.0f} MiB, about "
        f"{time_s:,.0f} s for {record.max_iters:,} steps on {costs.device} in {costs.dtype}"
    )
    with _signals() as signals, _progress_bar(run.iter, record.max_iters) as bar:
        try:
            while not run.done and not signals:
                run.advance(0.2)
                bar.update(run.iter - bar.n)
            if signals:
                run.interrupt()
            else:
                run.finish()
        except DivergedError as error:
            run.fail(str(error))
            raise Failed(str(error), _run_fields(lab.run(run.id), world)) from None
        finally:
            run.close()
    result = _run_fields(lab.run(run.id), world)
    if signals:
        raise Interrupted(signals[0], result)
    return result


@contextmanager
def _signals() -> Iterator[list[int]]:
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


def _run_fields(record: RunRecord, world: World = ALONE) -> Fields:
    return {
        "run": record.id,
        "name": record.name,
        "status": record.status,
        "iter": record.iter,
        "n_params": record.n_params,
        "train_loss": record.train_loss,
        "val_loss": record.val_loss,
        "best_val_loss": record.best_val_loss,
        "best_iter": record.best_iter,
        "train_seconds": record.train_seconds,
        "tokens_per_s": record.tokens_per_s,
        "world_size": world.size,
    }


def _flags(args: Namespace) -> dict[str, Any]:
    """The settings that were named on the command line."""
    names = [f.name for config in (ModelConfig, TrainConfig) for f in fields(config)]
    given = {
        name: getattr(args, name, None) for name in names if name not in ("model", "vocab_size")
    }
    return {name: value for name, value in given.items() if value is not None}


# --- looking at runs ----------------------------------------------------------------------------


def evaluate(lab: Lab, args: Namespace) -> Fields:
    record = lab.run(args.run)
    corpus = lab.corpus_of(record)
    loaded = _chosen_model(lab, record, args)
    with without_attention(loaded.model) if args.without_attention else nullcontext():
        _say(f"{record.name}, {loaded.origin}")
        loss = split_loss(loaded.model, corpus.val)
    return {"run": record.id, "iter": loaded.iter, "val_loss": loss}


def _chosen_model(lab: Lab, record: RunRecord, args: Namespace) -> LoadedModel:
    if args.at is None:
        return lab.model(record, args.checkpoint)
    return lab.snapshot(record, args.at)


def write_text(lab: Lab, args: Namespace) -> Fields:
    record = lab.run(args.run)
    loaded = _chosen_model(lab, record, args)
    names = [f.name for f in fields(SampleConfig)]
    given = {n: getattr(args, n) for n in names if getattr(args, n) is not None}
    config = SampleConfig(**given)
    prompt = args.prompt
    if args.drop_unknown:
        prompt = loaded.vocabulary.drop_unknown(prompt)
    try:
        # One untimed character warms the caches up, so that the rate is that of writing.
        next(generate(loaded.model, loaded.vocabulary, prompt, config))
    except PromptError as error:
        raise PromptError(f"{error} --drop_unknown leaves it out.", error.unknown) from None
    _say(f"{record.name}, {loaded.origin}")
    started = time.perf_counter()
    steps = generate_together(loaded.model, loaded.vocabulary, prompt, config, args.n_samples)
    texts = list(zip(*tqdm(steps, total=config.max_new_tokens, unit=" characters", **_BAR)))
    elapsed_s = time.perf_counter() - started
    written = ["".join(token.character for token in text) for text in texts]
    result: Fields = {
        "text": written[0],
        "tokens_per_s": args.n_samples * config.max_new_tokens / elapsed_s,
    }
    if args.n_samples > 1:
        result["texts"] = written
    if args.records:
        result["records"] = [[asdict(token) for token in text] for text in texts]
    return result


def list_runs(lab: Lab, args: Namespace) -> Fields:
    return _listed(lab.runs())


def rename(lab: Lab, args: Namespace) -> Fields:
    return _listed([lab.rename_run(args.run, args.name)])


def delete(lab: Lab, args: Namespace) -> Fields:
    return _listed([lab.delete_run(args.run)])


def branch(lab: Lab, args: Namespace) -> Fields:
    parent = lab.run(args.run)
    at = parent.iter if args.at is None else args.at
    with _progress_bar(0, at) as bar:

        def show(step: int) -> None:
            bar.update(step - bar.n)

        record = branch_run(lab, parent, at, _flags(args), name=args.name, progress=show)
    return _listed([record])


def _listed(records: list[RunRecord]) -> Fields:
    return {
        "runs": [
            _run_fields(record)
            | {"model": record.model, "corpus": record.corpus, "config": record.config.flat()}
            for record in records
        ]
    }


# --- corpora ------------------------------------------------------------------------------------


def list_corpora(lab: Lab, args: Namespace) -> Fields:
    return {"corpora": [_corpus_fields(lab.library.load(name)) for name in lab.library.names()]}


def add_corpus(lab: Lab, args: Namespace) -> Fields:
    reading = lab.library.add_file(args.name, Path(args.source), fold_rare=args.fold_rare)
    for note in reading.notes:
        _say(f"{args.name}: {note}")
    return _corpus_fields(lab.library.load(args.name))


def get_corpus(lab: Lab, args: Namespace) -> Fields:
    source = Path(args.source) if args.source else None
    bar = tqdm(unit="B", unit_scale=True, **_BAR | {"disable": source is not None})

    def show(received: int, total: int | None) -> None:
        bar.total = total
        bar.update(received - bar.n)

    with bar:
        lab.library.get_original(source, progress=show)
    return _corpus_fields(lab.library.load(args.name))


def _corpus_fields(corpus: Corpus) -> Fields:
    return {
        "name": corpus.name,
        "n_chars": len(corpus.text),
        "vocab_size": len(corpus.vocabulary),
        "fingerprint": corpus.fingerprint,
    }


# --- to other programs and back -----------------------------------------------------------------


def export(lab: Lab, args: Namespace) -> Fields:
    record = lab.run(args.run)
    files = export_run(lab, record, args.format, Path(args.out), args.checkpoint)
    return {"run": record.id, "files": [str(path) for path in files]}


def import_model(lab: Lab, args: Namespace) -> Fields:
    return _run_fields(import_run(lab, Path(args.file), args.corpus, args.name))


# --- measuring ----------------------------------------------------------------------------------


def bench(lab: Lab, args: Namespace) -> Fields:
    corpus = lab.library.load(args.corpus)
    plan = QUICK if args.quick else Plan()
    measured = measure(corpus, plan, Path(args.nanogpt) if args.nanogpt else None, _say)
    return measured | {"table": table(measured)}


# --- showing ------------------------------------------------------------------------------------

_BAR: dict[str, Any] = {
    "file": sys.stderr,
    "dynamic_ncols": True,
    # Into a log file a line now and then is enough.
    "mininterval": 0.2 if sys.stderr.isatty() else 10.0,
}


def _progress_bar(done: int, total: int) -> tqdm[Any]:
    return tqdm(initial=done, total=total, unit=" steps", **_BAR)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
