"""The command line: `python -m core COMMAND …`.

With `--json` the last line of stdout is one JSON object. Exit 0: fine. 2: a user's mistake, said in
one line on stderr. 130, 143: stopped by Ctrl-C or SIGTERM, with the run saved. 1: a bug.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from core import commands
from core.commands.flags import keeping, looking, training
from core.commands.flags.common import THREADS_HELP, OneLineParser
from core.commands.wording import lines_of
from core.errors import LabError, RegistryDamaged
from core.runs.lab import Lab
from core.runs.rebuilding import suspect
from core.storage.names import as_text
from core.storage.trouble import storage_error
from core.text.characters import printable
from core.training.parallel import is_follower
from core.training.threads import set_threads


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = command_line().parse_args(argv)
    if is_follower() and args.command not in (commands.train, commands.resume):
        return 0  # the first process does it
    args.started_at = time.monotonic() if argv else _process_started_at()
    try:
        set_threads(args.threads)
        result = _result_of(args)
    except commands.Interrupted as stopped:
        _print(stopped.fields, as_json=args.json)
        return stopped.exit_code
    except commands.Failed as failed:
        _print(failed.fields, as_json=args.json)
        _complain(failed)
        return 2
    except LabError as error:
        _complain(error)
        return 2
    except OSError as error:  # of the system, wherever a command came upon it
        _complain(storage_error(error))
        return 2
    except KeyboardInterrupt:  # training hears of it itself, and saves
        print("Stopped.", file=sys.stderr)
        return 130
    if result:  # a follower has none
        _print(result, as_json=args.json)
    return 0


def _result_of(args: argparse.Namespace) -> commands.Fields:
    """What the command returns. What is to be said of the lab home is said, before it or after."""
    lab = Lab()
    said = _say_notes(lab.notes)
    try:
        result: commands.Fields = args.command(lab, args)
    except RegistryDamaged:  # found by one who writes: once more, with one that is made anew
        suspect(lab.home)
        lab = Lab()
        said = _say_notes(lab.notes)
        result = args.command(lab, args)
    finally:
        _say_notes(lab.notes[said:])
    return result


def _say_notes(notes: Sequence[str]) -> int:
    """Say what is to be said of the lab home, in the first of several processes; how much it is."""
    for note in notes if not is_follower() else ():
        _complain(note)
    return len(notes)


def _process_started_at() -> float:
    """When whoever waits for this process began to, by time.monotonic()."""
    try:  # Linux counts from when the machine was started, and dates that in whole seconds only
        ticks = int(Path("/proc/self/stat").read_text("utf-8").rpartition(")")[2].split()[19])
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        age_s = time.time() - float(psutil.Process().create_time())
    return time.monotonic() - age_s


def command_line() -> argparse.ArgumentParser:
    """The parser of all commands; what it returns has the command itself as `command`."""
    parser = OneLineParser(
        prog="python -m core", description="Train, read and compare three small language models."
    )
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--threads", type=int, metavar="N", help=THREADS_HELP)
    sub = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=OneLineParser)
    training.add_training(sub)
    training.add_race(sub)
    training.add_sweep(sub)
    training.add_ladder(sub)
    looking.add_looking(sub)
    looking.add_inspect(sub)
    looking.add_reading(sub)
    looking.add_challenges(sub)
    keeping.add_runs(sub)
    keeping.add_corpora(sub)
    keeping.add_exchange(sub)
    keeping.add_bench(sub)
    return parser


def _complain(what: object) -> None:
    # A file's name, or an argument, need not be a text.
    print(printable(as_text(str(what))), file=sys.stderr)


def _print(result: commands.Fields, *, as_json: bool) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        said = json.dumps(result) if as_json else printable("\n".join(lines_of(result)))
        print(said, flush=True)
    except BrokenPipeError:  # whoever reads has seen enough, as in `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
