"""Flags of what trains: one run, a race, a grid of runs, a ladder."""

from __future__ import annotations

import argparse
from typing import Any

from core import commands
from core.commands.common import Command
from core.commands.flags.common import OneLineParser, add_command, add_settings, to_number, to_whole
from core.experiments.race import BUDGETS, FAIRNESS
from core.experiments.terms import BUDGETS as RUNG_BUDGETS
from core.experiments.terms import EQUAL_IN
from core.settings.config import MODEL_KINDS, ModelConfig, TrainConfig, help_line
from core.settings.presets import PRESETS, RECIPES
from core.storage.budget import USUAL


def add_training(sub: Any) -> None:
    """`train` and `resume`."""
    train = add_command(sub, "train", commands.train, "train a new run")
    _add_start(train, required=True)
    train.add_argument("--dry_run", action="store_true", help="only say what the run would cost")
    _add_disk_budget(train)

    resume = add_command(
        sub, "resume", commands.resume, "go on with a run from its last checkpoint"
    )
    resume.add_argument("run", metavar="RUN")
    resume.add_argument("--max_iters", type=to_whole, help="a new end for the run")
    resume.add_argument(
        "--learning_rate",
        type=to_number,
        help="go on at another rate: the peak of the schedule, and past its end the rate itself",
    )
    _add_disk_budget(resume)


def _add_start(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """What a run, or a grid of them, starts from."""
    parser.add_argument("--model", required=required, choices=MODEL_KINDS)
    parser.add_argument("--preset", choices=PRESETS, help="a named set of values")
    parser.add_argument(
        "--recipe", choices=RECIPES, default="classic", help="classic as nanoGPT, or a faster one"
    )
    parser.add_argument("--corpus", metavar="C", help="the text to learn from")
    parser.add_argument("--name", metavar="N", help="a name for it")
    add_settings(parser, ModelConfig, skip=("model", "vocab_size"))
    add_settings(parser, TrainConfig)


def _add_disk_budget(parser: argparse.ArgumentParser) -> None:
    for flag, what, usual in (
        ("--checkpoint_mib", "states to go on and to branch off from", USUAL.checkpoint_mib),
        ("--snapshot_mib", "weights over time", USUAL.snapshot_mib),
    ):
        parser.add_argument(
            flag, type=to_number, default=usual, metavar="MIB",
            help=f"disk space for {what}; default: {usual:g}",
        )  # fmt: skip


def add_race(sub: Any) -> None:
    """`race`."""
    race = add_command(sub, "race", commands.race, "train the three models on equal terms")
    race.add_argument("--by", choices=FAIRNESS, default="seconds", help="default: seconds")
    race.add_argument(
        "--budget", type=to_whole, metavar="N",
        help="seconds or steps for each model; default: "
        + ", ".join(f"{budget:,} {by}" for by, budget in BUDGETS.items()),
    )  # fmt: skip
    race.add_argument("--corpus", metavar="C", help="the text to learn from")
    race.add_argument(
        "--seed", type=to_whole, default=TrainConfig.seed, metavar="N", help=help_line("seed")
    )


def add_sweep(sub: Any) -> None:
    """`sweep`, and what is done with sweeps."""
    sweep = add_command(sub, "sweep", commands.sweep, "train a grid of runs over two settings")
    _add_start(sweep, required=False)
    sweep.add_argument("--x", metavar="SETTING=VALUES", help="across, such as block_size=16,32,64")
    sweep.add_argument("--y", metavar="SETTING=VALUES", help="up, such as n_head=1,2,4")
    sweep.add_argument(
        "--hold", choices=["characters"],
        help="let a step read as many characters in every cell as in the first: where block_size "
        "grows, batch_size shrinks",
    )  # fmt: skip
    _add_kept(sweep, "sweep", "cells", commands.list_sweeps, commands.resume_sweep,
              commands.show_sweep, commands.delete_sweep)  # fmt: skip


def add_ladder(sub: Any) -> None:
    """`ladder`, and what is done with ladders."""
    ladder = add_command(
        sub, "ladder", commands.ladder,
        "train every model from the bigram table to the transformer, one idea at a time",
    )  # fmt: skip
    ladder.add_argument(
        "--by", choices=EQUAL_IN, default="steps",
        help="what each rung gets as much of; all read the same batch, so that equal characters "
        "are equal steps; flops are those of matrix products; default: steps",
    )  # fmt: skip
    ladder.add_argument(
        "--budget", type=to_whole, metavar="N",
        help="so much of it for each rung, 1e11 for large numbers; default: "
        + ", ".join(f"{budget:,} {by}" for by, budget in RUNG_BUDGETS.items()),
    )  # fmt: skip
    ladder.add_argument("--corpus", metavar="C", help="the text to learn from")
    ladder.add_argument("--name", metavar="N", help="a name for it")
    for name in ("block_size", "n_layer", "n_head", "n_embd", "batch_size", "seed"):
        ladder.add_argument(f"--{name}", type=to_whole, metavar="N", help=help_line(name))
    _add_kept(ladder, "ladder", "rungs", commands.list_ladders, commands.resume_ladder,
              commands.show_ladder, commands.delete_ladder)  # fmt: skip


def _add_kept(
    parser: argparse.ArgumentParser, kind: str, parts: str,
    list_: Command, resume: Command, show: Command, delete: Command,
) -> None:  # fmt: skip
    """What can be done with the sweeps, or the ladders, that there are."""
    what = parser.add_subparsers(metavar="WHAT", parser_class=OneLineParser)
    add_command(what, "list", list_, f"the {kind}s there are")
    for of_one in (
        add_command(what, "resume", resume, f"go on with a {kind}"),
        add_command(what, "show", show, f"the {parts} of a {kind} as they stand"),
        add_command(what, "delete", delete, f"remove a {kind}; the bin gets its runs"),
    ):
        of_one.add_argument(kind, metavar=kind.upper())
