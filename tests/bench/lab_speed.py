"""What the screen costs: training while the lab's page is open, and how soon a slider is answered.

    python tests/bench/lab_speed.py [--rounds 3] [--seconds 20] [--moves 40] [--quick]

Trains the preset nanogpt-cpu's transformer on the shipped text from the command line; in the lab,
with a page whose client sends what a browser would, ticks included, and draws nothing; and in the
lab, with the live Train page drawn by headless Chromium. In turn and in alternating order, each
time in a new lab home, with all processes on the same two cores. All are measured alike, from the
outside: steps between two commits in the registry by the clock on the wall, after a warm-up, over
whole rounds from estimate to estimate. What counts is the median of the ratios within each round.

Then the slider "Layers" is moved by keyboard while a run trains, at all phases of the page's tick.
The time is the browser's own, from the key to the frame with the new picture of the model, and to
the one with the new parameter count and cost.

Prints tables and one line of JSON. Needs a machine that does nothing else; `--quick` only shows
that everything runs, and its numbers mean nothing.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.records.records import LIVE  # noqa: E402
from core.runs.lab import Lab  # noqa: E402
from core.settings.config import RunConfig  # noqa: E402
from core.settings.differences import settings_diff  # noqa: E402
from core.training.preflight import calibrate  # noqa: E402

PRESET, CORPUS, N_CORES, PATIENCE_S = "nanogpt-cpu", "shakespeare", 2, 120.0
WANTED_PICTURE_S, WANTED_ANSWER_S = 0.15, 0.5
TRAIN = f"-m core --json train --model transformer --preset {PRESET} --corpus {CORPUS}".split()
SERVE = "-m streamlit run lab/Home.py --server.headless true --server.port".split()
QUERY = f"preset={PRESET}"
WAYS = {
    "cli": ("the command line", ""),
    "lab_silent": ("the lab, a page open, nothing drawn", "0.90"),
    "lab_drawn": ("the lab, the live page drawn in Chromium", "0.70"),
}
"""Ways to train: in words, and what is wanted of the command line's speed."""
N_POINTS = "document.querySelector('.st-key-loss .js-plotly-plot').calcdata?.[0]?.length ?? 0"
say = partial(print, file=sys.stderr, flush=True)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured."""

    n_rounds: int
    n_moves: int
    n_steps: int
    warm_up_steps: int = 100


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a run was, over so many steps."""

    steps_per_s: float
    characters_per_s: float
    n_steps: int


# --- what is measured -----------------------------------------------------------------------------


def all_ways(plan: Plan, config: RunConfig) -> list[dict[str, Pace]]:
    """Each way in each round; every second round goes backwards."""
    rounds: list[dict[str, Pace]] = [{} for _ in range(plan.n_rounds)]
    for i, paces in enumerate(rounds):
        for way in list(WAYS) if i % 2 == 0 else reversed(WAYS):
            paces[way] = one_way(way, plan, config)
            say(f"round {i + 1}, {WAYS[way][0]}: {paces[way].steps_per_s:.2f} steps/s")
    return rounds


def one_way(way: str, plan: Plan, config: RunConfig) -> Pace:
    """Train in one of the ways, in a new lab home, and measure."""
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(home)  # made before there is somebody to share it with
        if way == "cli":
            with running(TRAIN, home):
                return pace(lab, plan, config)
        page = silent_page if way == "lab_silent" else drawn_page
        with served(home) as address, page(address):
            return pace(lab, plan, config)


def pace(lab: Lab, plan: Plan, config: RunConfig) -> Pace:
    """How fast the only run of a lab is, which has to have these settings."""
    first, begun_s = commit_past(lab, plan.warm_up_steps)
    last, ended_s = commit_past(lab, first + plan.n_steps)
    if differences := settings_diff(config, lab.store.runs()[0].config):
        raise RuntimeError(f"the run has other settings: {differences}")
    rate = (last - first) / (ended_s - begun_s)
    per_step = config.train.batch_size * config.model.block_size
    return Pace(steps_per_s=rate, characters_per_s=rate * per_step, n_steps=last - first)


def commit_past(lab: Lab, step: int) -> tuple[int, float]:
    """The step of the only run's first commit at or past `step`, and when it was seen, in s."""
    seen, seen_s = -1, time.perf_counter()
    while True:
        run, now_s = next(iter(lab.store.runs()), None), time.perf_counter()
        if run and run.step >= step:
            return run.step, now_s
        if run and run.step != seen:
            seen, seen_s = run.step, now_s
        if now_s - seen_s > PATIENCE_S or (run and run.status not in LIVE):
            raise RuntimeError(f"waited in vain for step {step} of {run}")
        time.sleep(0.02 if step - seen < 50 else 0.5)  # a look is not free


