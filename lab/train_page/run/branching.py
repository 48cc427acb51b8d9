"""Rewind: from a point on the curve, with one thing changed, on the same batches; a branch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import streamlit as st

from core.errors import LabError
from core.records.course import Course
from core.records.records import Change, RunRecord
from core.settings.config import SCHEDULES, help_line
from core.training.optim import learning_rate_at
from lab.session.entry import Entry
from lab.session.state import choose_run, the_lab, the_service
from lab.widgets.controls import SLIDERS
from lab.wording import words
from lab.wording.labels import label_of, settings_text
from lab.wording.plain import plain, plain_but_code

_VALUES: dict[str, tuple[Any, ...]] = {
    s.name: s.values for s in SLIDERS if s.name in ("learning_rate", "batch_size", "max_iters")
} | {
    "weight_decay": (0.0, 0.01, 0.03, 0.1, 0.3, 1.0),
    "grad_clip": (0.0, 0.1, 0.3, 1.0, 3.0, 10.0),
    "schedule": SCHEDULES,
}
NOTHING = "nothing"
_AT: Entry[int | None] = Entry("train_branch_from", None)


def ask_for_branch(step: int) -> None:
    """Open the dialog when the page is drawn next, with this step picked."""
    _AT.set(step)


def render_branch_dialog(run: RunRecord | None) -> None:
    """The dialog, from when somebody asked for it until it is closed."""
    step = _AT.get()
    if run is not None and step is not None:
        _dialog(run, min(step, run.step))


def _close() -> None:
    _AT.clear()


@st.dialog("Rewind to an earlier step", on_dismiss=_close)
def _dialog(run: RunRecord, step: int) -> None:
    st.markdown(
        f"A new run shares its past with **{plain(run.name)}** up to a step, and then sees the "
        "same batches. What differs afterwards is due to what you change. With nothing changed, "
        "its curve lies exactly on its parent's."
    )
    at = int(st.number_input("To step", 0, run.step, step, key="branch_at"))
    name = st.selectbox(
        "Change", [NOTHING, *_VALUES], index=1, key="branch_setting", format_func=label_of,
        help="Only how it is trained can change; another shape is another model.",
    )  # fmt: skip
    course = Course(run.config, the_lab().store.changes(run.id))
    changes = {} if name == NOTHING else {name: _choose_value(name, at, course)}
    for sentence in about_branch(course, at, changes):
        st.caption(plain(sentence))
    if st.button("Rewind", type="primary", icon=":material/history:", key="branch_go"):
        try:
            child = the_service().branch(run.id, at, changes)
        except LabError as error:
            st.error(plain_but_code(str(error)))
        else:
            _close()
            choose_run(child)
            st.rerun()


def _choose_value(name: str, at: int, course: Course) -> Any:
    """Another value for a setting; or the same, where it would not stay so by itself."""
    now = held_at(name, at, course)
    others = [v for v in _VALUES[name] if v != now and (name != "max_iters" or v >= max(at, 1))]
    others = others or [2 * now, 5 * now]  # the run is as long as any on the list
    below = [v for v in others if name != "schedule" and v < now]
    can_stay = name != "max_iters" and bool(_later(course, at))
    can_stay = can_stay and (name, now) != ("learning_rate", 0.0)  # a schedule may end there
    values = others
    if can_stay:
        values = list(SCHEDULES) if name == "schedule" else sorted([now, *others])
    # Other values, another widget: the old one may hold one that is no longer there.
    key = f"branch_value_{name}_{_value_text(now)}_{len(values)}"
    return st.select_slider(
        f"From {_value_text(now)} to", values, value=below[-1] if below else others[0], key=key,
        format_func=lambda v: f"{_value_text(v)}, as it is" if v == now else _value_text(v),
        help=help_line(name),
    )  # fmt: skip


def held_at(name: str, at: int, course: Course) -> Any:
    """The value of a setting that holds from a step on; of the rate, where its schedule has ended,
    the rate itself."""
    train = course.at(at).train
    if name == "learning_rate" and train.has_decayed(at):
        return train.min_lr
    return getattr(train, name)


def about_branch(course: Course, at: int, changes: Mapping[str, Any]) -> Iterator[str]:
    """What a branch with these changes will do that its two controls do not say, in sentences."""
    train = course.at(at).train
    if "learning_rate" in changes and train.has_decayed(at):
        ended = f"The schedule has ended by step {words.count(at)}"
        yield f"{ended}: the rate stays what you choose here."
    elif "learning_rate" in changes and train.schedule != "constant":
        branch = Course(course.end, course.changes)
        branch.change(at, changes)
        ours, theirs = (learning_rate_at(at, each) for each in (branch.at(at).train, train))
        yield (
            f"This is the schedule's peak; at step {words.count(at)} the branch stands at "
            f"{ours:.3g}, where its parent stood at {theirs:.3g}."
        )
    if "batch_size" in changes:
        yield "Batches of another size are other windows of the text than its parent's."
    if "max_iters" in changes and (flat_end := course.flat_end(at, changes["max_iters"])):
        since, rate = flat_end
        yield (
            f"From step {words.count(since)} on, where the schedule has ended, the learning rate "
            f"stays at {_value_text(rate)}. The slider on the left sets another while the branch "
            "trains."
        )
    if later := _later(course, at):
        comes = "comes along" if changes.keys() <= {"max_iters"} else "does not come along"
        said = "; ".join(f"{settings_text(c, course)} at step {words.count(c.step)}" for c in later)
        yield f"What was changed after that ({said}) {comes}."


def _later(course: Course, at: int) -> list[Change]:
    return [change for change in course.changes if change.step > at]


def _value_text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,.6g}"
