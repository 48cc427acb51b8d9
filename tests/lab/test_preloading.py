"""The server answers before anything that takes seconds is there, and pages wait for that."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from threading import Event

import pytest

from lab import preloading
from tests.helpers import ROOT

SLOW = ("torch", "pandas")
SCRIPT = """
import json, sys
sys.path.insert(0, "lab")
import Home
from lab.components.window import equip_window
from lab import preloading

def loaded():
    return [name for name in sys.argv[1].split() if name in sys.modules]

before = loaded()
preloading.begin_preloading()
was_preloading = preloading.is_preloading()
preloading.wait_until_preloaded()
rooms = {"lab.train_page.race.view", "lab.widgets.controls"} & set(sys.modules)
there = set(sys.modules)
after = loaded()

from streamlit.testing.v1 import AppTest
there |= set(sys.modules)
from pathlib import Path
app = AppTest.from_file(str(Path("lab/frame.py").resolve()), default_timeout=120).run()
for name in ("train", "bigram", "corpus"):
    app.switch_page(f"app_pages/{name}.py").run()
    assert not app.exception
late = sorted(set(sys.modules) - there)
print(json.dumps([before, was_preloading, after, len(rooms), late]))
"""
HARMLESS = ("lab.", "plotly.", "_plotly_utils.", "packaging.", "narwhals.", "streamlit.", "torch.",
            "__main__", "PIL.", "pyarrow.")  # fmt: skip
"""Single files of packages that are there: who comes second waits until they are whole."""


def test_the_server_starts_with_nothing_slow_and_then_loads_all_of_it() -> None:
    command = [sys.executable, "-c", SCRIPT, " ".join(SLOW)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    before, was_preloading, after, n_rooms, late = json.loads(done.stdout.splitlines()[-1])
    assert (before, was_preloading, after, n_rooms) == ([], True, list(SLOW), 2)
    # Sessions that begin at once and import the same package can see it half loaded.
    assert [name for name in late if not name.startswith(HARMLESS)] == []


def test_without_a_server_nothing_is_waited_for() -> None:
    assert not preloading.is_preloading()
    preloading.wait_until_preloaded()


def test_pages_do_not_wait_for_what_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preloading, "_begun", Event())
    monkeypatch.setattr(preloading, "_loaded", Event())

    def broken(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", broken)
    preloading._begun.set()
    with pytest.raises(ImportError):
        preloading._preload()
    preloading.wait_until_preloaded()
    assert not preloading.is_preloading()
