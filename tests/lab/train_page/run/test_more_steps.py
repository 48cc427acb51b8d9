"""Would more steps help? Each answer has the numbers of the curve that it is about."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from core.findings.curve import Broken, StepsRose, verdict
from core.records.records import Estimate
from lab.train_page.run.more_steps import more_steps_text
from tests.curves import LINES, curve, ending, turning


def said(estimates: Sequence[Estimate], in_bits: bool = False) -> str:
    return more_steps_text(verdict(estimates, (), LINES, 1000).state, in_bits)


@pytest.mark.parametrize(
    ("estimates", "answer"),
    [
        (ending(1.95, 1.9, 1.86), "More steps help: validation fell by 0.140 nats since step 600"),
        (
            ending(2.0, 1.995, 2.01),
            "More steps at this rate bring little: validation is flat, within noise, since step "
            "600",
        ),
        (
            ending(2.03, 2.02, 2.04),
            "More steps do not help now: validation is 0.020 nats above its best, at step 600",
        ),
        (
            turning([0.1, 0.15, 0.2], [0.1, 0.2, 0.3]),
            "More steps do harm: validation has risen by 0.200 nats since its best, at step 300, "
            "while training fell",
        ),
        (
            curve([4.2, 2.5, 2.1, 2.9, 3.0, 3.0, 3.0]),
            "More steps do not mend it: rewind to before step 200, to a smaller rate",
        ),
        (curve([4.2, 2.5, 2.1, 3.9, 3.5, 3.3, 3.1, 2.9, 2.7, 2.5]),
         "More steps may bring it back to its best, at step 200"),
        (curve([4.2, 3.0]), ""),
    ],
)  # fmt: skip
def test_the_curve_says_whether_more_steps_would_help(
    estimates: list[Estimate], answer: str
) -> None:
    assert said(estimates) == answer


def test_a_loss_is_said_in_the_unit_that_the_reader_chose() -> None:
    assert "fell by 0.202 bits since" in said(ending(1.95, 1.9, 1.86), in_bits=True)


def test_what_went_out_of_hand_is_gone_back_from() -> None:
    assert "rewind to before step 70," in more_steps_text(Broken(70, None))
    assert "rewind to before step 60," in more_steps_text(StepsRose(20, 60, 40, 2.0, 2.1, 2.9))
