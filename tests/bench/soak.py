"""Whether the server's memory stays where it is while sessions come and go.

    python tests/bench/soak.py [--minutes 30] [--sessions 10] [--home DIR]

Round after round so many sessions open at once, look at every page as a browser would ask for it,
and leave. Once in a round the server's resident memory is written as a line of JSON: minutes since
the start, sessions so far, MiB. What counts is the slope after the caches are full: the last line
has the MiB that each further hundred sessions took over the second half.

With `--home`, a copy of that lab home is looked at; without, an empty one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.addresses import ADDRESSES
from tests.bench.lab_speed import PATIENCE_S, served_process

MIB: Final = 2**20


def look_around(address: str, pages: Sequence[str] = ADDRESSES) -> None:
    """One session: open it, let it draw each page in turn, and close it."""
    uri, names = f"ws://{address}/_stcore/stream", [Subprotocol("streamlit")]
    with connect(uri, subprotocols=names, compression=None, max_size=None) as web_socket:
        for page in pages:
            message = BackMsg()
            message.rerun_script.page_name = page
            message.rerun_script.context_info.color_scheme = "light"
            web_socket.send(message.SerializeToString())
            finished = False
            while not finished:
                received = web_socket.recv(timeout=PATIENCE_S, decode=False)
                answer = ForwardMsg.FromString(received)
                finished = answer.WhichOneof("type") == "script_finished"


def soak(
    address: str, server: psutil.Process, minutes: float, n_sessions: int
) -> list[list[float]]:
    """Minutes, sessions so far and resident MiB, after each round until the time is over."""
    begun_s, measured = time.monotonic(), list[list[float]]()
    with ThreadPoolExecutor(n_sessions) as pool:
        while not measured or measured[-1][0] < minutes:
            list(pool.map(look_around, [address] * n_sessions))
            passed_min = (time.monotonic() - begun_s) / 60
            n_so_far = n_sessions * (len(measured) + 1)
            measured.append([passed_min, n_so_far, server.memory_info().rss / MIB])
            print(json.dumps(dict(zip(("minutes", "sessions", "mib"), measured[-1]))), flush=True)
    return measured


def mib_per_100_sessions(measured: list[list[float]]) -> float:
    """How much memory grew by over the second half, per hundred sessions."""
    (_, n_first, mib_first), (_, n_last, mib_last) = measured[len(measured) // 2], measured[-1]
    return 100 * (mib_last - mib_first) / max(1.0, n_last - n_first)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Whether memory stays where it is.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--sessions", type=int, default=10, help="at once")
    parser.add_argument("--home", type=Path, help="a lab home, of which a copy is looked at")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        if args.home:
            shutil.copytree(args.home, home)
        home.mkdir(exist_ok=True)
        with served_process(str(home)) as (address, process):
            server = psutil.Process(process.pid)
            measured = soak(address, server, args.minutes, args.sessions)
    print(json.dumps({"mib_per_100_sessions": round(mib_per_100_sessions(measured), 2)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
