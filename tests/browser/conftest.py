"""What the browser tests share: a headless Chromium, Streamlit servers, pages that keep records.

Tests here are marked `browser` and skipped, with the reason, where Playwright or Chromium is
missing. They drive the system's Chromium; nothing is downloaded.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.helpers import PATIENCE_S, ROOT, nursery

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, WebSocket

HEADLESS: Final = ("--server.headless", "true")
_CHROMIUM_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_IDLE: Final = (
    "[data-testid=stApp][data-test-connection-state=CONNECTED][data-test-script-state=notRunning]"
)
_DRAWN: Final = f"{_IDLE} [data-testid=stElementContainer]"
# On a deep link Streamlit itself probes these two addresses below the page's path.
_HARMLESS_404: Final = ("/_stcore/health", "/_stcore/host-config")

Serve = Callable[..., "Server"]
NewPage = Callable[..., "Window"]


@dataclass(frozen=True)
class Server:
    """A running Streamlit server."""

    url: str
    process: subprocess.Popen[bytes] | BaseProcess

    def kill(self) -> None:
        """SIGKILL, as the system would when memory runs out; the process gets no chance to save."""
        self.process.kill()
        if isinstance(self.process, BaseProcess):
            self.process.join()
        else:
            self.process.wait()


@dataclass
class Window:
    """An open browser page, and a record of what went wrong in it and what it received."""

    page: "Page"
    errors: list[str] = field(default_factory=list)
    """Console errors and uncaught exceptions, less the two harmless ones."""
    received_bytes: list[int] = field(default_factory=list)
    """Size of each WebSocket message from the server, in order."""

    def open(self, url: str) -> None:
        """Go to `url` and wait until its first run is over: before it, nothing runs either."""
        self.page.goto(url)
        self.page.wait_for_selector(_DRAWN, state="attached")

    def wait_idle(self) -> None:
        """Wait until connected and not running. On a live page this passes between two ticks."""
        self.page.wait_for_selector(_IDLE)

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until `condition()`; events of the page go on being recorded meanwhile."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline_s:
                pytest.fail(f"waited {PATIENCE_S:g} s in vain for: {what}; errors: {self.errors}")
            self.page.wait_for_timeout(50)

    def _note_console(self, message: "ConsoleMessage") -> None:
        url = message.location.get("url", "")
        if message.type == "error" and not ("404" in message.text and url.endswith(_HARMLESS_404)):
            self.errors.append(f"{message.text} ({url})")

    def _note_socket(self, web_socket: "WebSocket") -> None:
        web_socket.on("framereceived", lambda payload: self.received_bytes.append(len(payload)))


@pytest.fixture(scope="package")
def browser() -> Iterator["Browser"]:
    """One Chromium for all browser tests.

    Not for the whole session: Playwright's event loop would still be running when other tests
    want to start theirs.
    """
    playwright_api: Any = pytest.importorskip(
        "playwright.sync_api", reason="the package playwright is not installed"
    )
    chromium = next(filter(None, map(shutil.which, _CHROMIUM_NAMES)), None)
    if chromium is None:
        pytest.skip(f"none of {', '.join(_CHROMIUM_NAMES)} is on the PATH")
    with playwright_api.sync_playwright() as playwright:
        # --no-sandbox: containers seldom allow the sandbox; the pages are our own.
        running = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking"],
        )
        yield running
        running.close()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, Any]:
    """Note on a test that it failed, for those who clean up after it."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def new_page(browser: "Browser", request: pytest.FixtureRequest) -> Iterator[NewPage]:
    """Factory of windows: `new_page(color_scheme="dark", width=1440, height=900)`.

    Each has storage of its own, like a new visitor. What stood in them is told where a test fails.
    """
    contexts = []
    windows = []

    def open_window(*, color_scheme: Any = "light", width: int = 1440, height: int = 900) -> Window:
        context = browser.new_context(
            color_scheme=color_scheme,
            viewport={"width": width, "height": height},
            reduced_motion="reduce",  # what fades and spins takes the core from the server
        )
        context.set_default_timeout(1000 * PATIENCE_S)
        contexts.append(context)
        window = Window(context.new_page())
        windows.append(window)
        window.page.on("console", window._note_console)
        window.page.on("pageerror", lambda error: window.errors.append(str(error)))
        window.page.on("websocket", window._note_socket)
        return window

    yield open_window
    if request.node.stash.get(FAILED, False):
        for window in windows:
            print(f"{window.page.url}\n{window.page.inner_text('body')}\n{window.errors}\n")
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Factory of servers: `serve(script_path, env={...})`.

    Each runs in a folder with the lab's settings and theme, on a free port and with a lab home of
    its own (unless `env` names one). All end with the module.
    """
    servers: list[Server] = []

    def start(script_path: Path, env: Mapping[str, str] | None = None) -> Server:
        folder = tmp_path_factory.mktemp("server")
        shutil.copytree(ROOT / "lab" / ".streamlit", folder / ".streamlit")
        log_path = folder / "server.log"
        port = _free_port()
        command = [sys.executable, "-m", "streamlit", "run", str(script_path)]
        command += ["--server.port", str(port), *HEADLESS]
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "LAB_HOME": str(folder / "lab-home"),
            **(env or {}),
        }
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        server = Server(f"http://127.0.0.1:{port}", process)
        servers.append(server)
        _wait_for_health(server.url, lambda: process.poll() is None, log_path)
        return server

    yield start
    for server in servers:
        server.process.terminate()
    for server in servers:
        try:
            server.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()


@pytest.fixture
def lab_home(tmp_path: Path) -> Path:
    """The lab home of `server`."""
    return tmp_path / "lab-home"


@pytest.fixture
def server(lab_home: Path) -> Iterator[Server]:
    """The lab, in an empty home, for one test: what it trains takes no time from the next one."""
    with born_server(lab_home) as running:
        yield running


@pytest.fixture(scope="module")
def empty_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The lab, in an empty home, for tests that leave it empty."""
    with born_server(tmp_path_factory.mktemp("empty") / "lab-home") as running:
        yield running


@contextmanager
def born_server(lab_home: Path, url: str | None = None) -> Iterator[Server]:
    """The lab in a process that need not load torch and Streamlit anew; killed in the end.

    At `url`, where another one was before it, or at a free port.
    """
    lab_home.parent.mkdir(exist_ok=True)
    log_path, port = lab_home.parent / "server.log", _free_port()
    if url:
        port = int(url.rpartition(":")[2])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LAB_HOME": str(lab_home)}
    process = nursery().Process(target=_run_lab, args=(port, environment, log_path), daemon=True)
    process.start()
    server = Server(f"http://127.0.0.1:{port}", process)
    try:
        _wait_for_health(server.url, process.is_alive, log_path)
        yield server
    finally:
        server.kill()


def _run_lab(port: int, environment: dict[str, str], log_path: Path) -> None:
    """What `streamlit run lab/Home.py` does, in a child."""
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.chdir(ROOT)
    os.environ |= environment
    from streamlit.web.cli import main

    script = str(ROOT / "lab" / "Home.py")
    sys.argv = ["streamlit", "run", script, "--server.port", str(port), *HEADLESS]
    main()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_health(url: str, is_alive: Callable[[], bool], log_path: Path) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while is_alive() and time.monotonic() < deadline_s:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"no server at {url} after {PATIENCE_S:g} s:\n{log_path.read_text()[-3000:]}")
