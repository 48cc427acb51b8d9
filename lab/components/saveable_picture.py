"""A picture in SVG with two buttons that save it, as SVG or as PNG.

The picture is Streamlit's own image; the buttons stand over its upper right corner, seen while the
pointer is on the picture or the focus on them. What they save is made in the browser.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import streamlit as st

_CSS: Final = """
[class*="st-key-saveable_"] {
  position: relative;
}
[data-testid="stElementContainer"][class*="st-key-save_"] {
  position: absolute;
  top: 0;
  right: 0;
  width: auto;
  z-index: 1;
}
.lab-save {
  display: flex;
  gap: 0.25rem;
  opacity: 0;
}
[class*="st-key-saveable_"]:is(:hover, :focus-within) .lab-save {
  opacity: 1;
}
.lab-save button {
  padding: 0 0.375rem;
  border: 1px solid var(--st-border-color);
  border-radius: var(--st-base-radius);
  background: var(--st-background-color);
  color: var(--st-gray-text-color);
  font: 0.75rem/1.25rem var(--st-font);
  cursor: pointer;
}
.lab-save button:is(:hover, :focus-visible) {
  color: var(--st-text-color);
}
"""

PICTURE_SCRIPT = "\n".join(
    Path(__file__).with_name(name).read_text(encoding="utf-8")
    for name in ("saving.js", "saveable_picture.js")
)

_SAVE = st.components.v2.component(
    "lab_saveable_picture", css=_CSS, js=PICTURE_SCRIPT, isolate_styles=False
)


def saveable_picture(
    svg: str, *, key: str, alt: str | None, width: int | Literal["content", "stretch"] = "content"
) -> None:
    """Draw SVG text at its own size, or at a width in px; `key` names what is saved from it.

    `alt` is what a screen reader says in place of the picture; None where the words beside it do.
    """
    with st.container(key=f"saveable_{key}"):
        st.image(svg, alt=alt or "", width=width)
        _SAVE(key=f"save_{key}", data={"svg": svg, "key": key})
