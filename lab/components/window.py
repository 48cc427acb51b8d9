"""What the lab has in each browser window: Plotly's script, styles, an eye on theme and links.

Owns: getting Plotly's script (megabytes) into a window. It is a file at an address of its own,
which the browser loads beside the page and keeps for the next time.

Must not know: any figure. It is part of the first thing that a window shows, so nothing is imported
here that takes long, as Plotly itself does.
"""

from __future__ import annotations

import importlib.util
from importlib.metadata import version
from pathlib import Path
from typing import Final

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route
from streamlit import config

from lab.components.delivery import keep_what_is_unsent
from lab.components.ticks import keep_ticks_on_the_page

_KEY: Final = "lab_window_watch"
_PLOTLY_PATH: Final = f"/plotly-{version('plotly')}.min.js"

# First, hide the component below, or every page would begin with an empty row. Then, give selected
# labels the colour of text. Streamlit gives them its primary colour, which on dark ground cannot be
# both dark enough under white words and light enough for words itself. Links that were chosen by
# arrow keys are framed. Words of code get the theme's colours for text, those in a caption no
# ground and links there its own colour, since Streamlit's are too pale to be read. Where the system
# asks for it, nothing fades, slides or spins. What is said when the server is gone lies over the
# page. Last, the picture of the model stays in sight of the controls that are further down, where
# there is room for both; the row that it stands in would else be what it is held by.
_CSS: Final = """
.st-key-lab_window_watch {
  display: none;
}
[role="tab"][aria-selected="true"],
button[data-variant][data-selected="true"][type="button"],
[data-testid="stSliderThumbValue"] {
  color: inherit;
}
a[data-lab-chosen] {
  outline: 2px solid currentColor;
  outline-offset: 1px;
}
[data-testid="stCode"] .token.keyword {
  color: var(--st-blue-text-color);
}
[data-testid="stCode"] .token.comment {
  color: var(--st-gray-text-color);
}
[data-testid="stCaptionContainer"] code {
  background: none;
}
[data-testid="stCaptionContainer"] a {
  color: inherit;
}
.lab-gone {
  position: fixed;
  inset: 4.5rem 0 auto;
  width: fit-content;
  max-width: 44rem;
  margin: 0 auto;
  padding: 0.75rem 1rem;
  z-index: 1000;
  border-radius: 0.5rem;
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after {
    animation-duration: 1ms !important;
    animation-iteration-count: 1 !important;
    transition-duration: 1ms !important;
    scroll-behavior: auto !important;
  }
}
@media (min-width: 800px) and (min-height: 700px) {
  [data-testid="stHorizontalBlock"]:has(> * > * > * > .st-key-model_picture) {
    overflow: visible;
  }
  [data-testid="stLayoutWrapper"]:has(> .st-key-model_picture) {
    position: sticky;
    top: 3.75rem;
    z-index: 2;
  }
}
"""

# Plotly puts its style sheet into the document's head, where a shadow root would not see it: hence
# no isolation.
_WINDOW = st.components.v2.component(
    "lab_window_watch",
    css=_CSS,
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


async def _plotly_script(request: Request) -> FileResponse:
    """Plotly's script as its package has it, to be kept: another version has another address.

    Uncompressed, since packing megabytes anew for each window takes longer than sending them.
    """
    spec = importlib.util.find_spec("plotly")
    assert spec is not None and spec.origin is not None
    return FileResponse(
        Path(spec.origin).parent / "package_data" / "plotly.min.js",
        media_type="text/javascript",
        headers={
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Encoding": "identity",
        },
    )


PLOTLY_ROUTE: Final = Route(_PLOTLY_PATH, _plotly_script)
"""To be served beside the pages."""


def equip_window() -> str | None:
    """Bring Plotly's script and the styles into the browser. Once per page run, in no fragment.

    It also reruns the page when the reader switches between light and dark, since the colours of
    traces are chosen in Python. Returns the term of a link to the glossary that was just followed.
    """
    keep_what_is_unsent()
    keep_ticks_on_the_page()
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    address = f"/{base}{_PLOTLY_PATH}" if base else _PLOTLY_PATH
    happened = _WINDOW(
        key=_KEY, data={"plotly_address": address},
        on_theme_changed_change=_rerun, on_term_asked_change=_rerun,
    )  # fmt: skip
    term: str | None = happened.term_asked
    return term


def _rerun() -> None:
    """Streamlit reports an event, and runs the page for it, only if a callback is named."""
