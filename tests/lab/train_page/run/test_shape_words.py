"""Steep and then flat is said to be normal only where it is so, with the numbers of the curve."""

from __future__ import annotations

from lab.train_page.run.shape_words import shape_text
from tests.curves import curve, taken

FAST = curve([4.0, 2.8, 2.4, 2.2, 2.1, 2.0])
ZIGZAG = taken([2.0 + 0.12 * (i % 2) for i in range(40)])


def test_how_much_of_the_fall_came_first_and_how_far_the_thin_line_jumps() -> None:
    assert shape_text(FAST, ZIGZAG) == (
        "Steep, then flat is normal: the first fifth of the steps brought 60 % of the fall so far. "
        "The thin line zigzags, by about 0.120 nats from point to point, because each step sees "
        "another batch."
    )
    assert "0.173 bits" in shape_text((), ZIGZAG, in_bits=True)


def test_what_is_not_so_is_not_said() -> None:
    even = curve([4.0, 3.6, 3.2, 2.8, 2.4, 2.0])
    rising = curve([2.0, 2.4, 2.5, 2.6, 3.0])
    back = curve([4.0, 2.0, 2.5, 3.0, 3.5, 3.6])  # the first fifth brought more than all
    broken = curve([4.0, 2.8, 2.4, 2.2, 2.1, float("nan")])
    for estimates in (even, rising, back, broken, FAST[:3]):
        assert shape_text(estimates, ()) == ""
    assert shape_text((), ZIGZAG[:30]) == shape_text((), taken([float("nan")] * 60)) == ""
