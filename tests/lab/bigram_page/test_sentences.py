"""The page's sentences say the numbers that they are given, and nothing that these do not."""

from __future__ import annotations

import torch

from core.interpretability.averaged import AveragedTransitions
from core.interpretability.divergence import Divergence
from lab.bigram_page.sentences import (
    alone_sentence,
    averaged_sentence,
    empty_rows_sentence,
    rare_sentence,
    rest_sentence,
    row_beside_counts_sentence,
    row_sentence,
)


def left(total_nats: float, **parts: float) -> Divergence:
    values = dict(rare_nats=0.0, n_rare=0, rare_share=0.0, unseen_nats=0.0) | parts
    return Divergence(total_nats=total_nats, **values)  # type: ignore[arg-type]


def test_what_is_left_is_compared_with_half_the_way() -> None:
    now = left(0.02, unseen_nats=0.015)
    said = rest_sentence(1000, {0: left(1.7), 400: left(0.1), 512: left(0.06), 1000: now}, now)
    assert "At step 1,000 a guess costs **0.020 nats** more" in said
    assert "after 0.100 at step 400" in said
    assert "75\N{NO-BREAK SPACE}% of that is probability for pairs" in said
    first = rest_sentence(0, {}, left(1.7))
    assert "after" not in first and "**1.700 nats**" in first


def test_rare_rows_are_said_with_their_share_of_the_guesses() -> None:
    said = rare_sentence(left(0.02, rare_nats=0.01, n_rare=42, rare_share=0.2), 10_039)
    assert said.startswith("50\N{NO-BREAK SPACE}% of all of it comes from the 42 rows")
    assert "fewer than 10,039 times" in said
    assert "4.0 times as far off" in said and said.endswith("only when its character comes by.")
    even = rare_sentence(left(0.02, rare_nats=0.004, n_rare=1, rare_share=0.2), 9)
    assert "the 1 row of" in even and "1.0 times as far off as another." in even
    assert rare_sentence(left(0.02), 9) == "" == rare_sentence(left(0.0, n_rare=2), 9)


def test_a_row_says_its_entropy() -> None:
    said = row_beside_counts_sentence("t", 60_384, 2.28, 2.16, 0.022)
    assert "‘t’ comes 60,384 times" in said and "entropy 2.28 nats learned, 2.16 counted" in said
    assert "as unsure as among 9.8 characters" in said and "costs 0.022 nats more" in said
    unknown = row_beside_counts_sentence("$", 1, float("nan"), 4.0, float("nan"))
    assert "its row is empty" in unknown and "nan" not in unknown
    assert "‘␣’ is as unsure as" in row_sentence(" ", 1.0)


def test_another_model_s_table_says_what_it_means() -> None:
    assert "**owl** pays **0.098 nats** a guess more" in alone_sentence("owl", 0.098)
    averaged = AveragedTransitions(
        probabilities=torch.full((2, 2), 0.5), followed=torch.tensor([[600, 400], [0, 0]]),
        n_windows=25, context_nats=0.6, loss_nats=0.5,
    )  # fmt: skip
    said = averaged_sentence("owl", 0.018, averaged, averaged.loss_of(averaged.probabilities))
    assert "1,000 places in 25 windows" in said and "**0.018 nats** from the counts" in said
    assert "0.600 nats from that average" in said
    assert "Its loss here is 0.193 nats below the counts'." in said  # ln 2 - 0.5
    assert "0.100 nats above the counts'" in averaged_sentence("owl", 0.018, averaged, 0.4)


def test_empty_rows_are_counted() -> None:
    assert empty_rows_sentence(0, 0.0) == ""
    assert empty_rows_sentence(1, 0.1).startswith("1 row is empty")
    assert empty_rows_sentence(3, 0.1).startswith("3 rows are empty")
