"""The loss at each place of a window is that of guesses from so many characters."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from core.errors import CorpusError
from core.interpretability.context import LONGEST_COUNTED, counted_by_context, loss_by_context
from core.models import build_model
from core.settings.presets import resolve
from core.text.corpus import Corpus
from core.text.reference import reference_lines
from core.training.evaluation import windows_loss
from tests.core.interpretability.test_parts import HOW, T, V, some_model


@pytest.mark.parametrize("name", HOW)
def test_each_place_is_a_guess_from_so_many_characters(name: str) -> None:
    model = some_model(name)
    n_windows = 1 + 4096 // T  # more than fit into one pass
    tokens = torch.randint(V, (n_windows * T + 6,), generator=torch.Generator().manual_seed(5))
    losses = loss_by_context(model, tokens)
    rows = tokens[: n_windows * T + 1].unfold(0, T + 1, T)
    for seen in (1, 2, T):
        with torch.no_grad():
            logits = model(rows[:, :seen])[:, -1]
        expected = F.cross_entropy(logits, rows[:, seen])
        assert float(losses[seen - 1]) == pytest.approx(float(expected), abs=1e-5)
    assert float(losses.mean()) == pytest.approx(windows_loss(model, rows), abs=1e-5)


def test_a_table_gains_nothing_from_more_context_and_counts_do(corpus: Corpus) -> None:
    V = len(corpus.vocabulary)
    table = build_model(resolve("bigram", V, None, dict(block_size=8)).model, seed=1)
    losses = loss_by_context(table, corpus.val)
    assert losses.shape == (8,)
    counted = counted_by_context(corpus)
    assert len(counted) == LONGEST_COUNTED
    lines = {line.name: line.loss_nats for line in reference_lines(corpus)}
    assert counted[1:] == [lines[f"{n}-gram"] for n in (3, 4, 5)]


def test_a_text_without_one_whole_window_is_refused() -> None:
    with pytest.raises(CorpusError, match="less than one whole window"):
        loss_by_context(some_model("classic"), torch.zeros(T, dtype=torch.int64))
