"""What is said of texts that are written side by side, without a page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.generation.sampling import TokenRecord
from core.settings.config import SampleConfig
from lab.session.writing import WritingSnapshot, WritingState
from lab.widgets.sheets import (
    Sheet,
    others_text,
    progress_text,
    readable_by_all,
    refused_text,
)
from lab.wording.wishes import Wish, sampling_text

WISH = Wish(run_id="a", run_name="a_x", moment="best", prompt="O", config=SampleConfig())


def sheet(run_id: str, message: str = "", unknown: str = "") -> Sheet:
    wish = replace(WISH, run_id=run_id, run_name=f"{run_id}_x")
    return Sheet(wish, "title", message=message, unknown=unknown)


def test_whose_vocabulary_lacks_what_is_said_and_all_of_it_can_be_dropped() -> None:
    both = [sheet("a", "No ‘é’.", "é"), sheet("b"), sheet("c", "No ‘$’.", "$")]
    assert refused_text(both) == "a_x: No ‘é’. c_x: No ‘$’."
    assert refused_text(both[:1]) == "No ‘é’." and refused_text(both[1:2]) == ""
    assert readable_by_all("é, $ and e", both) == ",  and e"


def test_texts_of_other_runs_are_called_by_their_names() -> None:
    a, b = sheet("a"), sheet("b")
    assert others_text([], [WISH]) == ""
    assert others_text([a, b], [a.wish, b.wish]) == ""
    assert others_text([a, b], [b.wish, a.wish]) == r"other runs (a\_x and b\_x)"
    assert others_text([a, b], [a.wish]) == r"other runs (a\_x and b\_x)"
    assert others_text([a], [b.wish]) == r"run a\_x"


def test_what_was_set_otherwise_is_said_of_whichever_run_it_holds() -> None:
    a, b = sheet("a"), sheet("b")
    assert others_text([a, b], [a.wish, replace(b.wish, moment=7)]) == "best step"
    more = [replace(each.wish, n_samples=4) for each in (a, b)]
    assert others_text([a, b], more) == "samples 1 (now 4)"


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("writing", "3 of 400 characters"),
        ("done", "3 characters, 20 a second"),
        ("stopped", "stopped after 3 characters, 20 a second"),
        ("failed", "broke off after 3 characters"),
    ],
)
def test_where_texts_stand_is_said_in_a_few_words(state: WritingState, says: str) -> None:
    text = (TokenRecord(0, "a", 0.5, 1),) * 3
    assert progress_text(WritingSnapshot(state, "", (text, text), 400, 0.2)) == says


def test_seeds_of_several_samples_are_said() -> None:
    assert sampling_text(SampleConfig(seed=7)) == "Temperature 0.8 · seed 7"
    assert sampling_text(SampleConfig(seed=7), 3) == "Temperature 0.8 · seeds 7 to 9"
