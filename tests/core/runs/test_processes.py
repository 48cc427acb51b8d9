"""The command line as a process of its own: exit codes, signals, and who says what."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.runs.lab import Lab
from core.text.corpus import Corpus
from tests.helpers import PATIENCE_S, ROOT, last_line, small_flags, train, trained, wait_until


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "core", *arguments],
        cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone says what a process has loaded")
def test_who_stops_a_command_while_torch_is_loaded_is_answered_too(lab: Lab) -> None:
    child = start("runs")
    loaded = Path(f"/proc/{child.pid}/maps")
    wait_until(lambda: "libtorch" in loaded.read_text(), "torch on its way")
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=PATIENCE_S)
    assert (child.returncode, err.splitlines()[-1]) == (130, "Stopped."), err
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_the_run_to_be_resumed(
    lab: Lab, corpus: Corpus, number: signal.Signals, code: int
) -> None:
    flags = [f"--{k}={v}" for k, v in small_flags("bigram", max_iters=1_000_000).items()]
    child = start(
        "train", "--model", "bigram", "--corpus", "tiny", "--name", "owl", "--json", *flags,
        "--eval_interval", "1000000", "--warmup_iters", "0",
    )  # fmt: skip
    try:
        wait_until(lambda: "owl" in lab.store.names() or child.poll() is not None, "a run")
        wait_until(lambda: lab.store.run("owl").step > 0, "steps")
        child.send_signal(number)
        out, err = child.communicate(timeout=PATIENCE_S)
    finally:
        child.kill()
    assert child.returncode == code
    assert "Traceback" not in err
    fields = last_line(out)
    record = lab.run("owl")
    assert fields["status"] == record.status == "interrupted"
    assert fields["iter"] == record.step == record.checkpoint_step > 0
    train(lab, record.id, until=record.step + 5)
    assert [s.step for s in lab.store.steps(record.id)] == list(range(1, record.step + 6))


def test_a_process_says_json_on_stdout_and_the_rest_on_stderr(lab: Lab, corpus: Corpus) -> None:
    """Also that a run does not depend on the process it is trained in."""
    flags = [f"--{name}={value}" for name, value in small_flags("transformer").items()]
    child = start("train", "--model", "transformer", "--corpus", "tiny", "--json", *flags)
    out, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0
    assert len(out.splitlines()) == 1
    assert "parameters, corpus tiny" in err
    here = trained(lab, corpus, "transformer")
    there = last_line(out)["run"]
    ours, theirs = (lab.store.steps(run_id) for run_id in (here, there))
    assert [s.loss_nats for s in ours] == [s.loss_nats for s in theirs]


def test_a_mistake_is_one_line_and_no_traceback(lab: Lab) -> None:
    child = start("resume", "nobody")
    out, err = child.communicate(timeout=PATIENCE_S)
    assert (child.returncode, out) == (2, "")
    assert err == "There is no run 'nobody'. `python -m core runs` lists those there are.\n"
