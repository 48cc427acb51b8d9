"""What the documents name is there: files, folders, and every room of the house."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers import ROOT

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "GLOSSARY.md", "tests/bench/README.md")
NAMED = re.compile(r"(?<![\w/.-])(?:core|lab|tests|data|\.ci|\.streamlit)/[\w./-]*\w")
EXAMPLES = ("trigram", "samples")
"""What the walks of CONTRIBUTING make."""


def read(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


def rooms() -> list[Path]:
    """The folders right below `core` and `lab` that hold code."""
    return sorted(path.parent for part in ("core", "lab") for path in ROOT.glob(f"{part}/*/*.py"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_file_that_is_named_is_there(document: str) -> None:
    named = {name for name in NAMED.findall(read(document)) if not name.startswith("data/corpora")}
    known = {name for name in named if not any(example in name for example in EXAMPLES)}
    assert len(known) > 3
    missing = [n for n in known if not (ROOT / n).exists() and not [*ROOT.glob(f"{n}.*")]]
    assert missing == []


def test_each_room_has_its_place_in_the_readmes_picture() -> None:
    _, house = read("README.md").split("The rooms from the ground up")
    drawn = set(re.findall(r"(\w+)/", house.split("```")[1]))
    assert drawn - {"core", "lab", "data"} == {room.name for room in rooms()}


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len(read("README.md").splitlines()) < 200


def test_the_tests_that_hold_the_rules_are_there() -> None:
    named = re.findall(r"`(test_\w+?)(?:_…)?`", read("CONTRIBUTING.md"))
    source = (ROOT / "tests" / "test_architecture.py").read_text("utf-8")
    assert len(named) > 5 and [n for n in named if f"def {n}" not in source] == []
