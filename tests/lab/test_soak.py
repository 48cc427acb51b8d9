"""Memory does not grow with each session that came and went; the long form is a script."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from core.runs.lab import Lab
from tests.bench.soak import MIB, look_around
from tests.browser.conftest import born_server
from tests.helpers import add_corpus, play, trained
from tests.soak import only_with_soak

N_SESSIONS, N_ROUNDS, MOST_MIB = 4, 3, 40.0


def test_sessions_come_and_go_and_memory_stays(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    only_with_soak(pytestconfig)
    home = tmp_path / "served" / "lab-home"
    home.parent.mkdir()
    lab = Lab(home)
    trained(lab, add_corpus(lab, "tiny", play(4_000)), "transformer")
    with born_server(home) as server, ThreadPoolExecutor(N_SESSIONS) as readers:
        process, mib = psutil.Process(server.process.pid), []
        for _ in range(N_ROUNDS):
            list(readers.map(look_around, [server.url.removeprefix("http://")] * N_SESSIONS))
            mib.append(process.memory_info().rss / MIB)
    # In the first round pages are loaded and caches filled.
    assert mib[-1] - mib[1] < MOST_MIB, mib
