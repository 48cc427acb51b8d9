"""Flags of what looks at a model: its loss, its writing, its inside, a text through its eyes."""

from __future__ import annotations

import argparse
from typing import Any

from core import commands
from core.challenges.scoring import CHALLENGES, ChallengeKey, challenge_named
from core.commands.flags.common import (
    OneLineParser,
    add_checkpoint,
    add_command,
    add_model_choice,
    add_settings,
    to_count,
    to_whole,
)
from core.commands.inspecting import N_WINDOWS_FOR_MATRIX
from core.interpretability.habits import LOOK_WINDOWS
from core.settings.config import SampleConfig
from core.text.repeats import LEAST


def add_looking(sub: Any) -> None:
    """`eval` and `generate`."""
    evaluate = add_command(sub, "eval", commands.evaluate, "loss over the whole validation split")
    add_model_choice(evaluate, default="last")
    evaluate.add_argument(
        "--without_attention", action="store_true", help="with what attention adds left out"
    )
    evaluate.add_argument(
        "--off", metavar="PARTS",
        help="with parts switched off: heads as 1.4,2.1, or attention:2, mlp:1, positions",
    )  # fmt: skip

    generate = add_command(sub, "generate", commands.write_text, "let a run write")
    add_model_choice(generate, default="best")
    prompt = generate.add_mutually_exclusive_group()
    prompt.add_argument("--prompt", default="", metavar="TEXT", help="what to continue")
    prompt.add_argument(
        "--prompt_file", metavar="FILE", help="continue the text in a file; - is standard input"
    )
    generate.add_argument(
        "--drop_unknown", action="store_true", help="leave out unknown characters"
    )
    generate.add_argument(
        "--n_samples", type=to_count, default=1, metavar="N", help="texts written side by side"
    )
    generate.add_argument(
        "--records", action="store_true", help="with each character's probability and rivals"
    )
    add_settings(generate, SampleConfig)


def add_inspect(sub: Any) -> None:
    """`inspect …`."""
    inspect = sub.add_parser("inspect", help="look inside a run's model")
    what = inspect.add_subparsers(metavar="WHAT", required=True, parser_class=OneLineParser)
    reading = [  # a text
        add_command(
            what, "attention", commands.inspect_attention, "where each head looks in a text"
        ),
        add_command(what, "lens", commands.inspect_lens, "each layer's own guesses for a text"),
        cell := add_command(
            what, "cell", commands.inspect_cell, "how one attention weight comes out"
        ),
    ]
    heads = add_command(what, "heads", commands.inspect_heads, "what losing each head would cost")
    matrix = add_command(what, "matrix", commands.inspect_matrix, "what follows each character")
    others = [
        add_command(what, "embeddings", commands.inspect_embeddings, "where each character is put"),
        add_command(what, "context", commands.inspect_context, "the loss by characters of context"),
    ]
    for parser in (*reading, heads, matrix, *others):
        add_model_choice(parser, default="best", at_help="the snapshot nearest to this step")
    for parser in reading:
        parser.add_argument("--text", required=True, metavar="T", help="what the model reads")
    _add_cell(cell)
    _add_heads(heads)
    _add_matrix(matrix)
    history = add_command(
        what, "history", commands.inspect_history, "what each head did at each snapshot of a run"
    )
    _add_history(history)
    _add_step(
        add_command(what, "step", commands.inspect_step, "the run's next training step, told")
    )


def _add_cell(cell: argparse.ArgumentParser) -> None:
    for flag, which in (
        ("--layer", "of which layer, from 1"),
        ("--head", "of which head, from 1"),
        ("--query", "the place of the character that looks, from 1"),
        ("--key", "the place of the character that is looked at"),
    ):
        cell.add_argument(flag, type=to_whole, required=True, metavar="N", help=which)


def _add_heads(heads: argparse.ArgumentParser) -> None:
    heads.add_argument(
        "--windows", type=to_count, metavar="N",
        help="so many windows of the validation split; default: all",
    )  # fmt: skip
    heads.add_argument(
        "--examples", type=to_count, metavar="N",
        help="so many guesses for each head that were worst without it",
    )  # fmt: skip


def _add_matrix(matrix: argparse.ArgumentParser) -> None:
    matrix.add_argument(
        "--averaged", action="store_true",
        help="the guesses in context too, averaged by the character that stands there",
    )  # fmt: skip
    matrix.add_argument(
        "--windows", type=to_count, metavar="N",
        help="so many windows of the training split to average over; default: "
        f"{N_WINDOWS_FOR_MATRIX}",
    )  # fmt: skip


def _add_history(history: argparse.ArgumentParser) -> None:
    history.add_argument("run", metavar="RUN")
    history.add_argument(
        "--windows", type=to_count, metavar="N",
        help=f"so many windows of the validation split; default: {LOOK_WINDOWS}, and of a large "
        "model fewer",
    )  # fmt: skip


def _add_step(step: argparse.ArgumentParser) -> None:
    step.add_argument("run", metavar="RUN")
    step.add_argument(
        "--at", type=to_whole, metavar="STEP",
        help="from the checkpoint of this step, 0: from the start; default: the newest",
    )  # fmt: skip
    for flag, unit in (("--window", "window of the batch"), ("--place", "place in that window")):
        step.add_argument(
            flag, type=to_count, metavar="N",
            help=f"the {unit} whose guess is followed, from 1; default: a typical one",
        )  # fmt: skip


def add_reading(sub: Any) -> None:
    """`score` and `memorised`."""
    score = add_command(
        sub, "score", commands.score_text, "what each character of a text costs runs"
    )
    score.add_argument("run", nargs="+", metavar="RUN")
    add_checkpoint(score, default="best")
    memorised = add_command(
        sub, "memorised", commands.memorised, "what of a text stands verbatim in the training split"
    )
    memorised.add_argument("run", metavar="RUN|CORPUS")
    memorised.add_argument(
        "--least", type=to_count, default=LEAST, metavar="N",
        help=f"the shortest passage that counts, in characters; default: {LEAST}",
    )  # fmt: skip
    for parser in (score, memorised):
        parser.add_argument("--text", required=True, metavar="T")


def add_challenges(sub: Any) -> None:
    """`challenges`."""
    challenges = add_command(
        sub, "challenges", commands.challenges, "small goals, and which runs have reached them"
    )
    challenges.add_argument("--corpus", metavar="C", help="the text whose runs are looked at")
    challenges.add_argument(
        "--expect", type=_to_prediction, metavar="KEY=NUMBER",
        help="what the next run will come to, as small=2.3 in the unit of that challenge; it is "
        "kept, and told once that run is over",
    )  # fmt: skip


def _to_prediction(text: str) -> tuple[ChallengeKey, float]:
    """The key of a challenge and a number; raises ArgumentTypeError for anything else."""
    key, _, number = text.partition("=")
    challenge = challenge_named(key)
    if challenge is None:
        keys = ", ".join(each.key for each in CHALLENGES)
        raise argparse.ArgumentTypeError(f"expected one of {keys} before the =, not {key!r}")
    try:
        return challenge.key, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number after the =, not {number!r}") from None
