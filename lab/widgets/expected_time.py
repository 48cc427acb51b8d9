"""What runs will take of this machine, time and disk, said before they start."""

from __future__ import annotations

from collections.abc import Collection

from core.runs.disk_ahead import most_disk_mib
from core.settings.config import RunConfig
from core.text.corpus import Corpus
from lab.session.state import the_calibration
from lab.wording import words


def expected_time(configs: Collection[RunConfig], corpus: Corpus) -> str:
    """The time that somebody will wait for them, in turns, and how much of it is training.

    "about 24 s (18 s of training)"; nothing while the machine is being timed.
    """
    calibration = the_calibration()
    if calibration is None or not configs:
        return ""
    wall_s = sum(calibration.wall_s(config, len(corpus.val)) for config in configs)
    train_s = sum(calibration.train_s(config) for config in configs)
    return f"about {words.duration(wall_s)} ({words.duration(train_s)} of training)"


def expected_disk(config: RunConfig, wall_s: float | None) -> str:
    """What a run that takes so long will keep on the disk at most: "up to 12 MiB of disk"."""
    return f"up to {words.count(most_disk_mib(config, wall_s))} MiB of disk"
