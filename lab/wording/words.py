"""How the lab says numbers and times, on every page the same. Pure; no screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.findings.meaning import bits as bits
from core.findings.meaning import choices
from core.records.records import RunRecord, RunStatus
from core.text.characters import signs_of

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
"""Not the system's own, so that they are in the language of the page."""
STATUS: dict[RunStatus, str] = {
    "queued": "not started yet",
    "running": "running",
    "paused": "paused",
    "finished": "finished",
    "failed": "failed",
    "interrupted": "interrupted",
}

MOST_LINES = 10
"""A sample of more lines than this, as a model writes that has learned nothing, is run together."""


def count(number: float) -> str:
    """A whole number with thousands separated."""
    return f"{number:,.0f}"


def loss(nats: float | None) -> str:
    """A loss in nats per character with three decimals, or a dash."""
    return "–" if nats is None else f"{nats:.3f}"


def felt_loss(nats: float | None) -> str:
    """A loss and how large it feels, in Markdown: 1.946 nats · unsure among 7 characters."""
    if nats is None:
        return "**–** :gray[nats]"
    return f"**{loss(nats)}** :gray[nats · unsure among {choices(nats)} characters]"


def duration(seconds: float) -> str:
    """A time as people say it: 8 s, 1 min 32 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def date(at_s: float) -> str:
    """A moment (seconds since 1970) by this computer's clock: 25 Nov 14:02."""
    at = datetime.fromtimestamp(at_s)
    return f"{at.day} {MONTHS[at.month - 1]} {at:%H:%M}"


def mib(size_bytes: float) -> str:
    """A size as it is taken on the disk or in memory: 24.1 MiB."""
    return f"{size_bytes / 2**20:,.1f} MiB"


def listed(parts: Sequence[str]) -> str:
    """One or more things in a sentence: A, B and C."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def readable_sample(text: str) -> str:
    """What a model wrote, as it is; mostly line ends in one stretch, in which they are seen."""
    return "".join(signs_of(text)) if text.count("\n") > MOST_LINES else text


def seeing_ahead_text(runs: Sequence[RunRecord]) -> str:
    """Why some of the runs have no loss beside those of the others; empty where all have one."""
    if not any(run.looks_ahead for run in runs):
        return ""
    return "A model without a causal mask sees what it is to guess: its loss is none to compare."


def short_count(number: float) -> str:
    """A large number at a glance: 4,225, 90.4 k, 0.80 M, 1.25 G."""
    if number < 10_000:
        return count(number)
    if number < 500_000:
        return f"{number / 1e3:.1f} k"
    return f"{number / 1e6:.2f} M" if number < 1e8 else f"{number / 1e9:.2f} G"


def progress(record: RunRecord) -> str:
    """Where a run stands, in one line."""
    parts = [f"step {count(record.step)} of {count(record.max_iters)}"]
    if record.status == "running" and record.step >= record.max_iters:
        parts.append("measuring the whole validation split …")
    elif record.status == "running" and record.steps_per_s > 0:
        left_s = (record.max_iters - record.step) / record.steps_per_s
        decimals = 0 if record.steps_per_s >= 10 else 1
        parts += [f"{record.steps_per_s:.{decimals}f} steps/s", f"{duration(left_s)} left"]
    else:
        parts += [STATUS[record.status], times(record)]
    if record.parent_step is not None and record.step < record.parent_step:
        parts.append(f"repeating its parent up to step {count(record.parent_step)}")
    return " · ".join(parts)


def times(record: RunRecord) -> str:
    """How long a run has trained, and how long somebody waited for that: 12 s of training, …"""
    training = f"{duration(record.train_s)} of training"
    return training if record.wall_s is None else f"{training}, {duration(record.wall_s)} waited"


def at_risk(record: RunRecord) -> str:
    """How much training could be lost, in one sentence."""
    saved = f"Saved up to step {count(record.checkpoint_step)}"
    if record.status == "running":
        return (
            f"{saved}; it trains on when this tab is closed, and if the lab is killed now, at most "
            f"about {duration(record.checkpoint_interval_s)} of training are lost."
        )
    if record.status in ("interrupted", "failed"):
        if record.checkpoint_step:
            return f"{saved}; it can be resumed from there."
        return "Nothing was saved yet; it would start again from step 0."
    if record.step == record.checkpoint_step:
        return "All of it is saved."
    return f"{saved}; the steps after it would be taken again if the lab were killed."
