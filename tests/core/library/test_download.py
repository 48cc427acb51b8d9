"""Fetching the original from servers that do all that servers do, on this machine alone."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.errors import CorpusError
from core.library import texts as library
from core.library.intake import MAX_TEXT_BYTES
from core.library.texts import ORIGINAL, SHIPPED
from core.runs.lab import Lab
from tests.helpers import PATIENCE_S, CommandLine, files_under, play

BODY = play(200_000).encode()
OK = b"HTTP/1.1 200 OK\r\n"
Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that sends given bytes to whoever asks, then hangs up (or waits); its address."""
    test_is_over = threading.Event()
    with ExitStack() as stack:
        stack.callback(test_is_over.set)

        def start(answer: bytes, *, then_wait: bool = False) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            args = (listener, answer, test_is_over if then_wait else None)
            threading.Thread(target=_answer_once, args=args, daemon=True).start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}/input.txt"

        yield start


def _answer_once(listener: socket.socket, answer: bytes, wait: threading.Event | None) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(answer)
        if wait:
            wait.wait(10.0)


def with_length(body: bytes, length: int | None = None) -> bytes:
    n_bytes = len(body) if length is None else length
    return OK + f"Content-Length: {n_bytes}\r\n\r\n".encode() + body


@pytest.fixture(autouse=True)
def made_up_original(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own body counts as the original."""
    monkeypatch.setattr("core.library.texts.ORIGINAL_SHA256", hashlib.sha256(BODY).hexdigest())


def test_the_original_is_fetched_becomes_the_default_and_tells_how_far_it_is(
    lab: Lab, serve: Serve
) -> None:
    told: list[tuple[int, int | None]] = []
    url = serve(with_length(BODY))
    lab.library.get_original(url=url, progress=lambda done, total: told.append((done, total)))
    assert lab.library.default == ORIGINAL
    assert lab.library.names() == [ORIGINAL, SHIPPED]
    assert lab.library.load().text == BODY.decode()
    assert told[-1] == (len(BODY), len(BODY)) and len(told) > 1
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_a_server_that_does_not_say_how_much_it_sends_is_fine(lab: Lab, serve: Serve) -> None:
    told: list[int | None] = []
    url = serve(OK + b"\r\n" + BODY)
    lab.library.get_original(url=url, progress=lambda done, total: told.append(total))
    assert lab.library.load().text == BODY.decode()
    assert set(told) == {None}


FAULTS = [
    pytest.param(with_length(b"something else"), "is not the original", id="another-text"),
    pytest.param(with_length(BODY[:-1]), "its sha256 starts with", id="one-byte-short"),
    pytest.param(with_length(BODY[:999], len(BODY)), r"broke off after 999 of 200,000", id="cut"),
    pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\nab", "fetched", id="cut-chunk"),
    pytest.param(b"HTTP/1.1 404 Not Found\r\n\r\n", r"\(Not Found\)", id="404"),
    pytest.param(b"HTTP/1.1 500 Oh\r\n\r\n", r"\(Oh\)", id="500"),
    pytest.param(b"no HTTP at all\r\n\r\n", "could not be fetched", id="no-http"),
    pytest.param(b"", "could not be fetched", id="hung-up"),
    pytest.param(OK + b"\r\n" + b"x" * (MAX_TEXT_BYTES + 1), "more than 10 MB", id="too-much"),
]


@pytest.mark.parametrize(("answer", "message"), FAULTS)
def test_what_a_server_does_wrong_is_said_in_one_line_and_leaves_nothing(
    lab: Lab, serve: Serve, answer: bytes, message: str
) -> None:
    before = files_under(lab.home.path)
    with pytest.raises(CorpusError, match=message) as refusal:
        lab.library.get_original(url=serve(answer), timeout_s=PATIENCE_S)
    assert "\n" not in str(refusal.value)
    assert files_under(lab.home.path) == before
    assert lab.library.default == SHIPPED


def test_a_server_that_stalls_is_given_up(lab: Lab, serve: Serve) -> None:
    url = serve(with_length(BODY[:999], len(BODY)), then_wait=True)
    with pytest.raises(CorpusError, match=r"timed out.*--from FILE.*shipped corpus"):
        lab.library.get_original(url=url, timeout_s=0.2)
    assert lab.library.names() == [SHIPPED]


def test_a_server_that_is_not_there_is_said(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(CorpusError, match=r"could not be fetched \(.*refused"):
        lab.library.get_original(url=f"http://127.0.0.1:{port}/input.txt", timeout_s=PATIENCE_S)


def test_the_original_can_be_taken_from_a_file(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "input.txt"
    path.write_bytes(BODY)
    lab.library.get_original(path)
    lab.library.get_original(path)  # again changes nothing
    assert lab.library.load(ORIGINAL).text == BODY.decode()


def test_another_file_is_not_the_original(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "input.txt"
    path.write_bytes(BODY + b"\n")
    with pytest.raises(CorpusError, match=r"input\.txt is not the original Tiny Shakespeare"):
        lab.library.get_original(path)
    assert lab.library.names() == [SHIPPED]


def test_the_command_fetches_from_a_file(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = CommandLine(capsys)
    path = tmp_path / "input.txt"
    path.write_bytes(BODY[:-1])
    assert "is not the original" in cli.refused("corpus", "get", ORIGINAL, "--from", path)
    path.write_bytes(BODY)
    fields = cli.ok("corpus", "get", ORIGINAL, "--from", path)
    assert fields == {
        "name": ORIGINAL,
        "n_chars": len(BODY),
        "vocab_size": len(set(BODY)),
        "fingerprint": hashlib.sha256(BODY).hexdigest(),
    }


def test_the_command_fetches_from_the_network(
    serve: Serve, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, download = serve(with_length(BODY)), library.download
    monkeypatch.setattr(library, "download", lambda _, *rest: download(url, *rest))
    assert CommandLine(capsys).ok("corpus", "get", ORIGINAL)["n_chars"] == len(BODY)
