"""What the flags of several families of commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from typing import Any, NoReturn

from core.commands.common import Command
from core.settings.config import BLOCKS, DEVICES, DTYPES, OPTIMIZERS, SCHEDULES, block_named
from core.storage.names import as_text
from core.text.characters import printable
from core.training.threads import THREADS_VARIABLE

MAX_COUNT = 1000
MAX_SAID = 400
"""Characters of a refusal: what was typed may be any length."""
THREADS_HELP = f"CPU threads; default: {THREADS_VARIABLE}, else torch's own choice"
_CHOICES: dict[str, Sequence[str]] = {
    "schedule": SCHEDULES,
    "device": DEVICES,
    "dtype": DTYPES,
    "block": BLOCKS,
    "optimizer": OPTIMIZERS,
}


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of printing all flags there are."""

    def error(self, message: str) -> NoReturn:
        """Exits with 2, as argparse does."""
        said = message if len(message) <= MAX_SAID else f"{message[:MAX_SAID]}…"
        said = f"{self.prog}: {said} ({self.prog} --help lists what there is)"
        print(printable(as_text(said)), file=sys.stderr)
        raise SystemExit(2)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What is left over is refused here, by the command that it was said to."""
        found, left_over = super().parse_known_args(args, namespace)
        if left_over:
            self.error(f"unrecognized arguments: {' '.join(left_over)}")
        return found, left_over


def add_command(sub: Any, name: str, command: Command, help_line: str) -> Any:
    """A parser for one command under `sub`, with the flags that all have."""
    parser = sub.add_parser(name, help=help_line, description=help_line)
    parser.set_defaults(command=command)
    # A default here would undo the flag where it stands before the name of a sub-command.
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="end with one line of JSON"
    )
    parser.add_argument(
        "--threads", type=to_whole, metavar="N", default=argparse.SUPPRESS, help=THREADS_HELP
    )
    return parser


def add_settings(parser: argparse.ArgumentParser, config: type, skip: Sequence[str] = ()) -> None:
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


def add_model_choice(
    parser: argparse.ArgumentParser,
    default: str,
    at_help: str = "the snapshot of this step instead",
) -> None:
    """Which run, and which of its states."""
    parser.add_argument("run", metavar="RUN")
    add_checkpoint(parser, default)
    parser.add_argument("--at", type=to_whole, metavar="STEP", help=at_help)


def add_checkpoint(parser: argparse.ArgumentParser, default: str) -> None:
    """The best or the last checkpoint."""
    parser.add_argument(
        "--checkpoint", choices=["best", "last"], default=default, help=f"default: {default}"
    )


def _to_bool(text: str) -> bool:
    if text.lower() in ("true", "1", "yes"):
        return True
    if text.lower() in ("false", "0", "no"):
        return False
    raise argparse.ArgumentTypeError(f"expected true or false, not {text!r}")


def to_count(text: str) -> int:
    """A whole number from 1 to MAX_COUNT; raises ArgumentTypeError for another."""
    if text.isdecimal() and 1 <= int(text) <= MAX_COUNT:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {MAX_COUNT}: {text!r}")


def to_whole(text: str) -> int:
    """A whole number, also as 1e11; raises ArgumentTypeError for another."""
    with suppress(ValueError, OverflowError):
        if (number := int(float(text))) == float(text):
            return int(text) if text.lstrip("+-").isdecimal() else number
    raise argparse.ArgumentTypeError(f"expected a whole number, not {text!r}")


def to_number(text: str) -> float:
    """A number; raises ArgumentTypeError for what is none."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, not {text!r}") from None


_TYPES: dict[str, Callable[[str], Any]] = {
    "int": to_whole, "float": to_number, "bool": _to_bool, "Block": block_named,
}  # fmt: skip
