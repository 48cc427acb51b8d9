"""What the pages import, loaded once and before the first of them.

In a thread of its own, so that the server answers meanwhile. Sessions wait for it, since two that
import the same package at once can see it half loaded.
"""

from __future__ import annotations

import gc
import importlib
import pkgutil
import time
from pathlib import Path
from threading import Event, Thread

_SCRIPTS = ("lab.app_pages", "lab.Home", "lab.frame")
"""Are run and not imported."""
_LATER = (
    "pandas", "pyarrow.pandas_compat", "PIL.Image", "plotly.io", "plotly.offline", "plotly.tools",
    "streamlit.material_icon_names", "torch.utils.serialization", "torch.profiler",
)  # fmt: skip
"""What Streamlit, Plotly and torch import by themselves at first use, which is in a session."""
_FIRST_PAGE_S = 3.0
"""In which the first page is drawn. What can wait that long does not hold it up."""

_begun, _loaded = Event(), Event()


def begin_preloading() -> None:
    """Begin, unless it has begun."""
    if not _begun.is_set():
        _begun.set()
        Thread(target=_preload, name="preloading", daemon=True).start()


def is_preloading() -> bool:
    """Whether something is still to be loaded."""
    return _begun.is_set() and not _loaded.is_set()


def wait_until_preloaded() -> None:
    """Wait for its end, if it has begun. A package that cannot be loaded fails in the page."""
    if _begun.is_set():
        _loaded.wait()


def _preload() -> None:
    try:
        for module in pkgutil.walk_packages([str(Path(__file__).parent)], "lab."):
            if not module.name.startswith(_SCRIPTS):
                importlib.import_module(module.name)
        for name in _LATER:
            importlib.import_module(name)
    finally:
        _loaded.set()
    time.sleep(_FIRST_PAGE_S)
    # Streamlit's own collection after every run is switched off in the settings, because it would
    # hold up training; what never becomes garbage need not be looked at again.
    gc.collect()
    gc.freeze()
