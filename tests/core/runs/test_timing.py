"""How fast the machine is, is timed once, and remembered for this machine as it is."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import psutil
import pytest
import torch

from core.runs import timing
from core.runs.lab import Lab
from core.runs.timing import calibration_of, remembered_calibration
from core.training.preflight import Calibration

FAST = Calibration(s_per_flop=1e-11, s_per_bfloat16_flop=2e-11, s_per_number=1e-9, s_per_layer=1e-3)


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices that were timed; the machine is idle and FAST."""
    devices: list[str] = []

    def calibrate(device: str = "auto") -> Calibration:
        devices.append(device)
        return FAST

    monkeypatch.setattr(timing, "calibrate", calibrate)
    monkeypatch.setattr(psutil, "getloadavg", lambda: (0.1, 0.1, 0.1))
    return devices


def test_what_was_timed_once_is_remembered(lab: Lab, timed: list[str]) -> None:
    assert remembered_calibration(lab.home, "cpu") is None
    assert calibration_of(lab.home, "cpu") == FAST
    assert remembered_calibration(lab.home, "cpu") == FAST
    assert calibration_of(lab.home, "cpu") == FAST and timed == ["cpu"]


def test_with_other_threads_or_after_a_week_it_is_timed_again(
    lab: Lab, timed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calibration_of(lab.home, "cpu")
    with monkeypatch.context() as other:
        other.setattr(torch, "get_num_threads", lambda: 77)
        assert remembered_calibration(lab.home, "cpu") is None
        calibration_of(lab.home, "cpu")
    assert remembered_calibration(lab.home, "cpu") == FAST  # both are kept
    entries = json.loads(lab.home.calibrations.read_text())
    for entry in entries.values():
        entry["timed_at"] -= timing.KEPT_S + 1
    lab.home.calibrations.write_text(json.dumps(entries))
    assert remembered_calibration(lab.home, "cpu") is None


def test_a_busy_machine_is_not_remembered(
    lab: Lab, timed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = float(os.cpu_count() or 1)
    monkeypatch.setattr(psutil, "getloadavg", lambda: (busy, busy, busy))
    assert calibration_of(lab.home, "cpu") == FAST
    assert remembered_calibration(lab.home, "cpu") is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"KEY": 3}', '{"KEY": {"timed_at": 0}}'])
def test_a_damaged_file_is_no_file(lab: Lab, timed: list[str], content: str) -> None:
    key = timing._key("cpu")
    lab.home.calibrations.write_text(content.replace("KEY", key))
    assert remembered_calibration(lab.home, "cpu") is None
    assert calibration_of(lab.home, "cpu") == FAST
    stored = json.loads(lab.home.calibrations.read_text())[key]
    assert stored["rates"] == asdict(FAST)
