"""What a class waits for: many windows over runs that train, and a lab with very many runs.

    python tests/bench/classroom.py [--sessions 20] [--seconds 60] [--runs 300] [--rows 200000]

First, three runs race, and so many sessions watch the Train page as browsers would, ticks included,
without drawing. A tick is timed from its request to its last message; wanted are at most 1.5 s in
the median and 3 s at the 95th percentile, and half the steps per second that the same race makes
with nobody watching.

Then a lab home with so many runs and rows of measurements is made, and each page is asked for in a
session that is open (a click in the menu; wanted 0.7 s) and in a new one (a reload; wanted 2 s).
These are the server's times: what a browser adds is in `page_waits.py`.

Prints tables and one line of JSON. Needs a machine that does nothing else; with small numbers it
only shows that everything runs.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.experiments.race import race_configs
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.service.racing import start_race
from core.service.service import TrainingService
from core.settings.config import MODEL_KINDS, TrainConfig
from core.settings.presets import resolve
from tests.addresses import ADDRESSES
from tests.bench.lab_speed import PATIENCE_S, served

N_STEPS = 200_000
"""Of each run of the race: none comes to its end meanwhile."""
AGAIN: Final = ForwardMsg.FINISHED_EARLY_FOR_RERUN
WANTED_TICK_S, WANTED_TICK_P95_S, WANTED_CLICK_S, WANTED_RELOAD_S = 1.5, 3.0, 0.7, 2.0


@dataclass
class Session:
    """What a browser does to keep a page on the screen: asks for it, and for its ticks."""

    web_socket: ClientConnection
    tick_s: list[float] = field(default_factory=list)
    _timers_s: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By fragment: when it is due, and how often."""

    def ask(self, page: str, query: str = "", fragment: str = "", pressed: str = "") -> None:
        """Ask for a run of a page, or of one of its fragments."""
        message = BackMsg()
        state = message.rerun_script
        state.page_name, state.query_string, state.fragment_id = page, query, fragment
        state.is_auto_rerun, state.context_info.color_scheme = bool(fragment), "light"
        if pressed:
            state.widget_states.widgets.add(id=pressed, trigger_value=True)
        self.web_socket.send(message.SerializeToString())

    def until_drawn(self) -> float:
        """Take in what comes until the run that was asked for is over; how long that took."""
        begun_s = time.perf_counter()
        while True:
            received = self.web_socket.recv(timeout=PATIENCE_S, decode=False)
            message = ForwardMsg.FromString(received)
            kind = message.WhichOneof("type")
            if kind == "new_session" and not message.metadata.run.fragment_ids:
                self._timers_s.clear()  # the whole page is drawn
            elif kind == "auto_rerun":
                every_s = message.auto_rerun.interval
                timer = (time.perf_counter() + every_s, every_s)
                self._timers_s.setdefault(message.auto_rerun.fragment_id, timer)
            elif kind == "stop_auto_rerun":
                for fragment in message.stop_auto_rerun.fragment_ids:
                    self._timers_s.pop(fragment, None)
            elif kind == "script_finished" and message.script_finished != AGAIN:
                return time.perf_counter() - begun_s

    def watch(self, seconds: float) -> None:
        """Keep the Train page on the screen so long; each tick is timed."""
        ends_s = time.perf_counter() + seconds
        while (now_s := time.perf_counter()) < ends_s:
            due = [(due_s, name) for name, (due_s, _) in self._timers_s.items() if due_s <= now_s]
            if not due:
                time.sleep(0.01)
                continue
            fragment = min(due)[1]
            self._timers_s[fragment] = (now_s + self._timers_s[fragment][1],
                                        self._timers_s[fragment][1])  # fmt: skip
            self.ask("train", fragment=fragment)
            self.tick_s.append(self.until_drawn())


@contextmanager
def session(address: str) -> Iterator[Session]:
    """A session of a server."""
    uri, names = f"ws://{address}/_stcore/stream", [Subprotocol("streamlit")]
    with connect(uri, subprotocols=names, compression=None, max_size=None) as web_socket:
        yield Session(web_socket)


# --- a class that watches -------------------------------------------------------------------------


def watched_race(n_sessions: int, seconds: float) -> dict[str, float]:
    """Ticks of so many sessions over three running runs, and what watching costs the runs."""
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(home)
        _begin_race(lab)
        with served(home) as address:
            _resume_race(address)
            _wait_for_steps(lab, 20)
            alone = _steps_per_s(lab, seconds / 2)
            with ThreadPoolExecutor(n_sessions) as pool:
                watching = [pool.submit(_watch, address, seconds) for _ in range(n_sessions)]
                watched = _steps_per_s(lab, seconds)
                ticks_s = [tick_s for each in watching for tick_s in each.result()]
    p95_s = statistics.quantiles(ticks_s, n=20, method="inclusive")[-1]
    return {
        "n_ticks": len(ticks_s), "tick_median_s": statistics.median(ticks_s), "tick_p95_s": p95_s,
        "steps_per_s_alone": alone, "steps_per_s_watched": watched, "ratio": watched / alone,
    }  # fmt: skip


def _begin_race(lab: Lab) -> None:
    """A race that no measurement sees the end of, held until somebody resumes it."""
    service, corpus = TrainingService(lab), lab.library.load()
    configs = race_configs(lab.configure, corpus, "steps", N_STEPS, None, TrainConfig.seed)
    start_race(service, configs, corpus, "steps", N_STEPS)
    service.close()


