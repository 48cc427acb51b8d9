"""What is said of a picture is what it shows."""

from __future__ import annotations

import numpy as np

from core.records.records import Estimate
from core.text.reference import ReferenceLine
from lab.figures.said import distances_said, likeliest_said, losses_said, range_said
from tests.lab.figures.test_losses import curve

LINES = (ReferenceLine("bigram", 2.5), ReferenceLine("5-gram", 1.6))


def test_losses_are_said_from_the_first_to_the_last_with_what_counting_reaches() -> None:
    estimates = [Estimate(0, 4.2, 4.25), Estimate(1500, 1.9, 2.0)]
    owl = curve("attention", "owl", [], estimates)
    assert losses_said([owl], LINES) == (
        "Validation loss: owl (attention) from 4.250 nats to 2.000 nats at step 1,500. "
        "Counting alone reaches: bigram 2.500 nats, 5-gram 1.600 nats."
    )
    assert "to 2.885 bits at step 1,500" in losses_said([owl], LINES, in_bits=True)


def test_where_nothing_is_measured_that_is_said() -> None:
    assert losses_said([curve(steps=[], estimates=[])], ()) == "No loss is measured yet."
    assert range_said(np.array([np.nan], np.float32)) == "none are known"


def test_the_likeliest_are_named_with_their_shares() -> None:
    shares = np.array([0.01, 0.5, 0.25, 0.2, 0.04], np.float32)
    assert likeliest_said(shares, "ab\n de") == "‘b’ 50 %, ‘↵’ 25 %, ‘␣’ 20 %, ‘d’ 4.0 %"


def test_a_range_leaves_out_what_is_not_there() -> None:
    assert range_said(np.array([[np.nan, -1.5], [2.25, 0.0]], np.float32)) == "from -1.5 to 2.25"


def test_of_each_head_it_is_said_how_far_back_it_looks_most() -> None:
    self_looking = np.eye(4, dtype=np.float32)
    previous = np.zeros((4, 4), np.float32)
    previous[0, 0] = previous[1, 0] = previous[2, 1] = previous[3, 2] = 1.0
    assert distances_said(np.stack([self_looking, previous])) == (
        "Most of the weight goes to: head 1 itself (100 %), head 2 the character 1 back (75 %)."
    )
