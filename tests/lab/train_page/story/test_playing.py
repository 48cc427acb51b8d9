"""Where the telling of a step stands: forward and back through scenes and steps."""

from __future__ import annotations

import pytest

from lab.train_page.story.playing import MAX_AHEAD, Stand
from lab.train_page.story.words import SCENES

LAST = len(SCENES) - 1


def test_forward_goes_through_the_scenes_and_on_to_the_next_step() -> None:
    stand = Stand("run")
    assert stand.is_first
    walked = [stand]
    for _ in range(LAST + 2):
        walked.append(walked[-1].forward())
    assert [(s.n_ahead, s.scene) for s in walked] == [
        *((0, scene) for scene in range(LAST + 1)), (1, 0), (1, 1),
    ]  # fmt: skip
    for there, before in zip(walked[:0:-1], walked[-2::-1]):
        assert there.back() == before
    assert stand.back() == stand


def test_the_next_step_keeps_the_scene_but_for_the_last() -> None:
    assert Stand("run", 2, 3).next_step() == Stand("run", 3, 3)
    assert Stand("run", 2, LAST).next_step() == Stand("run", 3, 0)
    assert Stand("run", 2, 3).at_scene(1) == Stand("run", 2, 1)


def test_it_ends_somewhere() -> None:
    last = Stand("run", MAX_AHEAD, LAST)
    assert last.is_last and last.forward() == last
    assert Stand("run", MAX_AHEAD, 2).next_step().n_ahead == MAX_AHEAD
    assert not Stand("run", MAX_AHEAD, LAST - 1).is_last


@pytest.mark.parametrize("n_ahead", [0, 1])
def test_only_the_very_first_scene_has_none_before_it(n_ahead: int) -> None:
    assert Stand("run", n_ahead, 0).is_first == (n_ahead == 0)
    assert not Stand("run", n_ahead, 1).is_first
