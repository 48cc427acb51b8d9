"""Which stored texts stand beside one another."""

from __future__ import annotations

from itertools import pairwise

from core.records.records import Estimate
from lab.train_page.run.writing_panel import APART_NATS, MAX_RUNGS, Written, about_sample, rungs_of


def written(*losses: float) -> list[Written]:
    return [Written(nats, "owl", 10 * i, f"text {i}") for i, nats in enumerate(losses)]


def test_rungs_go_from_the_highest_loss_to_the_lowest_about_evenly() -> None:
    rungs = rungs_of(written(4.2, 1.9, 3.3, 3.2, 2.9, 2.5, 2.51, 2.3, 2.1, 3.75))
    assert [rung.loss_nats for rung in rungs] == [4.2, 3.75, 3.3, 2.9, 2.3, 1.9]


def test_there_are_no_more_than_fit_and_none_is_like_another() -> None:
    many = rungs_of(written(*(4.2 - 0.001 * i for i in range(2500))))
    assert len(many) == MAX_RUNGS
    assert (many[0].loss_nats, round(many[-1].loss_nats, 3)) == (4.2, 1.701)
    near = rungs_of(written(*(2.0 + 0.01 * i for i in range(30))))
    losses = [rung.loss_nats for rung in near]
    assert all(a - b >= APART_NATS for a, b in pairwise(losses))


def test_of_one_loss_there_is_one_text_and_of_none_none() -> None:
    assert len(rungs_of(written(2.0, 2.0, 2.0))) == 1
    assert rungs_of([]) == []


def test_a_text_is_captioned_with_its_step_its_loss_and_how_that_feels() -> None:
    estimates = [Estimate(0, 4.2, 4.2), Estimate(1000, 2.0, 2.4567)]
    assert about_sample(1000, estimates, in_bits=False) == (
        "It writes, at step 1,000 (estimate 2.457 nats, as unsure as among 12 characters), always "
        "with the same dice."
    )
    assert "(estimate 3.544 bits, as unsure" in about_sample(1000, estimates, in_bits=True)