def _resume_race(address: str) -> None:
    """Press the button of the race's view, in a session that then leaves."""
    with session(address) as reader:
        reader.ask("train", "view=race")
        button = ""
        while not button:
            received = reader.web_socket.recv(timeout=PATIENCE_S, decode=False)
            identity = ForwardMsg.FromString(received).delta.new_element.button.id
            button = identity if "race_resume" in identity else ""
        reader.until_drawn()
        reader.ask("train", "view=race", pressed=button)
        reader.until_drawn()


def _wait_for_steps(lab: Lab, n_steps: int) -> None:
    ends_s = time.monotonic() + PATIENCE_S
    while sum(run.step for run in lab.runs()) < n_steps:
        if time.monotonic() > ends_s:
            raise RuntimeError("the race did not begin")
        time.sleep(0.1)


def _steps_per_s(lab: Lab, seconds: float) -> float:
    """Of all runs together, by the clock on the wall."""
    first, begun_s = sum(run.step for run in lab.runs()), time.perf_counter()
    time.sleep(seconds)
    return (sum(run.step for run in lab.runs()) - first) / (time.perf_counter() - begun_s)


def _watch(address: str, seconds: float) -> list[float]:
    with session(address) as reader:
        reader.ask("train", "view=race")
        reader.until_drawn()
        reader.watch(seconds)
        return reader.tick_s


# --- a lab with very many runs --------------------------------------------------------------------


def fill(lab: Lab, n_runs: int, n_rows: int) -> None:
    """So many finished runs, with so many rows of measurements between them.

    One of each model is trained; the others are rows of the registry that were copied from them.
    """
    corpus = lab.library.load()
    seeds = []
    for kind in MODEL_KINDS:
        config = resolve(kind, len(corpus.vocabulary), "quick", dict(max_iters=40, device="cpu"))
        run_id = lab.create_run(config, corpus)
        run = ActiveRun.open(lab.home, lab.store, run_id)
        run.advance(60.0)
        run.finish()
        run.close()
        seeds.append(run_id)
    each = max(1, n_rows // max(1, n_runs))
    with closing(sqlite3.connect(lab.home.database)) as registry, registry:
        columns = [row[1] for row in registry.execute("PRAGMA table_info(runs)")]
        others = ", ".join(name for name in columns if name not in ("id", "name", "created_at"))
        for i in range(n_runs):
            seed, name = seeds[i % len(seeds)], f"copy{i:04}"
            registry.execute(
                f"INSERT INTO runs (id, name, created_at, {others}) "
                f"SELECT ?, ?, created_at - ?, {others} FROM runs WHERE id = ?",
                (name, name, 60 * (i + 1), seed),
            )
            registry.executemany(
                "INSERT INTO steps (run_id, iter, loss, learning_rate, grad_norm, elapsed_s) "
                "VALUES (?, ?, ?, 0.001, 1.0, ?)",
                [(name, step, 4.0 - step / (step + 100), step / 50) for step in range(1, each + 1)],
            )
            registry.executemany(
                "INSERT INTO estimates SELECT ?, iter, train_loss, val_loss, sample "
                "FROM estimates WHERE run_id = ?",
                [(name, seed)],
            )


def page_times_s(n_runs: int, n_rows: int, n_rounds: int = 3) -> dict[str, dict[str, float]]:
    """Of each page, in a lab with so many runs: a click in the menu, and a reload."""
    with tempfile.TemporaryDirectory() as home:
        fill(Lab(home), n_runs, n_rows)
        with served(home) as address:
            views = [(page, "") for page in ADDRESSES] + [("train", "view=runs")]
            for page, query in views:  # what is measured once is measured now
                _reload_s(address, page, query)
            return {
                f"{page or 'home'}{query and f' {query}'}": {
                    "click_s": statistics.median(
                        _click_s(address, page, query) for _ in range(n_rounds)
                    ),
                    "reload_s": statistics.median(
                        _reload_s(address, page, query) for _ in range(n_rounds)
                    ),
                }
                for page, query in views
            }


def _click_s(address: str, page: str, query: str) -> float:
    with session(address) as reader:
        reader.ask("corpus" if page != "corpus" else "")
        reader.until_drawn()
        reader.ask(page, query)
        return reader.until_drawn()


def _reload_s(address: str, page: str, query: str) -> float:
    begun_s = time.perf_counter()
    with session(address) as reader:
        reader.ask(page, query)
        reader.until_drawn()
        return time.perf_counter() - begun_s


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a class waits for.")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--rows", type=int, default=200_000)
    args = parser.parse_args()
    pages = page_times_s(args.runs, args.rows)
    print(f"| {args.runs} runs | click, s (wanted {WANTED_CLICK_S}) | "
          f"reload, s (wanted {WANTED_RELOAD_S}) |\n| --- | --- | --- |")  # fmt: skip
    for page, times in pages.items():
        print(f"| {page} | {times['click_s']:.2f} | {times['reload_s']:.2f} |", flush=True)
    race = watched_race(args.sessions, args.seconds)
    print(f"\n{args.sessions} sessions over three runs: a tick takes {race['tick_median_s']:.2f} s "
          f"(median; wanted {WANTED_TICK_S}), {race['tick_p95_s']:.2f} s (95th percentile; wanted "
          f"{WANTED_TICK_P95_S}); training makes {race['ratio']:.2f} of its steps (wanted 0.5)."
          )  # fmt: skip
    with suppress(BrokenPipeError):
        print(json.dumps({"pages": pages, "race": race}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
