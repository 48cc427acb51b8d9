"""What a user can get wrong on the command line is said in one line and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.runs.lab import Lab
from tests.helpers import CommandLine, files_under, play, trained

MISTAKES = [
    ([], "COMMAND"),
    (["fly"], "invalid choice: 'fly'"),
    (["train"], "--model"),
    (["train", "--model", "rnn"], "invalid choice: 'rnn'"),
    (["train", "--model", "bigram", "--preset", "huge"], "invalid choice: 'huge'"),
    (["train", "--model", "bigram", "--max_iters", "many"], "expected a whole number, not 'many'"),
    (["train", "--model", "bigram", "--max_iters", "1.5"], "expected a whole number, not '1.5'"),
    (["train", "--model", "bigram", "--batches", "3"], "core train: unrecognized arguments: --b"),
    (["train", "--model", "transformer", "--bias", "perhaps"], "expected true or false"),
    (["train", "--model", "bigram", "--max_iters", "0"], "max_iters is a whole number"),
    (["train", "--model", "bigram", "--n_layer", "3"], "The bigram model has no n_layer"),
    (["train", "--model", "transformer", "--n_head", "5"], "n_head must divide n_embd"),
    (["train", "--model", "bigram", "--learning_rate", "nan"], "learning_rate is a number"),
    (["train", "--model", "bigram", "--device", "mps"], "There is no MPS device"),
    (["train", "--model", "bigram", "--corpus", "nope"], "There is no corpus 'nope'"),
    (["train", "--model", "bigram", "--corpus", "tiny", "--block_size", "999"], "too short"),
    (["train", "--model", "bigram", "--name", ""], "1 to 60 printable characters"),
    (["train", "--model", "bigram", "--name", "taken"], "already a run 'taken'"),
    (["resume", "nope"], "There is no run 'nope'"),
    (["resume", "taken", "--max_iters", "9"], "max_iters must be at least that"),
    (["resume", "taken", "--max_iters", "0"], "max_iters"),
    (["eval", "nope"], "There is no run 'nope'"),
    (["generate", "nope"], "There is no run 'nope'"),
    (["generate", "taken", "--temperature", "-1"], "temperature is a number"),
    (["generate", "taken", "--max_new_tokens", "0"], "max_new_tokens is a whole number"),
    (["runs", "rename", "taken", ""], "1 to 60 printable characters"),
    (["runs", "delete", "nope"], "There is no run 'nope'"),
    (["runs", "restore", "nope"], "There is no run 'nope' in the bin"),
    (["runs", "restore", "taken"], "There is no run 'taken' in the bin"),
    (["runs", "empty_bin", "--older_than_s", "soon"], "expected a number, not 'soon'"),
    (["runs", "clean"], "one of the arguments RUN --all is required"),
    (["runs", "clean", "nope"], "There is no run 'nope'"),
    (["runs", "clean", "taken", "--all"], "not allowed with argument"),
    (["export", "nope", "--format", "run", "--out", "."], "There is no run 'nope'"),
    (["import", "nope.run.zip"], "There is no file nope.run.zip"),
    (["runs", "branch", "taken", "--at", "99"], "has reached step 40"),
    (["corpus", "add", "a b", "--from", "missing"], "missing"),
    (["corpus", "get", "moby-dick"], "invalid choice: 'moby-dick'"),
]  # fmt: skip


def _joined(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else ""


@pytest.fixture(scope="module")
def used_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with the corpus `tiny` and a run `taken`, made once for all refusals."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    lab.library.add("tiny", play(4_000).encode(), "tiny")
    trained(lab, lab.library.load("tiny"), name="taken")
    yield lab


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=_joined)
def test_a_mistake_is_said_in_one_line_and_changes_nothing(
    used_lab: Lab,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setenv("LAB_HOME", str(used_lab.home.path))
    before = used_lab.runs(), files_under(used_lab.home.path)
    line = CommandLine(capsys).refused(*arguments)
    assert message in line
    assert "Traceback" not in line
    assert (used_lab.runs(), files_under(used_lab.home.path)) == before
