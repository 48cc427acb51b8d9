"""Rewind and branch: from a point on the curve, with one thing changed, on the same batches."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.config import SCHEDULES, help_line
from core.errors import LabError
from core.records import RunRecord
from lab.controls import SLIDERS
from lab.labels import label_of
from lab.plain import plain
from lab.state import choose_run, the_service

_VALUES: dict[str, tuple[Any, ...]] = {
    s.name: s.values for s in SLIDERS if s.name in ("learning_rate", "batch_size", "max_iters")
} | {
    "weight_decay": (0.0, 0.01, 0.03, 0.1, 0.3, 1.0),
    "grad_clip": (0.0, 0.1, 0.3, 1.0, 3.0, 10.0),
    "schedule": SCHEDULES,
}
NOTHING = "nothing"
_AT = "train_branch_from"


def ask_for_branch(step: int) -> None:
    """Open the dialog when the page is drawn next, with this step picked."""
    st.session_state[_AT] = step


def render_branch_dialog(run: RunRecord | None) -> None:
    """The dialog, from when somebody asked for it until it is closed."""
    step = st.session_state.get(_AT)
    if run is not None and step is not None:
        _dialog(run, min(step, run.iter))


def _close() -> None:
    st.session_state.pop(_AT, None)


@st.dialog("Branch from an earlier step", on_dismiss=_close)
def _dialog(run: RunRecord, step: int) -> None:
    st.markdown(
        f"A new run shares its past with **{plain(run.name)}** up to a step, and then sees the "
        "same batches. What differs afterwards is due to what you change. With nothing changed, "
        "its curve lies exactly on its parent's."
    )
    at = st.number_input("From step", 0, run.iter, step, key="branch_at")
    name = st.selectbox(
        "Change", [NOTHING, *_VALUES], index=1, key="branch_setting", format_func=label_of,
        help="Only how it is trained can change; another shape is another model.",
    )  # fmt: skip
    changes: dict[str, Any] = {}
    if name != NOTHING:
        now = run.config.flat()[name]
        values = [v for v in _VALUES[name] if v != now and _can_be(name, v, int(at))]
        below = [v for v in values if name != "schedule" and v < now]
        value = st.select_slider(
            f"From {_said(now)} to", values, value=below[-1] if below else values[0],
            format_func=_said, key=f"branch_value_{name}", help=help_line(name),
        )  # fmt: skip
        changes = {name: value}
    if st.button("Branch", type="primary", icon=":material/call_split:", key="branch_go"):
        try:
            child = the_service().branch(run.id, int(at), changes)
        except LabError as error:
            st.error(str(error))
        else:
            _close()
            choose_run(child)
            st.rerun()


def _can_be(name: str, value: Any, at: int) -> bool:
    """Whether a value can be offered from that step on."""
    return value >= max(at, 1) if name == "max_iters" else True


def _said(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,.6g}"
