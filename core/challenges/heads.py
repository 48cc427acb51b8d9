"""How much of its weight a model's heads give to the character just before, measured for a score.

The rules and the names of heads are `core.interpretability.habits`'s.
"""

from __future__ import annotations

from core.challenges.telemetry import PreviousHead
from core.interpretability.habits import head_habits
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from core.text.corpus import Corpus
from core.text.windows import sample_windows

N_WINDOWS = 32
"""Of the validation split."""
MAX_WEIGHTS = 2**24
"""At most so many attention weights are looked at: of a large model fewer windows are read."""


def can_be_measured(run: RunRecord) -> bool:
    """Whether a run is over and has heads, in windows long enough to choose a place in."""
    model = run.config.model
    return run.status == "finished" and model.has("attention") and model.block_size > 1


def previous_head(loaded: LoadedModel, corpus: Corpus) -> PreviousHead | None:
    """The head that looks most at the previous character; None for a model without heads.

    Draws no random number: the windows are the same for the same text.
    """
    config = loaded.model.config
    n_heads, T = config.n_layer * config.n_head, config.block_size
    if not n_heads or T < 2:
        return None
    n_windows = max(1, min(N_WINDOWS, MAX_WEIGHTS // (n_heads * T * T)))
    _, windows = sample_windows(corpus, T, n_windows)
    habits = head_habits(loaded.model, loaded.vocabulary, windows[:, :-1])
    best = max(habits, key=lambda h: (h.name == "previous", h.shares["previous"]))
    return PreviousHead(
        best.layer, best.head, best.shares["previous"], is_named=best.name == "previous"
    )
