"""What the documents name is there: files, folders, and every room of the house."""

from __future__ import annotations

import ast
import re
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.command_line import command_line
from tests.helpers import ROOT

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "SERVING.md", "GLOSSARY.md", "tests/bench/README.md")
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


# --- commands and flags ---------------------------------------------------------------------------

COMMAND = re.compile(r"python -m core((?: [^`\n\"]*)?)")
SOURCES = sorted(p for part in ("core", "lab") for p in (ROOT / part).rglob("*.py"))


def told_commands() -> list[tuple[str, str]]:
    """Every command that a document, a docstring or a message tells, with where it stands."""
    told = [(d, command) for d in (*DOCUMENTS, "CHANGELOG.md") for command in commands_in(read(d))]
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                told += [(path.name, command) for command in commands_in(node.value)]
    return told


def commands_in(text: str) -> list[str]:
    return [found.strip() for found in COMMAND.findall(text)]


def not_there(command: str) -> str:
    """The word or flag of a command that the parser does not know; empty where it knows all."""
    parser: ArgumentParser = command_line()
    words = re.split(r"[\s#]+|(?<=\w)[.,;:)](?=\s|$)", command.split("#")[0])
    for word in words:
        sub = [a for a in parser._actions if isinstance(a, _SubParsersAction)]
        if word.startswith("--"):
            flag = re.match(r"--\w+", word)
            if flag and flag[0] not in parser._option_string_actions and flag[0] != "--json":
                return flag[0]
        elif sub and word in sub[0].choices:
            parser = sub[0].choices[word]
        elif sub and re.fullmatch(r"[a-z_]+", word) and parser.get_default("command") is None:
            return word
    return ""


def test_every_command_and_flag_that_is_told_is_there() -> None:
    told = told_commands()
    assert len(told) > 40
    wrong = [(where, command, w) for where, command in told if (w := not_there(command))]
    assert wrong == []


@pytest.mark.parametrize(
    ("command", "word"),
    [("trian --model bigram", "trian"), ("train --modle bigram", "--modle"), ("runs show owl", ""),
     ("corpus get tiny --form FILE", "--form"), ("export R --format hf --out D", "")],
)  # fmt: skip
def test_a_command_that_is_not_there_is_noticed(command: str, word: str) -> None:
    assert not_there(command) == word


FLAG = re.compile(r"`[^`]*?(--[a-z_]{3,})")


@pytest.mark.parametrize("document", [*DOCUMENTS, "CHANGELOG.md"])
def test_every_flag_that_a_document_names_is_one(document: str) -> None:
    known = {
        flag for parser in all_parsers(command_line()) for flag in parser._option_string_actions
    }
    others = {
        "--nproc",
        "--index",
        "--soak",
        "--seconds",
        "--minutes",
        "--rounds",
        "--check",
        "--init_from",
        "--dist",
        "--server",
    }
    lines = [line for line in read(document).splitlines() if "tests/bench/" not in line]
    named = set(FLAG.findall("\n".join(lines)))
    assert {flag for flag in named - others if flag not in known} == set()


def all_parsers(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for below in action.choices.values():
                yield from all_parsers(below)
