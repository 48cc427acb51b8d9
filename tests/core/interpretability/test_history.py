"""A head's history is its names in a row: when it was born, and as what."""

from __future__ import annotations

import pytest

from core.interpretability.habits import HABITS, Habit, HeadHabits, Name
from core.interpretability.history import HeadHistory, Stage, head_histories

STEPS = (0, 1, 2, 4, 8)


def measured(name: Name, head: int = 1, **shares: float) -> HeadHabits:
    return HeadHabits(
        layer=1, head=head, name=name, score=0.5, times_even=2.0, entropy_nats=1.0,
        shares={h: shares.get(h, 0.1) for h in HABITS}, even_shares=dict.fromkeys(HABITS, 0.1),
    )  # fmt: skip


def history(*names: Name) -> HeadHistory:
    (only,) = head_histories(STEPS[: len(names)], [[measured(name)] for name in names])
    return only


def test_stages_are_names_without_repetition() -> None:
    head = history("even", "even", "recent", "even", "previous")
    assert head.names == ("even", "even", "recent", "even", "previous")
    assert head.stages == (
        Stage("even", 0, 1), Stage("recent", 2, 2), Stage("even", 4, 4), Stage("previous", 8, 8),
    )  # fmt: skip
    assert head.birth == (Stage("even", 4, 4), Stage("previous", 8, 8))


def test_a_head_is_born_when_it_first_has_its_last_name() -> None:
    head = history("even", "spaces", "none", "none", "spaces")
    assert head.birth == (Stage("even", 0, 0), Stage("spaces", 1, 1))
    assert history("spaces", "even", "spaces").birth is None


def test_what_never_changed_was_never_born() -> None:
    assert history("even", "even").birth is None
    assert history("previous").birth is None


@pytest.mark.parametrize(
    ("names", "habit"),
    [
        (("even", "recent", "previous"), "previous"),
        (("even", "vowels", "none"), "vowels"),
        (("same", "spaces", "even"), "spaces"),
    ],
)
def test_the_habit_is_the_last_that_it_had(names: tuple[Name, ...], habit: Habit) -> None:
    assert history(*names).habit == habit


def test_a_head_without_habit_is_followed_where_it_leans_in_the_end() -> None:
    looks = [[measured("even", itself=0.9)], [measured("none", capitals=0.3)]]
    (head,) = head_histories(STEPS[:2], looks)
    assert head.habit == "capitals"
    assert head.shares == (0.1, 0.3) and head.even_share == 0.1


def test_heads_keep_their_order_and_their_own_measures() -> None:
    looks = [
        [measured("even", 1), measured("first", 2)],
        [measured("same", 1), measured("even", 2)],
    ]
    first, second = head_histories((0, 5), looks)
    assert (first.head, first.names) == (1, ("even", "same"))
    assert (second.head, second.names) == (2, ("first", "even"))


@pytest.mark.parametrize(
    ("steps", "looks"),
    [
        ((), []),
        ((0, 1), [[measured("even")], [measured("even", 2)]]),
        ((0,), [[measured("even")]] * 2),
    ],
)
def test_steps_must_have_the_same_heads(
    steps: tuple[int, ...], looks: list[list[HeadHabits]]
) -> None:
    with pytest.raises(ValueError):
        head_histories(steps, looks)
