"""What each layer would guess, in numbers that add up."""

from __future__ import annotations

from lab.model_page.sentences import lens_text


def test_right_guesses_are_those_that_came_up_less_those_that_were_lost_again() -> None:
    said = lens_text(["axx", "abx"], "abc")
    assert "Of 3 characters the model guesses 2 right" in said
    assert "first comes up in layer 1: 1, layer 2: 1; never: 1" in said
    lost = lens_text(["abc", "axx"], "abc")
    assert "guesses 1 right" in lost
    assert "first comes up in layer 1: 3, layer 2: 0, of which 2 are lost again; never: 0" in lost
    assert "of which 1 is lost again" in lens_text(["ab", "ax"], "ab")
