"""Flags of what the lab keeps: runs, texts, files in and out; and of the benchmark."""

from __future__ import annotations

from typing import Any

from core import commands
from core.commands.flags.common import (
    OneLineParser,
    add_checkpoint,
    add_command,
    add_settings,
    to_number,
    to_whole,
)
from core.exchange.export_import import FORMATS
from core.library.texts import ORIGINAL
from core.records.course import FIXED
from core.settings.config import TrainConfig


def add_runs(sub: Any) -> None:
    """`runs …`."""
    runs = add_command(sub, "runs", commands.list_runs, "list the runs, or change one")
    change = runs.add_subparsers(metavar="CHANGE", parser_class=OneLineParser)
    rename = add_command(change, "rename", commands.rename, "give a run another name")
    rename.add_argument("run", metavar="RUN")
    rename.add_argument("name", metavar="NAME")
    delete = add_command(change, "delete", commands.delete, "put a run into the bin")
    delete.add_argument("run", metavar="RUN")
    _add_keeping(change)
    show = add_command(
        change, "show", commands.show, "what a run's curve says, and how it is inside"
    )
    show.add_argument("run", metavar="RUN")
    branch = add_command(change, "branch", commands.branch, "a new run that goes on from a step")
    branch.add_argument("run", metavar="RUN")
    branch.add_argument("--at", type=to_whole, metavar="STEP", help="default: the run's last step")
    branch.add_argument("--name", metavar="N")
    add_settings(branch, TrainConfig, skip=[n for n in FIXED if n != "max_iters"])


def _add_keeping(change: Any) -> None:
    restore = add_command(change, "restore", commands.restore, "take a run out of the bin")
    restore.add_argument("run", metavar="RUN")
    empty = add_command(
        change, "empty_bin", commands.empty_bin, "delete what is in the bin for good"
    )
    empty.add_argument(
        "--older_than_s",
        type=to_number,
        default=0.0,
        metavar="S",
        help="only what is in it that long",
    )
    add_command(change, "disk", commands.disk, "what the runs take on the disk, and the bin")
    clean = add_command(
        change, "clean", commands.clean, "keep of a run the last and the best checkpoint only"
    )
    which = clean.add_mutually_exclusive_group(required=True)
    which.add_argument("run", nargs="?", metavar="RUN")
    which.add_argument("--all", action="store_true", help="every run that nobody trains now")


def add_corpora(sub: Any) -> None:
    """`corpus …`."""
    corpus = sub.add_parser("corpus", help="list, add, measure, fetch or delete texts")
    what = corpus.add_subparsers(metavar="WHAT", required=True, parser_class=OneLineParser)
    add_command(what, "list", commands.list_corpora, "the texts there are")
    stats = add_command(
        what, "stats", commands.corpus_stats, "entropies, repeats and words of a text"
    )
    stats.add_argument("name", metavar="NAME")
    add = add_command(what, "add", commands.add_corpus, "add a text of your own")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--from", dest="source", required=True, metavar="FILE")
    add.add_argument(
        "--encoding", metavar="NAME", help="what the file is in, such as windows-1252 or utf-16"
    )
    add.add_argument("--fold_rare", action="store_true", help="fold rare characters into one sign")
    get = add_command(what, "get", commands.get_corpus, "fetch Karpathy's Tiny Shakespeare")
    get.add_argument("name", choices=[ORIGINAL])
    get.add_argument("--from", dest="source", metavar="FILE", help="take it from a file instead")
    delete = add_command(what, "delete", commands.delete_corpus, "put a text into the bin")
    delete.add_argument("name", metavar="NAME")
    restore = add_command(what, "restore", commands.restore_corpus, "take a text out of the bin")
    restore.add_argument("name", metavar="NAME")
    add_command(
        what, "empty_bin", commands.empty_corpus_bin, "delete the texts in the bin for good"
    )


def add_exchange(sub: Any) -> None:
    """`export` and `import`."""
    export = add_command(sub, "export", commands.export, "a run's model or metrics as files")
    export.add_argument("run", metavar="RUN")
    export.add_argument(
        "--format", choices=FORMATS, required=True,
        help="hf and nanogpt hold a classic transformer, safetensors every model, csv the metrics, "
        "run all of it as one file",
    )  # fmt: skip
    export.add_argument("--out", metavar="DIR", required=True)
    add_checkpoint(export, default="best")
    import_ = add_command(sub, "import", commands.import_model, "make a run of a file")
    import_.add_argument(
        "file", metavar="FILE", help="a run file, nanoGPT's ckpt.pt, or our own safetensors"
    )
    import_.add_argument("--corpus", metavar="C", help="the text it learned from")
    import_.add_argument("--name", metavar="N", help="a name for the run")


def add_bench(sub: Any) -> None:
    """`bench`."""
    bench = add_command(sub, "bench", commands.bench, "how fast everything is on this machine")
    bench.add_argument("--nanogpt", metavar="DIR", help="a checkout of nanoGPT to race")
    bench.add_argument("--corpus", metavar="C", help="the text to learn from")
    bench.add_argument("--quick", action="store_true", help="only to see that it runs")
