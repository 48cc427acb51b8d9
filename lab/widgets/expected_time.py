"""How long runs will take on this machine, said before they start."""

from __future__ import annotations

from collections.abc import Collection

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
