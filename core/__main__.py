"""The command line: `python -m core COMMAND …`.

With `--json` the last line of stdout is one JSON object. Exit 0: fine. 2: a user's mistake, said in
one line on stderr. 130, 143: stopped by Ctrl-C or SIGTERM, with the run saved. 1: a bug.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, NoReturn

import psutil

from core import commands
from core.commands.inspecting import N_WINDOWS_FOR_HISTORY, N_WINDOWS_FOR_MATRIX
from core.commands.wording import lines_of
from core.errors import LabError
from core.exchange.export_import import FORMATS
from core.experiments.ladder import BUDGETS as RUNG_BUDGETS
from core.experiments.race import BUDGETS, FAIRNESS
from core.library.texts import ORIGINAL
from core.records.course import FIXED
from core.runs.lab import Lab
from core.settings.config import (
    BLOCKS,
    DEVICES,
    DTYPES,
    MODEL_KINDS,
    OPTIMIZERS,
    SCHEDULES,
    ModelConfig,
    SampleConfig,
    TrainConfig,
    block_named,
    help_line,
)
from core.settings.presets import PRESETS, RECIPES
from core.storage.snapshots import BUDGET_MIB
from core.text.repeats import LEAST
from core.training.parallel import is_follower
from core.training.threads import THREADS_VARIABLE, set_threads

MAX_SAMPLES = 1000
_THREADS_HELP = f"CPU threads; default: {THREADS_VARIABLE}, else torch's own choice"
_CHOICES: dict[str, Sequence[str]] = {
    "schedule": SCHEDULES,
    "device": DEVICES,
    "dtype": DTYPES,
    "block": BLOCKS,
    "optimizer": OPTIMIZERS,
}


class _OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of printing all flags there are."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message} ({self.prog} --help lists what there is)", file=sys.stderr)
        raise SystemExit(2)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = _parser().parse_args(argv)
    if is_follower() and args.command not in (commands.train, commands.resume):
        return 0  # the first process does it
    args.started_at = time.monotonic() if argv else _process_started_at()
    try:
        set_threads(args.threads)
        result = args.command(Lab(), args)
    except commands.Interrupted as stopped:
        _print(stopped.fields, as_json=args.json)
        return stopped.exit_code
    except commands.Failed as failed:
        _print(failed.fields, as_json=args.json)
        print(failed, file=sys.stderr)
        return 2
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # training hears of it itself, and saves
        print("Stopped.", file=sys.stderr)
        return 130
    if result:  # a follower has none
        _print(result, as_json=args.json)
    return 0


def _process_started_at() -> float:
    """When whoever waits for this process began to, by time.monotonic()."""
    age_s = time.time() - float(psutil.Process().create_time())
    return time.monotonic() - age_s


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="python -m core", description="Train, read and compare three small language models."
    )
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--threads", type=int, metavar="N", help=_THREADS_HELP)
    sub = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_OneLineParser)
    _add_training(sub)
    _add_race(sub)
    _add_sweep(sub)
    _add_ladder(sub)
    _add_looking(sub)
    _add_inspect(sub)
    _add_reading(sub)
    _add_runs(sub)
    _add_corpora(sub)
    _add_exchange(sub)
    _add_bench(sub)
    return parser


def _add_training(sub: Any) -> None:
    train = _command(sub, "train", commands.train, "train a new run")
    _add_start(train, required=True)
    train.add_argument("--dry_run", action="store_true", help="only say what the run would cost")
    _add_snapshot_budget(train)

    resume = _command(sub, "resume", commands.resume, "go on with a run from its last checkpoint")
    resume.add_argument("run", metavar="RUN")
    resume.add_argument("--max_iters", type=int, help="a new end for the run")
    resume.add_argument(
        "--learning_rate",
        type=float,
        help="go on at another rate: the peak of the schedule, and past its end the rate itself",
    )
    _add_snapshot_budget(resume)


def _add_start(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """What a run, or a grid of them, starts from."""
    parser.add_argument("--model", required=required, choices=MODEL_KINDS)
    parser.add_argument("--preset", choices=PRESETS, help="a named set of values")
    parser.add_argument(
        "--recipe", choices=RECIPES, default="classic", help="classic as nanoGPT, or a faster one"
    )
    parser.add_argument("--corpus", metavar="C", help="the text to learn from")
    parser.add_argument("--name", metavar="N", help="a name for it")
    _add_settings(parser, ModelConfig, skip=("model", "vocab_size"))
    _add_settings(parser, TrainConfig)


def _add_race(sub: Any) -> None:
    race = _command(sub, "race", commands.race, "train the three models on equal terms")
    race.add_argument("--by", choices=FAIRNESS, default="seconds", help="default: seconds")
    race.add_argument(
        "--budget", type=int, metavar="N",
        help="seconds or steps for each model; default: "
        + ", ".join(f"{budget:,} {by}" for by, budget in BUDGETS.items()),
    )  # fmt: skip
    race.add_argument("--corpus", metavar="C", help="the text to learn from")
    race.add_argument(
        "--seed", type=int, default=TrainConfig.seed, metavar="N", help=help_line("seed")
    )


def _add_sweep(sub: Any) -> None:
    sweep = _command(sub, "sweep", commands.sweep, "train a grid of runs over two settings")
    _add_start(sweep, required=False)
    sweep.add_argument("--x", metavar="SETTING=VALUES", help="across, such as block_size=16,32,64")
    sweep.add_argument("--y", metavar="SETTING=VALUES", help="up, such as n_head=1,2,4")
    sweep.add_argument(
        "--hold", choices=["characters"],
        help="let a step read as many characters in every cell as in the first: where block_size "
        "grows, batch_size shrinks",
    )  # fmt: skip
    what = sweep.add_subparsers(metavar="WHAT", parser_class=_OneLineParser)
    _command(what, "list", commands.list_sweeps, "the sweeps there are")
    for parser in (
        _command(what, "resume", commands.resume_sweep, "go on with a sweep"),
        _command(what, "show", commands.show_sweep, "the cells of a sweep as they stand"),
        _command(what, "delete", commands.delete_sweep, "remove a sweep; the bin gets its runs"),
    ):
        parser.add_argument("sweep", metavar="SWEEP")


def _add_ladder(sub: Any) -> None:
    ladder = _command(
        sub, "ladder", commands.ladder,
        "train every model from the bigram table to the transformer, one idea at a time",
    )  # fmt: skip
    ladder.add_argument("--by", choices=FAIRNESS, default="steps", help="default: steps")
    ladder.add_argument(
        "--budget", type=int, metavar="N",
        help="steps or seconds for each rung; default: "
        + ", ".join(f"{budget:,} {by}" for by, budget in RUNG_BUDGETS.items()),
    )  # fmt: skip
    ladder.add_argument("--corpus", metavar="C", help="the text to learn from")
    ladder.add_argument("--name", metavar="N", help="a name for it")
    for name in ("block_size", "n_layer", "n_head", "n_embd", "batch_size", "seed"):
        ladder.add_argument(f"--{name}", type=int, metavar="N", help=help_line(name))
    what = ladder.add_subparsers(metavar="WHAT", parser_class=_OneLineParser)
    _command(what, "list", commands.list_ladders, "the ladders there are")
    for parser in (
        _command(what, "resume", commands.resume_ladder, "go on with a ladder"),
        _command(what, "show", commands.show_ladder, "the rungs of a ladder as they stand"),
        _command(what, "delete", commands.delete_ladder, "remove a ladder; the bin gets its runs"),
    ):
        parser.add_argument("ladder", metavar="LADDER")


def _add_snapshot_budget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--snapshot_mib", type=float, default=BUDGET_MIB, metavar="MIB",
        help=f"disk space for weights over time; default: {BUDGET_MIB:g}",
    )  # fmt: skip


def _add_looking(sub: Any) -> None:
    evaluate = _command(sub, "eval", commands.evaluate, "loss over the whole validation split")
    _add_model_choice(evaluate, default="last")
    evaluate.add_argument(
        "--without_attention", action="store_true", help="with what attention adds left out"
    )
    evaluate.add_argument(
        "--off", metavar="PARTS",
        help="with parts switched off: heads as 1.4,2.1, or attention:2, mlp:1, positions",
    )  # fmt: skip

    generate = _command(sub, "generate", commands.write_text, "let a run write")
    _add_model_choice(generate, default="best")
    prompt = generate.add_mutually_exclusive_group()
    prompt.add_argument("--prompt", default="", metavar="TEXT", help="what to continue")
    prompt.add_argument(
        "--prompt_file", metavar="FILE", help="continue the text in a file; - is standard input"
    )
    generate.add_argument(
        "--drop_unknown", action="store_true", help="leave out unknown characters"
    )
    generate.add_argument(
        "--n_samples", type=_to_count, default=1, metavar="N", help="texts written side by side"
    )
    generate.add_argument(
        "--records", action="store_true", help="with each character's probability and rivals"
    )
    _add_settings(generate, SampleConfig)


def _add_inspect(sub: Any) -> None:
    inspect = sub.add_parser("inspect", help="look inside a run's model")
    what = inspect.add_subparsers(metavar="WHAT", required=True, parser_class=_OneLineParser)
    reading = [  # a text
        _command(what, "attention", commands.inspect_attention, "where each head looks in a text"),
        _command(what, "lens", commands.inspect_lens, "each layer's own guesses for a text"),
        cell := _command(what, "cell", commands.inspect_cell, "how one attention weight comes out"),
    ]
    heads = _command(what, "heads", commands.inspect_heads, "what losing each head would cost")
    matrix = _command(what, "matrix", commands.inspect_matrix, "what follows each character")
    others = [
        _command(what, "embeddings", commands.inspect_embeddings, "where each character is put"),
        _command(what, "context", commands.inspect_context, "the loss by characters of context"),
    ]
    for parser in (*reading, heads, matrix, *others):
        _add_model_choice(parser, default="best", at_help="the snapshot nearest to this step")
    for parser in reading:
        parser.add_argument("--text", required=True, metavar="T", help="what the model reads")
    _add_cell(cell)
    _add_heads(heads)
    _add_matrix(matrix)
    history = _command(
        what, "history", commands.inspect_history, "what each head did at each snapshot of a run"
    )
    _add_history(history)
    _add_step(_command(what, "step", commands.inspect_step, "the run's next training step, told"))


def _add_cell(cell: argparse.ArgumentParser) -> None:
    for flag, which in (
        ("--layer", "of which layer, from 1"),
        ("--head", "of which head, from 1"),
        ("--query", "the place of the character that looks, from 1"),
        ("--key", "the place of the character that is looked at"),
    ):
        cell.add_argument(flag, type=int, required=True, metavar="N", help=which)


def _add_heads(heads: argparse.ArgumentParser) -> None:
    heads.add_argument(
        "--windows", type=_to_count, metavar="N",
        help="so many windows of the validation split; default: all",
    )  # fmt: skip
    heads.add_argument(
        "--examples", type=_to_count, metavar="N",
        help="so many guesses for each head that were worst without it",
    )  # fmt: skip


def _add_matrix(matrix: argparse.ArgumentParser) -> None:
    matrix.add_argument(
        "--averaged", action="store_true",
        help="the guesses in context too, averaged by the character that stands there",
    )  # fmt: skip
    matrix.add_argument(
        "--windows", type=_to_count, metavar="N",
        help="so many windows of the training split to average over; default: "
        f"{N_WINDOWS_FOR_MATRIX}",
    )  # fmt: skip


def _add_history(history: argparse.ArgumentParser) -> None:
    history.add_argument("run", metavar="RUN")
    history.add_argument(
        "--windows", type=_to_count, metavar="N",
        help=f"so many windows of the validation split; default: {N_WINDOWS_FOR_HISTORY}",
    )  # fmt: skip


def _add_step(step: argparse.ArgumentParser) -> None:
    step.add_argument("run", metavar="RUN")
    step.add_argument(
        "--at", type=int, metavar="STEP",
        help="from the checkpoint of this step, 0: from the start; default: the newest",
    )  # fmt: skip
    for flag, unit in (("--window", "window of the batch"), ("--place", "place in that window")):
        step.add_argument(
            flag, type=_to_count, metavar="N",
            help=f"the {unit} whose guess is followed, from 1; default: a typical one",
        )  # fmt: skip


def _add_reading(sub: Any) -> None:
    score = _command(sub, "score", commands.score_text, "what each character of a text costs runs")
    score.add_argument("run", nargs="+", metavar="RUN")
    _add_checkpoint(score, default="best")
    memorised = _command(
        sub, "memorised", commands.memorised, "what of a text stands verbatim in the training split"
    )
    memorised.add_argument("run", metavar="RUN|CORPUS")
    memorised.add_argument(
        "--least", type=_to_count, default=LEAST, metavar="N",
        help=f"the shortest passage that counts, in characters; default: {LEAST}",
    )  # fmt: skip
    for parser in (score, memorised):
        parser.add_argument("--text", required=True, metavar="T")


def _add_model_choice(
    parser: argparse.ArgumentParser,
    default: str,
    at_help: str = "the snapshot of this step instead",
) -> None:
    parser.add_argument("run", metavar="RUN")
    _add_checkpoint(parser, default)
    parser.add_argument("--at", type=int, metavar="STEP", help=at_help)


def _add_checkpoint(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--checkpoint", choices=["best", "last"], default=default, help=f"default: {default}"
    )


def _add_runs(sub: Any) -> None:
    runs = _command(sub, "runs", commands.list_runs, "list the runs, or change one")
    change = runs.add_subparsers(metavar="CHANGE", parser_class=_OneLineParser)
    rename = _command(change, "rename", commands.rename, "give a run another name")
    rename.add_argument("run", metavar="RUN")
    rename.add_argument("name", metavar="NAME")
    delete = _command(change, "delete", commands.delete, "put a run into the bin")
    delete.add_argument("run", metavar="RUN")
    _add_keeping(change)
    show = _command(change, "show", commands.show, "what a run's curve says, and how it is inside")
    show.add_argument("run", metavar="RUN")
    branch = _command(change, "branch", commands.branch, "a new run that goes on from a step")
    branch.add_argument("run", metavar="RUN")
    branch.add_argument("--at", type=int, metavar="STEP", help="default: the run's last step")
    branch.add_argument("--name", metavar="N")
    _add_settings(branch, TrainConfig, skip=[n for n in FIXED if n != "max_iters"])


def _add_keeping(change: Any) -> None:
    restore = _command(change, "restore", commands.restore, "take a run out of the bin")
    restore.add_argument("run", metavar="RUN")
    empty = _command(change, "empty_bin", commands.empty_bin, "delete what is in the bin for good")
    empty.add_argument(
        "--older_than_s", type=float, default=0.0, metavar="S", help="only what is in it that long"
    )
    _command(change, "disk", commands.disk, "what the runs take on the disk, and the bin")
    clean = _command(
        change, "clean", commands.clean, "keep of a run the last and the best checkpoint only"
    )
    which = clean.add_mutually_exclusive_group(required=True)
    which.add_argument("run", nargs="?", metavar="RUN")
    which.add_argument("--all", action="store_true", help="every run that nobody trains now")


def _add_corpora(sub: Any) -> None:
    corpus = sub.add_parser("corpus", help="list, add, measure, fetch or delete texts")
    what = corpus.add_subparsers(metavar="WHAT", required=True, parser_class=_OneLineParser)
    _command(what, "list", commands.list_corpora, "the texts there are")
    stats = _command(what, "stats", commands.corpus_stats, "entropies, repeats and words of a text")
    stats.add_argument("name", metavar="NAME")
    add = _command(what, "add", commands.add_corpus, "add a text of your own")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--from", dest="source", required=True, metavar="FILE")
    add.add_argument(
        "--encoding", metavar="NAME", help="what the file is in, such as windows-1252 or utf-16"
    )
    add.add_argument("--fold_rare", action="store_true", help="fold rare characters into one sign")
    get = _command(what, "get", commands.get_corpus, "fetch Karpathy's Tiny Shakespeare")
    get.add_argument("name", choices=[ORIGINAL])
    get.add_argument("--from", dest="source", metavar="FILE", help="take it from a file instead")
    delete = _command(what, "delete", commands.delete_corpus, "put a text into the bin")
    delete.add_argument("name", metavar="NAME")
    restore = _command(what, "restore", commands.restore_corpus, "take a text out of the bin")
    restore.add_argument("name", metavar="NAME")
    _command(what, "empty_bin", commands.empty_corpus_bin, "delete the texts in the bin for good")


def _add_exchange(sub: Any) -> None:
    export = _command(sub, "export", commands.export, "a run's model or metrics as files")
    export.add_argument("run", metavar="RUN")
    export.add_argument(
        "--format", choices=FORMATS, required=True,
        help="hf and nanogpt hold a classic transformer, safetensors every model, csv the metrics, "
        "run all of it as one file",
    )  # fmt: skip
    export.add_argument("--out", metavar="DIR", required=True)
    _add_checkpoint(export, default="best")
    import_ = _command(sub, "import", commands.import_model, "make a run of a file")
    import_.add_argument(
        "file", metavar="FILE", help="a run file, nanoGPT's ckpt.pt, or our own safetensors"
    )
    import_.add_argument("--corpus", metavar="C", help="the text it learned from")
    import_.add_argument("--name", metavar="N", help="a name for the run")


def _add_bench(sub: Any) -> None:
    bench = _command(sub, "bench", commands.bench, "how fast everything is on this machine")
    bench.add_argument("--nanogpt", metavar="DIR", help="a checkout of nanoGPT to race")
    bench.add_argument("--corpus", metavar="C", help="the text to learn from")
    bench.add_argument("--quick", action="store_true", help="only to see that it runs")


def _command(sub: Any, name: str, command: commands.Command, help_line: str) -> Any:
    parser = sub.add_parser(name, help=help_line, description=help_line)
    parser.set_defaults(command=command)
    # A default here would undo the flag where it stands before the name of a sub-command.
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="end with one line of JSON"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", default=argparse.SUPPRESS, help=_THREADS_HELP
    )
    return parser


def _add_settings(parser: argparse.ArgumentParser, config: type, skip: Sequence[str] = ()) -> None:
    """One flag for each field of a config; what is not named stays None."""
    for field in fields(config):
        if field.name in skip:
            continue
        parser.add_argument(
            f"--{field.name}",
            type=_TYPES.get(str(field.type), str),
            choices=_CHOICES.get(field.name),
            metavar="VALUE",
            help=field.metadata["help"],
        )


def _to_bool(text: str) -> bool:
    if text.lower() in ("true", "1", "yes"):
        return True
    if text.lower() in ("false", "0", "no"):
        return False
    raise argparse.ArgumentTypeError(f"expected true or false, not {text!r}")


def _to_count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= MAX_SAMPLES:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {MAX_SAMPLES}: {text!r}")


_TYPES: dict[str, Callable[[str], Any]] = {
    "int": int, "float": float, "bool": _to_bool, "Block": block_named,
}  # fmt: skip


def _print(result: commands.Fields, *, as_json: bool) -> None:
    try:
        print(json.dumps(result) if as_json else "\n".join(lines_of(result)), flush=True)
    except BrokenPipeError:  # whoever reads has seen enough, as in `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
