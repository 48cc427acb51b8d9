"""Wherever it is started from, the server listens to this machine alone and answers its own pages.

One server, started in a folder that is not the lab's, as `streamlit run …/lab/Home.py` does.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

import psutil
import pytest
from starlette.datastructures import Headers
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from lab.guard import is_welcome
from tests.helpers import PATIENCE_S, ROOT, wait_until


@dataclass(frozen=True)
class Started:
    process: subprocess.Popen[bytes]
    port: int

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        """The answer to a request, its body not yet read; without `Host`, under the own name."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    def settings(self, host: str | None = None, origin: str | None = None) -> ForwardMsg:
        """The first message of a new session, which holds what a browser is told to do."""
        # The name in the address is that of the Host header; the socket goes to this machine.
        uri = f"ws://{host or self.host}/_stcore/stream"
        with (
            socket.create_connection(("127.0.0.1", self.port)) as wire,
            connect(
                uri,
                sock=wire,
                origin=Origin(origin) if origin else None,
                subprotocols=[Subprotocol("streamlit")],
                max_size=None,
            ) as web_socket,
        ):
            message = BackMsg()
            message.rerun_script.query_string = ""
            web_socket.send(message.SerializeToString())
            while True:
                received = ForwardMsg.FromString(web_socket.recv(PATIENCE_S, decode=False))
                if received.WhichOneof("type") == "new_session":
                    return received


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    folder = tmp_path_factory.mktemp("elsewhere")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "lab" / "Home.py")]
    command += ["--server.headless", "true", "--server.port", str(port)]
    env = {name: value for name, value in os.environ.items() if "STREAMLIT" not in name}
    env |= {"LAB_HOME": str(folder / "home"), "HOME": str(folder)}
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL)
    server = Started(process, port)

    def answers() -> bool:
        with suppress(OSError), closing(server.get("/_stcore/health")) as answer:
            return answer.status == 200
        return False

    wait_until(answers, "the server")
    yield server
    process.kill()
    process.wait()


def test_it_listens_on_this_machine_only(started: Started) -> None:
    connections = psutil.Process(started.process.pid).net_connections(kind="inet")
    assert {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


@pytest.mark.parametrize("path", ["/", "/train", "/_stcore/health", "/_stcore/host-config"])
@pytest.mark.parametrize(
    "foreign",
    [
        {"Host": "lab.example"},
        {"Host": "127.0.0.1.lab.example"},
        {"Origin": "http://lab.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:1"},
    ],
)
def test_others_are_refused(started: Started, path: str, foreign: dict[str, str]) -> None:
    assert started.get(path).status == 200
    assert started.get(path, Origin=f"http://{started.host}").status == 200
    refused = started.get(path, **foreign)
    assert refused.status == 403
    assert "--server.allowedHosts NAME" in refused.read().decode("utf-8")


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("lab.example", None),
        ("lab.example", "http://lab.example"),
        (None, "http://lab.example"),
        (None, "http://127.0.0.1:1"),
        (None, "http://localhost:1"),
    ],
)
def test_sessions_of_others_are_refused(
    started: Started, host: str | None, origin: str | None
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        started.settings(host, origin)
    assert refused.value.response.status_code == 403


def test_its_own_pages_are_answered_and_send_nothing_anywhere(started: Started) -> None:
    message = started.settings(origin=f"http://{started.host}")
    assert message.new_session.config.gather_usage_stats is False
    localhost = f"localhost:{started.port}"
    assert started.settings(localhost, f"http://{localhost}").WhichOneof("type") == "new_session"


def test_a_page_may_load_nothing_from_elsewhere_and_stand_in_no_other(started: Started) -> None:
    headers = started.get("/").headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'self'" and policy["frame-ancestors"] == "'none'"
    assert not any("http" in where or "*" in where for where in policy.values())
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("allowed", "sent", "welcome"),
    [
        (["lab.school.example"], {"host": "lab.school.example"}, True),
        (["lab.school.example"], {"host": "127.0.0.1:8501"}, False),
        ([], {"host": "127.0.0.1:8501"}, False),  # the lab's settings were not read
        (["localhost"], {}, False),
        (["localhost"], {"host": "localhost:1", "origin": "http://["}, False),
        (["localhost"], {"host": "localhost:1", "origin": "https://pages.example"}, True),
    ],
)
def test_names_come_from_the_settings(
    monkeypatch: pytest.MonkeyPatch, allowed: list[str], sent: dict[str, str], welcome: bool
) -> None:
    options = {
        "server.allowedHosts": allowed,
        "server.corsAllowedOrigins": ["https://pages.example"],
    }
    monkeypatch.setattr(config, "get_option", options.__getitem__)
    assert is_welcome(Headers(sent)) is welcome


def test_no_settings_but_the_lab_own_stand_in_the_project() -> None:
    """Those of the folder where it is started would come on top of them there, and nowhere else."""
    own = ROOT / "lab" / ".streamlit" / "config.toml"
    assert own.is_file() and [*(ROOT / "lab" / ".streamlit").iterdir()] == [own]
    at_the_top = ROOT / ".streamlit"  # where people look for it: a link, or where there are none…
    assert at_the_top.is_file() or at_the_top.samefile(own.parent)
