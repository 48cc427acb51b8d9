"""The runs there are: find one, look at it, resume, rename, share or delete it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import partial

import streamlit as st

from core.exchange.archive import file_name, packed
from core.exchange.runfile import MAX_RUN_FILE_BYTES
from core.records.records import RunRecord
from core.runs.disk import DiskUse, RunDisk, disk_use
from core.runs.lab import MAX_RUN_NAME
from lab.figures.palette import in_model_color
from lab.session.entry import draw_page_again
from lab.session.pace import paced
from lab.session.state import chosen_run, is_live, open_run, the_lab, the_service, want_view
from lab.train_page.runs.actions import (
    Check,
    after,
    button,
    delete,
    do,
    finish,
    rename,
    render_outcome,
    resume,
    select_run,
    selected_run,
    turn_to,
)
from lab.train_page.runs.keeping import render_bin, render_disk, render_opening
from lab.train_page.runs.table import (
    CHANGED,
    DISK,
    LOSS,
    PARAMETERS,
    TIME,
    WAITED,
    changes,
    table,
)
from lab.widgets.action_buttons import check_seen
from lab.wording import words
from lab.wording.plain import plain
from lab.wording.run_search import PLACEHOLDER, found

TICK_S = 2.0
_COLUMNS = {
    "Name": st.column_config.TextColumn(width=240),
    "Model": st.column_config.TextColumn(width=95),
    "Corpus": st.column_config.TextColumn(width=108),
    "Status": st.column_config.TextColumn(width=100),
    "Step": st.column_config.TextColumn(width=106),
    LOSS: st.column_config.NumberColumn(
        format="%.3f", width=145,
        help="Over the whole validation split, measured when a run ends: that of its best "
        "checkpoint. Losses on different texts cannot be compared; a model without a causal mask "
        "has none.",
    ),
    TIME: st.column_config.NumberColumn(
        format="localized", width=100, help="The training steps alone."
    ),
    WAITED: st.column_config.NumberColumn(
        format="localized", width=95,
        help="By the clock on the wall: training, all that is measured and saved between the "
        "steps, and turns with other runs; no pauses.",
    ),
    PARAMETERS: st.column_config.NumberColumn(format="localized", width=95),
    DISK: st.column_config.NumberColumn(format="%.1f", width=78),
    CHANGED: st.column_config.TextColumn(
        width=196,
        help="Against the run before it of the same model, on the same text; for a branch, against "
        "what it left. The whole of it stands below, of the run that is selected.",
    ),
}  # fmt: skip
"""Widths in px that leave the last column in sight at 1440 px, however long the names are."""


def render_runs_view() -> None:
    """Draw the view. It needs nothing from the page that it is on."""
    render_outcome()
    runs, use = the_lab().runs(), disk_use(the_lab())
    if runs:
        _render_runs(runs, use)
    else:
        _render_empty()
    disk, bin_, file = st.columns(3, gap="large")
    with disk:
        render_disk(use)
    with bin_:
        render_bin(use)
    with file:
        render_opening()


def _render_empty() -> None:
    """What will stand here, and the way to make it so."""
    st.dataframe(
        table([], [], {}, {}), hide_index=True, column_config=_COLUMNS, key="runs_none",
        alt="The headings of a table that has no rows yet",
    )  # fmt: skip
    st.caption(
        "There is no run yet. Every run that you train will stand in this table, with what it "
        "reached and what was changed since the one before it; from here it can be opened, "
        "renamed, shared and deleted."
    )
    if st.button("Set up a run", type="primary", icon=":material/tune:", key="runs_first"):
        want_view("run")
        st.rerun()


def _render_runs(runs: list[RunRecord], use: DiskUse) -> None:
    query = st.text_input(
        "Search", key="runs_search", icon=":material/search:", label_visibility="collapsed",
        placeholder=PLACEHOLDER,
        persist_state="session",
    )  # fmt: skip
    shown = found(runs, query or "")
    if not shown:
        st.info(f"None of the {len(runs):,} runs is “{plain((query or '').strip())}”.")
        return
    live = any(is_live(run) for run in shown)
    draw = st.fragment(_render_numbers, run_every=paced(TICK_S if live else None))
    draw([run.id for run in shown], [run.status for run in shown])
    selected = next(each for each in use.runs if each.run.id == selected_run())
    check = check_seen("runs", selected.run.id)
    with st.container(horizontal=True, vertical_alignment="bottom", key="runs_actions"):
        _render_actions(selected.run, check)
        _render_share(selected)
        _render_rename(selected.run, check)


# --- the table ------------------------------------------------------------------------------------


def _render_numbers(ids: Sequence[str], statuses: Sequence[str]) -> None:
    """All that changes while runs train; a click on a row of the table selects its run."""
    use = disk_use(the_lab())
    by_id = {each.run.id: each for each in use.runs if each.run.deleted_at is None}
    shown = [by_id[run_id] for run_id in ids if run_id in by_id]
    if [each.run.status for each in shown] != list(statuses):
        draw_page_again()  # the buttons follow from it
    selected = _selected(ids)
    # The browser knows rows by their place alone, so other runs in them make another table.
    which = zlib.crc32("".join(ids).encode())
    runs, changed = [each.run for each in by_id.values()], the_lab().store.all_changes()
    sizes_bytes = {each.run.id: each.size_bytes for each in shown}
    event = st.dataframe(
        table([each.run for each in shown], runs, sizes_bytes, changed),
        key=f"runs_table_{which:x}", hide_index=True, column_config=_COLUMNS, placeholder="–",
        on_select="rerun", selection_mode="single-row-required",
        selection_default={"selection": {"rows": [ids.index(selected)]}},
        alt="The runs of this lab, the newest first",
    )  # fmt: skip
    clicked = ids[event.selection.rows[0]]
    if clicked != selected:
        turn_to(clicked)
        st.rerun()
    _render_facts(by_id[selected], changes(by_id[selected].run, runs, changed))


def _selected(ids: Sequence[str]) -> str:
    """The id of the selected run; where it is not among them, of the session's, or the newest."""
    selected = selected_run()
    if selected is None or selected not in ids:
        chosen = chosen_run(the_lab().runs())
        selected = chosen.id if chosen and chosen.id in ids else ids[0]
        select_run(selected)
    return selected


