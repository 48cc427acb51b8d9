"""The command `bench`: how fast everything is on this machine."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from core.bench.measure import QUICK, Plan
from core.bench.measure import bench as measure
from core.bench.report import table
from core.commands.common import Fields, say
from core.runs.lab import Lab


def bench(lab: Lab, args: Namespace) -> Fields:
    corpus = lab.library.load(args.corpus)
    plan = QUICK if args.quick else Plan()
    measured = measure(corpus, plan, Path(args.nanogpt) if args.nanogpt else None, say)
    return measured | {"table": table(measured)}
