"""A head's history in a sentence: born, lost, found again, or always so."""

from __future__ import annotations

import pytest

from core.interpretability.habits import Name
from lab.attention_page.history_words import history_sentence, stages_text
from tests.core.interpretability.test_history import history


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("even", "even", "spaces"), "Born between step 1 and 2: until then it spread its weight"),
        (("even", "none", "recent", "recent"), "between step 1 and 2: until then it had no clear"),
        (("vowels", "first"), "Born between step 0 and 1: until then its habit was vowels."),
        (
            ("even", "spaces", "none", "spaces"),
            "Born between step 0 and 1: until then it spread its weight evenly, or almost. It lost "
            "it on the way, and has it without a break from step 4 on.",
        ),
        (("same", "none", "same"), "It began so, lost it on the way, and has it without a break"),
        (("even", "none", "none"), "It stopped spreading evenly between step 0 and 1, and has no"),
        (
            ("even", "same", "none"),
            "So from somewhere between step 1 and 2 on: until then its habit",
        ),
        (("none", "even"), "So from somewhere between step 0 and 1 on: until then it had no clear"),
        (("even", "even"), "So at all 2 snapshots."),
        (("even",), "There is one snapshot so far."),
    ],
)
def test_what_happened_is_said(names: tuple[Name, ...], says: str) -> None:
    sentence = history_sentence(history(*names))
    assert says in sentence and sentence.startswith("**Layer 1 · head 1: ")
    assert "spreading evenly would give 10\N{NO-BREAK SPACE}%." in sentence


def test_all_its_names_are_listed() -> None:
    assert stages_text(history("even", "even", "same", "none", "none")) == (
        "even 0 to 1 · same at 2 · no habit 4 to 8"
    )