def _render_facts(each: RunDisk, since_before: str) -> None:
    """What is known of the selected run; `since_before` may be longer than a cell has room."""
    run = each.run
    dot = in_model_color(run.model, "●")
    st.markdown(f"{dot} **{plain(run.name)}** · {run.model} · {words.progress(run)}")
    st.caption(
        f"corpus {plain(run.corpus)} · best saved at step {words.count(run.best_step)} · "
        f"{words.mib(each.size_bytes)} on the disk, {words.mib(each.spare_bytes)} of it could be "
        f"cleaned up. {plain(the_lab().lost_text(run)) or words.at_risk(run)}"
        f"  \n{CHANGED}: {plain(since_before) or 'it is the first of its model on this text'}."
    )


# --- what can be done with one run ----------------------------------------------------------------


def _render_actions(run: RunRecord, check: Check) -> None:
    """Each in its place whatever the run does, so that none moves under somebody's finger."""
    if st.button(
        "Open", icon=":material/show_chart:", type="primary", key="runs_open",
        help="Look at it, and go on with it, in the view of one run",
    ):  # fmt: skip
        do(after(check, partial(open_run, run.id)))
    in_hand, ended_early = the_service().in_hand, run.step < run.max_iters
    waits = run.status in ("paused", "interrupted", "failed")
    can_resume = waits or (run.status == "finished" and ended_early)
    can_finish = run.id in in_hand and not in_hand.is_finishing(run.id)
    button(
        "Resume", "play_arrow", after(check, partial(resume, run)), disabled=not can_resume,
        help_text=f"Goes on from its last checkpoint, to step {words.count(run.max_iters)}"
        if can_resume else _why_not_resumed(run),
    )  # fmt: skip
    button(
        "Finish", "stop", after(check, partial(finish, run)), disabled=not can_finish,
        help_text="Measures the whole validation split, saves, and ends the run here"
        if can_finish else "For a run that is trained or held here",
    )  # fmt: skip
    kept = "Puts it into the bin, from which it can be brought back"
    button("Delete", "delete", after(check, partial(delete, run)), help_text=kept)


def _why_not_resumed(run: RunRecord) -> str:
    if run.status == "finished":
        return "It has taken all its steps. Open it: Train longer takes it on."
    return "It is under way." if is_live(run) else "It has not begun."


def _render_share(each: RunDisk) -> None:
    """One file with all of the run; nothing is packed before somebody asks for it."""
    too_large = each.size_bytes > MAX_RUN_FILE_BYTES
    st.download_button(
        "Share", partial(packed, the_lab(), each.run), file_name(each.run), "application/zip",
        key="runs_share", on_click="ignore", icon=":material/share:", disabled=too_large,
        help=f"It takes more than {words.mib(MAX_RUN_FILE_BYTES)}; clean it up first." if too_large
        else "One file with all of it, the text too, to be opened in another lab",
    )  # fmt: skip


def _render_rename(run: RunRecord, check: Check) -> None:
    with st.form(f"runs_naming_{run.id}", border=False), st.container(
        horizontal=True, vertical_alignment="bottom"
    ):  # fmt: skip
        # A run that has got another name meanwhile gets a box that shows it.
        key = f"runs_name_{run.id}_{zlib.crc32(run.name.encode()):x}"
        name = st.text_input("Name", run.name, max_chars=MAX_RUN_NAME, key=key, width=240)
        if st.form_submit_button("Rename", icon=":material/edit:", key="runs_rename"):
            do(after(check, partial(rename, run, name or "")))
