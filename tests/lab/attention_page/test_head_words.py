"""What heads do is said with its numbers."""

from __future__ import annotations

from core.interpretability.habits import HABITS, HeadHabits, Name
from lab.attention_page.head_words import habit_sentence, heads_sentence
from lab.figures.map_axes import percent


def head(name: Name, score: float = 0.5) -> HeadHabits:
    return HeadHabits(
        layer=1, head=1, name=name, score=score, times_even=2.0, entropy_nats=1.0,
        shares=dict.fromkeys(HABITS, 0.5), even_shares=dict.fromkeys(HABITS, 0.25),
    )  # fmt: skip


def test_heads_are_counted_by_their_habits_the_most_frequent_first() -> None:
    heads = [head("vowels"), head("recent"), head("even"), head("none"), head("recent")]
    assert heads_sentence(heads) == (
        "**3 of 5 heads have a habit**, looking at the last 8 characters (2) and vowels (1). "
        "Of the others 1 spread almost evenly and for 1 no rule fits."
    )


def test_a_model_that_has_learned_nothing_is_said_to_have_learned_nothing() -> None:
    assert heads_sentence([head("even")] * 4) == (
        "**All 4 heads spread almost evenly**: they have learned nothing yet."
    )
    assert heads_sentence([head("none"), head("none")]) == (
        "**0 of 2 heads have a habit**. Of the others for 2 no rule fits."
    )
    assert heads_sentence([head("same")]) == (
        "**1 of 1 heads have a habit**, looking at the same character, earlier (1)."
    )


def test_one_head_is_said_beside_what_even_spreading_would_give() -> None:
    assert habit_sentence(head("itself", 0.5)) == (
        f"**The looking character itself.** {percent(0.5)} of its weight, where even spreading "
        f"would give {percent(0.25)}: 2.0 times as much."
    )
