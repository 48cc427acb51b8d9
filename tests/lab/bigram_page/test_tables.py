"""The tables in their orders: the same numbers, each where its character stands."""

from __future__ import annotations

import pytest
import torch

from core.interpretability.orders import ORDERS
from core.models import build_model
from core.runs.lab import LoadedModel
from core.text.corpus import Corpus
from lab.bigram_page.tables import Tables
from lab.session.transitions import CountedText, counted_text
from tests.helpers import small_config


@pytest.fixture
def loaded(tiny_corpus: Corpus) -> LoadedModel:
    config = small_config("bigram", len(tiny_corpus.vocabulary)).model
    model = build_model(config, seed=1).eval()
    torch.nn.init.normal_(model.table.weight, generator=torch.Generator().manual_seed(1))
    return LoadedModel(model, tiny_corpus.vocabulary, 0, "untrained, step 0")


@pytest.fixture
def counted(tiny_corpus: Corpus) -> CountedText:
    return counted_text(tiny_corpus)


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_moves_rows_and_columns_together(
    loaded: LoadedModel, counted: CountedText, order: str
) -> None:
    tables = Tables.of(loaded, counted)
    moved = tables.in_order(order)  # type: ignore[arg-type]
    assert sorted(moved.characters) == list(tables.characters)
    assert tables.counted is not None and moved.counted is not None
    assert tables.often is not None and moved.often is not None
    before, after = tables.square(tables.learned), moved.square(moved.learned)
    counts_before, counts_after = tables.square(tables.counted), moved.square(moved.counted)
    for row, first in enumerate(moved.characters):
        i = tables.characters.index(first)
        assert moved.often[row] == tables.often[i]
        for column, then in enumerate(moved.characters):
            j = tables.characters.index(then)
            assert after[row, column] == before[i, j]
            assert counts_after[row, column] == counts_before[i, j]
    assert moved.divergence_nats == pytest.approx(tables.divergence_nats)
    if order == "frequency":
        assert moved.often.tolist() == sorted(tables.often.tolist(), reverse=True)


def test_an_order_by_the_counts_stays_while_a_table_learns(
    loaded: LoadedModel, counted: CountedText
) -> None:
    before = Tables.of(loaded, counted).in_order("similarity").characters
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            parameter.neg_()
    assert Tables.of(loaded, counted).in_order("similarity").characters == before


def test_without_the_text_nobody_knows_what_is_frequent(loaded: LoadedModel) -> None:
    tables = Tables.of(loaded, None)
    assert tables.orders == ["alphabet", "similarity"]
    assert tables.counted is None and tables.divergence_nats is None
    assert tables.entropies.counted_nats is None
    assert sorted(tables.in_order("similarity").characters) == list(tables.characters)


def test_the_rest_is_the_mean_of_the_rows(loaded: LoadedModel, counted: CountedText) -> None:
    tables = Tables.of(loaded, counted)
    assert tables.often is not None
    rows = [tables.row_divergence_nats(row) for row in range(len(tables.characters))]
    mean = sum(n * row for n, row in zip(tables.often.tolist(), rows)) / int(tables.often.sum())
    assert tables.divergence_nats == pytest.approx(mean)
