"""What texts at other losses look like: which are shown, and what is said of a text among them."""

from __future__ import annotations

import numpy as np
import pytest

from core.records.records import Estimate, Sample
from lab.generate_page.normal_words import (
    LEAST_GAP_NATS,
    N_SHOWN,
    KeptText,
    kept_texts,
    kept_title,
    nearest_to,
    normal_text,
    spread_by_loss,
)
from tests.helpers import run_of


def kept(loss_nats: float, text: str = "owl", run_name: str = "fox", step: int = 5) -> KeptText:
    return KeptText(run_name, "bigram", step, loss_nats, text)


def test_a_sample_belongs_to_the_estimate_of_its_step() -> None:
    written = {0: "xqz", 4: "worse than even odds among nine", 8: "", 9: "lost", 16: "the owl"}
    samples = [Sample(step, text) for step, text in written.items()]
    losses = {0: 2.2, 4: 7.4, 8: 2.15, 16: 2.1}
    estimates = [Estimate(step, nats - 0.1, nats) for step, nats in losses.items()]
    found = kept_texts(run_of("fox", "attention"), samples, estimates)
    assert found == [
        KeptText("fox", "attention", 0, 2.2, "xqz"),
        KeptText("fox", "attention", 16, 2.1, "the owl"),
    ]


def test_the_worst_the_best_and_the_nearest_are_always_shown_the_worst_first() -> None:
    rng = np.random.default_rng(0)
    texts = [kept(float(nats)) for nats in rng.uniform(1.5, 4.2, size=40)]
    for at_nats in ([], [1.9], [1.9, 2.4, 2.5]):
        shown = spread_by_loss(texts, at_nats)
        losses = [text.loss_nats for text in shown]
        assert len(shown) == N_SHOWN and losses == sorted(losses, reverse=True)
        assert losses[0] == max(t.loss_nats for t in texts)
        assert losses[-1] == min(t.loss_nats for t in texts)
        assert all(nearest_to(nats, texts) in shown for nats in at_nats)


def test_the_others_fill_the_widest_gaps() -> None:
    texts = [kept(nats) for nats in (4.0, 3.99, 3.2, 2.6, 2.0, 1.5, 1.0)]
    losses = [text.loss_nats for text in spread_by_loss(texts, [])]
    assert losses == [4.0, 3.2, 2.6, 2.0, 1.5, 1.0]


def test_texts_at_one_loss_are_shown_once_and_none_where_there_is_none() -> None:
    assert spread_by_loss([], [2.0]) == []
    alike = [kept(2.0 + LEAST_GAP_NATS / 10 * i, run_name=f"run-{i}") for i in range(5)]
    assert len(spread_by_loss(alike, [])) == 2  # the worst and the best


def test_a_text_is_held_against_those_at_about_its_loss() -> None:
    lexicon = frozenset({"the", "owl"})
    texts = [
        kept(1.9, "the owl xx"), kept(1.95, "the xxx xx", "hen"), kept(2.0, "xxx the xx"),
        kept(3.0, "xxx xxx xx"),
    ]  # fmt: skip
    said = normal_text("o_x", 1.96, "the owl the", texts, lexicon)
    assert said.startswith(r"**o\_x** wrote at 1.960 nats, as unsure as among 7.1 characters.")
    assert "3 kept texts by 2 runs, 30 % to 60 % of whose characters" in said
    assert said.endswith("of this text 82 %: more than usual at this loss.")
    assert normal_text("x", 1.96, "the xxxxxx", texts, lexicon).endswith("as usual at this loss.")
    assert normal_text("x", 1.96, "xx", texts, lexicon).endswith("less than usual at this loss.")


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([], "characters."),
        ([kept(3.0)], "the nearest is at 3.000 nats, by fox."),
        ([kept(2.05)], "Within 0.1 nats of it: 1 kept text by 1 run."),
    ],
)
def test_few_texts_make_no_verdict(texts: list[KeptText], says: str) -> None:
    assert normal_text("x", 2.0, "the", texts, None).endswith(says)
    assert "usual" not in normal_text("x", 2.0, "the", texts, frozenset({"the"}))


def test_a_kept_text_says_whose_it_is_with_its_unit() -> None:
    assert kept_title(kept(2.5, step=1_000)) == (
        "**2.500 nats**, as unsure as among 12 characters: fox (bigram), step 1,000"
    )