ARM = """() => {
  const told = () => [...document.querySelectorAll(
    ".st-key-train_controls [data-testid=stCaptionContainer]")].map(e => e.textContent).slice(-2);
  const drawn = () => document.querySelector(".st-key-model_picture img")?.src;
  const captions = told(), picture = drawn();
  let pressed;
  addEventListener("keydown", e => { pressed = e.timeStamp; }, { capture: true, once: true });
  // The frame after the one in which something is there.
  const seen = isThere => new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no answer: " + told().join(" / "))), 20000);
    const watch = new MutationObserver(() => {
      if (!isThere()) return;
      watch.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve((performance.now() - pressed) / 1000)));
    });
    watch.observe(document.body,
      { subtree: true, childList: true, characterData: true, attributeFilter: ["src"] });
  });
  window.labAnswer = Promise.all([
    seen(() => drawn() && drawn() != picture),
    seen(() => told().length == 2 && told().every((text, i) => text != captions[i])),
  ]);
}"""


def answer_times_s(plan: Plan) -> list[tuple[float, float]]:
    """From a key on the slider "Layers" to the frame with the picture of the new model, and to the
    one that says what it costs."""
    times = []
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(home)
        with served(home) as address, drawn_page(address, "&max_iters=10000") as page:
            commit_past(lab, plan.warm_up_steps)
            slider = page.locator("[class*=st-key-train_n_layer_] input[type=range]")
            for i in range(plan.n_moves):
                # The pause walks through all phases of a tick; then down and up again, by one.
                page.wait_for_timeout(700 + 1000 * (0.618 * i % 1))
                slider.focus()
                page.evaluate(ARM)
                page.keyboard.press("ArrowRight" if i % 2 else "ArrowLeft")
                picture_s, told_s = page.evaluate("() => window.labAnswer")
                times.append((float(picture_s), float(told_s)))
            if (status := lab.store.runs()[0].status) not in LIVE:
                raise RuntimeError(f"the run was {status} before all moves were made")
    return times


# --- processes and pages --------------------------------------------------------------------------


