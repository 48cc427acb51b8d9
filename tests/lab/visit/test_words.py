"""The visit's sentences, made of the numbers that they are given."""

from __future__ import annotations

import math

from lab.visit.tasks import N_STEPS, TASKS
from lab.visit.words import (
    BUTTONS,
    INVITATIONS,
    cost_text,
    gain_text,
    limit_text,
    marks,
    row_text,
    standing_text,
    table_text,
    written_text,
)


def test_every_task_has_a_button_and_a_reason() -> None:
    names = [task.name for task in TASKS]
    assert list(BUTTONS) == list(INVITATIONS) == names
    assert all(text.endswith(".") and text.count(". ") < 2 for text in INVITATIONS.values())


def test_how_far_one_has_come_is_said_in_words_and_signs() -> None:
    assert standing_text(2) == "Guided visit: 2 of 6 steps done"
    assert standing_text(N_STEPS) == "Guided visit: all 6 steps done"
    assert marks(2).count("check") == 2 and marks(2).count(":material/") == N_STEPS


def test_what_a_model_is_worth_is_said_with_its_unit_and_as_a_feeling() -> None:
    said = table_text("wise_owl", math.log(12), 64)
    assert said == (
        "wise\\_owl is trained: a loss of **2.485** nats per character. It is as unsure as among "
        "12 characters instead of 64."
    )
    gain = gain_text("fox", "with 3 layers", 2.0, "one layer of attention", 2.25)
    assert "**2.000** nats, 0.250 nats better than one layer of attention" in gain
    assert "among 7.4 characters instead of 9.5" in gain
    assert "0.250 nats worse than" in gain_text("fox", "", 2.25, "it", 2.0)


def test_a_row_is_said_with_visible_characters() -> None:
    said = (
        row_text("owl", ":", "\n", 0.65, 0.905).replace("\N{NO-BREAK SPACE}", " ").replace("\\", "")
    )
    assert said == (
        "One row for each character. In that of ‘:’ owl expects ‘↵’ with **65 %**; in the text it "
        "is 90 %, less with one added to each count."
    )


def test_the_limit_of_a_table_stands_beside_it() -> None:
    said = limit_text(2.504, 2.482, 1.65)
    assert "counting reaches **2.482** nats; the table stands at **2.504**" in said
    assert "From four, counting reaches 1.650" in said


def test_the_cost_is_said_with_or_without_the_time() -> None:
    assert cost_text(4096, "") == "4,096 parameters."
    assert cost_text(4096, "about 3 s") == "4,096 parameters, about 3 s."
    assert "every page is yours" in written_text("fox", 2.0)
