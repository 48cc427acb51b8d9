"""What a lab home keeps of the visit outlives everything but the home itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runs.lab import Lab
from lab.visit.notes import VisitNotes, keep_notes, note_seen, notes_of
from tests.helpers import files_under, tiny_run


def test_in_an_empty_lab_the_visit_begins_by_itself_and_is_still_on_once_there_is_a_run(
    lab: Lab,
) -> None:
    assert notes_of(lab) == VisitNotes("on")
    tiny_run(lab, "bigram")
    assert notes_of(Lab(lab.home.path)) == VisitNotes("on")


def test_in_a_lab_that_has_runs_it_does_not_begin_and_nothing_is_written(lab: Lab) -> None:
    tiny_run(lab, "bigram")
    before = files_under(lab.home.path)
    assert notes_of(lab) == note_seen(lab, ["matrix"]) == VisitNotes("off")
    assert files_under(lab.home.path) == before


def test_what_was_seen_is_kept_while_the_visit_is_on(lab: Lab) -> None:
    assert note_seen(lab, ["matrix"]).seen == {"matrix"}
    assert note_seen(lab, ["matrix", "head"]).seen == {"matrix", "head"}
    keep_notes(lab, VisitNotes("off", frozenset({"matrix"})))
    assert note_seen(lab, ["text"]) == VisitNotes("off", frozenset({"matrix"}))
    assert notes_of(Lab(lab.home.path)).seen == {"matrix"}


def test_what_is_seen_again_is_not_written_again(lab: Lab) -> None:
    note_seen(lab, ["matrix"])
    written_ns = lab.home.visit.stat().st_mtime_ns
    note_seen(lab, ["matrix"])
    assert lab.home.visit.stat().st_mtime_ns == written_ns


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"state": "asleep", "seen": []}', '{"state": "on"}',
                '{"state": "on", "seen": 3}'],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_a_visit_that_is_off(lab: Lab, content: str) -> None:
    lab.home.visit.write_text(content, "utf-8")
    assert notes_of(lab) == VisitNotes("off")


def test_sights_of_another_version_are_passed_over(lab: Lab) -> None:
    lab.home.visit.write_text('{"state": "on", "seen": ["head", "moon"]}', "utf-8")
    assert notes_of(lab) == VisitNotes("on", frozenset({"head"}))


def test_a_full_disk_takes_nothing_but_the_memory_of_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes, *, durable: bool) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("lab.visit.notes.write_atomically", full)
    assert notes_of(lab) == VisitNotes("on") and not lab.home.visit.exists()