@contextmanager
def running(arguments: list[str], home: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process in a lab home, ended in any case; what it said is shown if that fails."""
    log = Path(home) / "process.log"
    env = os.environ | {"LAB_HOME": home, "PYTHONPATH": str(ROOT)}
    with log.open("wb") as out:
        command = [sys.executable, *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out)
    try:
        yield process
    except Exception:
        say(log.read_text("utf-8", "replace")[-3000:])
        raise
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def served(home: str) -> Iterator[str]:
    """A server of the lab; yields its host and port."""
    with served_process(home) as (address, _):
        yield address


@contextmanager
def served_process(home: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server of the lab; yields its host and port, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    deadline_s = time.monotonic() + PATIENCE_S
    with running([*SERVE, str(port)], home) as process:
        while True:
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health").close()
                break
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError("the server did not start")
            time.sleep(0.1)
        yield f"127.0.0.1:{port}", process


@contextmanager
def drawn_page(address: str, more: str = "") -> Iterator[Page]:
    """The Train page in headless Chromium, with a run started on it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(1000 * PATIENCE_S)
        page.goto(f"http://{address}/train?{QUERY}{more}")
        # First the machine has been timed: that would hold the run up.
        page.locator(".st-key-train_controls", has_text="characters").filter(
            has_text="on this machine", has_not_text="timing"
        ).wait_for()
        page.locator(".st-key-train_start button").first.click()
        page.locator(".st-key-train_pause button").first.wait_for()
        page.locator(".st-key-loss .js-plotly-plot").first.wait_for()
        n_points = page.evaluate(N_POINTS)
        yield page
        if page.evaluate(N_POINTS) <= n_points:
            raise RuntimeError("the page was open and its curve did not grow")
        if errors := page.locator("[data-testid=stException]").all_inner_texts():
            raise RuntimeError(errors[0])
        browser.close()


@contextmanager
def silent_page(address: str) -> Iterator[None]:
    """The Train page with a run started on it, held open by a client that draws nothing."""
    ended = threading.Event()

    def hold() -> int:
        uri, names = f"ws://{address}/_stcore/stream", [Subprotocol("streamlit")]
        with connect(uri, subprotocols=names, compression=None, max_size=None) as web_socket:
            client = SilentClient(web_socket)
            while not ended.is_set():
                client.listen()
        return client.n_ticks

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        try:
            yield
        finally:
            ended.set()
            n_ticks = holding.result()
    if not n_ticks:
        raise RuntimeError("the page was open and never ticked")


class SilentClient:
    """Sends what Streamlit's script in a browser would, and presses Start as soon as it can."""

    def __init__(self, web_socket: ClientConnection) -> None:
        self.n_ticks = 0
        self._socket, self._start, self._started = web_socket, "", False
        self._timers_s: dict[str, tuple[float, float]] = {}  # by fragment: next due, interval
        self._ask()

    def listen(self) -> None:
        """Take in one message, if there is one, and send the ticks that are due."""
        with suppress(TimeoutError):
            self._take_in(ForwardMsg.FromString(self._socket.recv(timeout=0.05, decode=False)))
        for fragment, (due_s, interval_s) in self._timers_s.items():
            if time.monotonic() >= due_s:
                self._timers_s[fragment] = (due_s + interval_s, interval_s)
                self._ask(fragment)

    def _ask(self, fragment: str = "", pressed: str = "") -> None:
        """Ask for a run of the page or of one fragment, perhaps with a button pressed."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_name, state.fragment_id = QUERY, "train", fragment
        state.is_auto_rerun, state.context_info.color_scheme = bool(fragment), "light"
        if pressed:
            state.widget_states.widgets.add(id=pressed, trigger_value=True)
        self._socket.send(message.SerializeToString())

    def _take_in(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session" and not message.metadata.run.fragment_ids:
            self._timers_s.clear()
        elif kind == "auto_rerun":
            fragment, interval_s = message.auto_rerun.fragment_id, message.auto_rerun.interval
            self._timers_s.setdefault(fragment, (time.monotonic() + interval_s, interval_s))
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._timers_s.pop(fragment, None)
        elif kind == "delta" and "train_start" in message.delta.new_element.button.id:
            self._start = message.delta.new_element.button.id
        elif kind == "script_finished":
            self.n_ticks += message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
            # A quick timer before the start waits until the machine has been timed; a slow one is
            # that of the sign in every tab.
            waits = any(interval_s < 1.0 for _, interval_s in self._timers_s.values())
            if self._start and not self._started and not waits:
                self._started = True
                self._ask(pressed=self._start)


# --- what is printed ------------------------------------------------------------------------------


def speed_table(rounds: list[dict[str, Pace]]) -> dict[str, object]:
    """Print how fast training was each way; returns the numbers, with units in their names."""
    print("| training | steps/s | characters/s | of the command line | wanted |")
    print("| --- | --- | --- | --- | --- |")
    fields: dict[str, object] = {"n_steps": rounds[0]["cli"].n_steps, "n_rounds": len(rounds)}
    for way, (words, wanted) in WAYS.items():
        ratios = [paces[way].steps_per_s / paces["cli"].steps_per_s for paces in rounds]
        steps_per_s = statistics.median(paces[way].steps_per_s for paces in rounds)
        characters_per_s = statistics.median(paces[way].characters_per_s for paces in rounds)
        ratio = statistics.median(ratios)
        print(f"| {words} | {steps_per_s:.2f} | {characters_per_s:,.0f} | {ratio:.3f} | {wanted} |")
        values = (steps_per_s, characters_per_s, ratio, ratios)
        names = ("steps_per_s", "characters_per_s", "ratio", "ratios")
        fields |= {f"{way}_{name}": value for name, value in zip(names, values)}
    return fields


def answer_table(times_s: list[tuple[float, float]]) -> dict[str, object]:
    """Print how soon the slider was answered; returns the numbers."""
    print(f"\n| from a slider, {len(times_s)} moves | median, s | 95th percentile, s | wanted, s |")
    print("| --- | --- | --- | --- |")
    fields: dict[str, object] = {}
    pictures_s, answers_s = zip(*times_s)
    for name, words, each_s, wanted_s in (
        ("picture", "to the picture of the model", pictures_s, WANTED_PICTURE_S),
        ("answer", "to what it costs", answers_s, WANTED_ANSWER_S),
    ):
        median_s = statistics.median(each_s)
        p95_s = statistics.quantiles(each_s, n=20, method="inclusive")[-1]
        print(f"| {words} | {median_s:.3f} | {p95_s:.3f} | {wanted_s} |")
        fields |= {f"{name}_median_s": median_s, f"{name}_p95_s": p95_s,
                   f"{name}_times_s": each_s}  # fmt: skip
    return fields


def steps_in(seconds: float, config: RunConfig) -> int:
    """So many steps as take about that long here, in whole rounds from estimate to estimate."""
    n, each = seconds / calibrate("cpu").step_s(config), config.train.eval_interval
    return each * min(math.ceil(n / each), config.train.max_iters // each - 2)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What the screen costs.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement, or more")
    parser.add_argument("--moves", type=int, default=40, help="of the slider")
    parser.add_argument("--quick", action="store_true", help="only to see that it runs")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all processes are ended
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:N_CORES])
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(home)
        config = lab.configure("transformer", lab.library.load(CORPUS), PRESET)
    plan = Plan(n_rounds=args.rounds, n_moves=args.moves, n_steps=steps_in(args.seconds, config))
    if args.quick:
        plan = Plan(n_rounds=1, n_moves=4, n_steps=50, warm_up_steps=20)
    fields = speed_table(all_ways(plan, config)) | answer_table(answer_times_s(plan))
    print(json.dumps(fields))
    return 0


if __name__ == "__main__":
    sys.exit(main())
