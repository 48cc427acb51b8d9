"""Events keep their fields on the way through JSON, and their old sentences give the same ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.records.event_words import detail_of, story_of
from core.records.events import (
    KINDS,
    Branched,
    Changed,
    Diverged,
    Elsewhere,
    EndMoved,
    Event,
    Failed,
    Finished,
    Happening,
    Machine,
    ModelImported,
    PlainText,
    Race,
    Resumed,
    RunFileOpened,
    fields_of,
    happening,
)
from core.registry import happenings

ONE, TWO = Machine("cpu", "float32", 1), Machine("cpu", "float32", 2)
HALF = Machine("cpu", "bfloat16", 2)
PAIR, CUDA = Machine("cpu", "float32", 1, n_processes=2), Machine("cuda", "bfloat16", None)
MACHINES = [ONE, TWO, HALF, PAIR, CUDA]
DAMAGED = tuple(f"The checkpoint {name} cannot be read: cut short." for name in ("a.pt", "b.pt"))
SAID: list[tuple[Happening, str]] = [
    (
        Changed({"learning_rate": (0.1, 1e-5), "schedule": ("cosine", "constant")}),
        '{"learning_rate": [0.1, 1e-05], "schedule": ["cosine", "constant"]}',
    ),
    (TWO, "cpu, float32, 2 threads"),
    (PAIR, "cpu, float32, 1 thread, 2 processes"),
    (CUDA, "cuda, bfloat16"),
    (EndMoved(40, 1000), "40 -> 1000"),
    (Finished(), ""),
    (Diverged(), ""),
    (Failed("The disk\nis full: 3 -> 4."), "The disk\nis full: 3 -> 4."),
    (Branched("owl", without_later_changes=False), "from owl"),
    (
        Branched("from, a", without_later_changes=True),
        "from from, a, without what was changed in it later",
    ),
    (Race("ab12", "seconds", 30), "ab12: 30 seconds for each model"),
    (Race("ab12", "steps", 1000), "ab12: 1000 steps for each model"),
    (ModelImported("ckpt.pt"), "from ckpt.pt"),
    (RunFileOpened("from x.run.zip"), "from from x.run.zip"),
    (PlainText("telepathy", "so it said"), "so it said"),
    (PlainText("race", "faster"), "faster"),
]
RESTORED = "weights, optimiser, random numbers and place in the text are those of that step"
SAME_DIGITS = "so its numbers may not be the same to the last digit."
RESUMED: list[tuple[Resumed, str]] = [
    (Resumed(0), f"Nothing was lost: {RESTORED}."),
    (Resumed(1234), f"1,234 steps after it are taken again, the same: {RESTORED}."),
    (
        Resumed(3, Elsewhere(now=ONE, before=TWO)),
        f"3 steps after it are taken again: {RESTORED}. It goes on with 1 thread instead of "
        f"2 threads, {SAME_DIGITS}",
    ),
    (
        Resumed(8, from_start=True),
        f"8 steps after it are taken again, the same: {RESTORED}. There was no checkpoint yet, so "
        "it starts again from step 0.",
    ),
    (
        Resumed(0, Elsewhere(now=PAIR, before=CUDA), damaged=DAMAGED),
        f"Nothing was lost: {RESTORED}. It goes on with cpu, float32, 1 thread, 2 processes "
        f"instead of cuda, bfloat16, {SAME_DIGITS} The checkpoint a.pt cannot be read: cut short. "
        "The checkpoint b.pt cannot be read: cut short.",
    ),
]


@pytest.mark.parametrize(("what", "said"), [*SAID, *RESUMED])
def test_fields_go_through_json_and_words_are_put_around_them(what: Happening, said: str) -> None:
    event = Event(7, what, 1.5)
    assert happening(event.kind, json.loads(json.dumps(fields_of(what)))) == what
    assert detail_of(what) == said


@pytest.mark.parametrize(("what", "said"), [*SAID, *RESUMED])
def test_an_old_sentence_gives_the_same_fields(what: Happening, said: str) -> None:
    noted = [("machine", detail_of(machine)) for machine in (TWO, CUDA)]
    *machines, found = happenings([*noted, (Event(7, what, 1.5).kind, said)])
    assert (machines, found) == ([TWO, CUDA], what)


@pytest.mark.parametrize("now", MACHINES)
@pytest.mark.parametrize("before", MACHINES)
def test_an_old_resume_on_any_other_machine_is_understood(now: Machine, before: Machine) -> None:
    what = Resumed(5, Elsewhere(now, before) if now != before else None)
    _, found = happenings([("machine", detail_of(before)), ("resumed", detail_of(what))])
    assert found == what


def test_an_old_resume_on_a_machine_that_nobody_noted_stays_text() -> None:
    said = detail_of(Resumed(0, Elsewhere(ONE, TWO)))
    assert list(happenings([("resumed", said)])) == [PlainText("resumed", said)]


TOLD: list[tuple[Happening, str]] = [
    (
        Changed({"learning_rate": (0.1, 1e-5), "schedule": ("cosine", "constant")}),
        "changed: learning_rate 0.1 -> 1e-05, schedule cosine -> constant",
    ),
    (TWO, "trains on cpu, float32, 2 threads"),
    (EndMoved(40, 1000), "is to end at step 1,000 instead of 40"),
    (Finished(), "finished"),
    (Diverged(), "diverged: the next loss or its gradient was no finite number"),
    (Failed("The disk is full."), "failed. The disk is full."),
    (
        Branched("owl", without_later_changes=True),
        "branched off from owl, without what was changed in it later",
    ),
    (Race("ab12", "seconds", 30), "takes part in a race: 30 seconds for each model"),
    (Race("ab12", "steps", 1000), "takes part in a race: 1,000 steps for each model"),
    (Race("ab12", "seconds", 1), "takes part in a race: 1 second for each model"),
    (ModelImported("ckpt.pt"), "made of the model in ckpt.pt"),
    (
        ModelImported("ckpt.pt", "0123456789abcdef"),
        "made of the model in ckpt.pt (sha256 0123456789ab…)",
    ),
    (RunFileOpened("owl.run.zip"), "opened from owl.run.zip"),
    (PlainText("telepathy", "so it said"), "telepathy: so it said"),
    (PlainText("telepathy", ""), "telepathy"),
    (Resumed(0), f"resumed. Nothing was lost: {RESTORED}."),
]


@pytest.mark.parametrize(("what", "story"), TOLD)
def test_people_are_told_what_it_was_and_no_id(what: Happening, story: str) -> None:
    assert story_of(what) == story


def test_every_kind_is_told() -> None:
    assert {type(what) for what, _ in TOLD} == {*KINDS.values(), PlainText}


def test_every_kind_is_tried_here() -> None:
    assert {type(what) for what, _ in SAID} | {Resumed} == {*KINDS.values(), PlainText}


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        ("race", {"id": "a", "by": "miles", "budget": 30}),
        ("race", {"id": "a", "by": "steps", "budget": "30"}),
        ("race", {"id": "a", "by": "steps", "budget": True}),
        ("race", {"id": "a", "by": "steps"}),
        ("changed", {"settings": {"batch_size": [4]}}),
        ("changed", {"settings": [["batch_size", 4, 2]]}),
        ("machine", {"device": None, "dtype": "float32", "n_threads": 1, "n_processes": 1}),
        ("machine", {"device": "\ud800", "dtype": "f", "n_threads": 1, "n_processes": 1}),
        ("failed", {"message": 3}),
        ("telepathy", {"who": "me"}),
        ("failed", None),
    ],
)
def test_fields_that_a_kind_cannot_have_are_refused(kind: str, stored: Any) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        happening(kind, stored)
