"""The buttons that drive a run: play or pause, one step, reset, new seed, rewind, finish or longer.

One of them is primary: the one that a learner most likely wants next. No run is ever thrown away:
what leaves the bench is saved and stays among the runs. Under the buttons one line says in what the
controls differ from the run, and what a start would make of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.records.records import RunRecord
from core.settings.config import RunConfig
from core.settings.differences import FOLLOWING, Difference, settings_diff
from core.text.corpus import Corpus
from lab.session.challenges import awaited_texts
from lab.session.drafts import new_seed, settings_of
from lab.session.state import choose_run, clear_bench, draft_is_of, is_live, the_service
from lab.train_page.run.branching import ask_for_branch
from lab.train_page.run.longer import (
    STEPS,
    Longer,
    longer_of,
    longer_text,
    train_longer,
    would_help,
)
from lab.widgets.action_buttons import deed_button, one_of
from lab.wording.labels import change_text
from lab.wording.plain import plain

RESUMABLE = ("paused", "interrupted")
RATE, FOLLOWS_RATE = "learning_rate", ("min_lr",)
"""What may change in a run that goes on, and what changes with it."""


@dataclass(frozen=True)
class Bench:
    """What is on the bench: a run or none, and what the controls beside it say."""

    run: RunRecord | None
    config: RunConfig
    corpus: Corpus
    differences: tuple[Difference, ...]
    """From the run to what the controls say, the learning rate and the text included."""
    longer: Longer | None = None
    """How the run would go on, where it is over."""

    @classmethod
    def of(cls, run: RunRecord | None, config: RunConfig, corpus: Corpus) -> Bench:
        """The bench, with a run or none, beside controls that say `config` and `corpus`."""
        if run is None:
            return cls(None, config, corpus, ())
        differences = settings_diff(settings_of(run), config)
        if run.fingerprint != corpus.fingerprint:
            other = corpus.name if corpus.name != run.corpus else f"another {corpus.name}"
            differences = [d for d in differences if d.name != "vocab_size"]  # that of the text
            differences.insert(0, Difference("corpus", run.corpus, other))
        longer = longer_of(run, config, [d.name for d in differences])
        return cls(run, config, corpus, tuple(differences), longer)

    @property
    def needs_new_run(self) -> bool:
        """What the controls say cannot be had by going on; a learning rate can."""
        return any(d.name not in (RATE, *FOLLOWS_RATE) for d in self.differences)

    @property
    def asks_for_more(self) -> bool:
        """The run is over, and the controls say just that one, or more steps of it."""
        names = {d.name for d in self.differences} - set(FOLLOWING)
        is_longer = self.config.train.max_iters == (self.longer and self.longer.end)
        return self.longer is not None and (not names or (names == {STEPS} and is_longer))

    @property
    def live(self) -> bool:
        return self.run is not None and is_live(self.run)

    @property
    def ours(self) -> bool:
        return self.run is not None and self.run.id in the_service().in_hand

    @property
    def resumable(self) -> bool:
        return self.run is not None and self.run.status in RESUMABLE

    @property
    def under_way(self) -> bool:
        return self.live or self.resumable

    @property
    def finishing(self) -> bool:
        """It takes no more steps: what it has learned is being measured."""
        return self.run is not None and the_service().in_hand.is_finishing(self.run.id)


PLAY_PX, END_PX = 136, 144


def render_transport(bench: Bench) -> None:
    """Draw the buttons, do what they ask, and say under them where the controls stand."""
    with st.container(horizontal=True, vertical_alignment="center", key="transport"):
        _render_restart(bench)
        with one_of("train_play", PLAY_PX):
            _render_play(bench)
        if bench.ours or not bench.live:
            deed_button(
                "Step", "skip_next", lambda: _step(bench), key="train_step",
                about=bench.run, primary=False, shortcut="S",
                help="Learns from one batch, and waits", disabled=bench.finishing,
            )  # fmt: skip
        if bench.run:
            deed_button(
                "Reset", "replay", lambda: _set_aside(bench), key="train_reset",
                about=bench.run, primary=False, shortcut="X",
                help="Back to step 0 with the same seed. The run that is there is saved "
                "and stays among the runs.",
            )  # fmt: skip
        deed_button(
            "New seed", "casino", lambda: new_seed(bench.config.model.model), key="train_new_seed",
            primary=False, shortcut="N", help="Other random numbers for the next run",
        )  # fmt: skip
        if run := bench.run:
            _render_ends(bench, run)
    st.caption(_where_it_stands(bench))
    for awaited in awaited_texts(bench.corpus.fingerprint):
        st.caption(f":material/flag: **Your prediction.** {plain(awaited)}")


def _where_it_stands(bench: Bench) -> str:
    """One line, always: so that nothing below it moves when a slider does."""
    run = bench.run
    if run is None:
        return "Start makes a run with the settings on the left."
    name = plain(run.name)
    if bench.finishing:
        return f"**{name} is finishing: measuring the whole validation split …**"
    if not bench.differences:
        said = f"The controls say the settings of {name}."
        if bench.longer:
            said += f" {longer_text(bench.longer, run)}"
    else:
        changes = ", ".join(plain(change_text(d)) for d in bench.differences)
        said = f"**{changes}**: {_what_follows(bench)}"
    if bench.live and not bench.ours:
        said += " Another process trains this run; it can be watched here, and finished there."
    return said


def _what_follows(bench: Bench) -> str:
    """What becomes of the run where the controls say something else."""
    assert bench.run
    name = plain(bench.run.name)
    if bench.longer and bench.asks_for_more:
        return f"{longer_text(bench.longer, bench.run)} Start makes a new run."
    if not bench.under_way:
        return f"Start makes a new run; {name} stays as it is."
    if bench.needs_new_run:
        goes_on = f"until then {name} trains on" if bench.live else f"Resume lets {name} go on"
        return f"Restart makes a new run; {goes_on} as it was."
    return f"{name} goes on at this rate when it is resumed."


def _asks_for_restart(bench: Bench) -> bool:
    """The controls say what the run under way cannot become."""
    return bench.under_way and bench.needs_new_run and not bench.finishing


def _render_restart(bench: Bench) -> None:
    """What comes first where the controls ask for a new run."""
    if _asks_for_restart(bench):
        deed_button(
            "New changes: restart", "restart_alt", lambda: _restart(bench), key="train_restart",
            about=bench.run,
            help="Starts a new run with the settings on the left. The run on the bench is saved "
            "and stays among the runs.",
        )  # fmt: skip


def _render_play(bench: Bench) -> None:
    """The one button that sets a run going or holds it."""
    run, is_primary = bench.run, not _asks_for_restart(bench)
    if bench.finishing:
        st.button("Finishing …", icon=":material/hourglass_top:", disabled=True, key="train_ending")
    elif run and bench.live and bench.ours:
        deed_button(
            "Pause", "pause", lambda: the_service().pause(run.id), key="train_pause", about=run,
            primary=is_primary, shortcut="P",
        )  # fmt: skip
    elif bench.resumable:
        deed_button(
            "Resume", "play_arrow", lambda: _resume(bench), key="train_resume", about=bench.run,
            primary=is_primary, shortcut="P",
        )  # fmt: skip
    elif not bench.live:
        deed_button(
            "Start", "play_arrow", lambda: start(bench), key="train_start",
            primary=not bench.asks_for_more, shortcut="P",
            help="A run with the settings on the left",
        )  # fmt: skip


def _render_ends(bench: Bench, run: RunRecord) -> None:
    """Another end for a run: a branch, the end now, or a later one."""
    deed_button(
        "Rewind", "history", lambda: ask_for_branch(_fork(run)), key="train_branch", about=run,
        primary=False, help="Go back to a step, change one thing, and go on from there as a "
        "new run, a branch; both curves then lie over each other. A click on the curve picks the "
        "step. Nothing of this run is lost.",
    )  # fmt: skip
    with one_of("train_end", END_PX):
        if longer := bench.longer:
            deed_button(
                "Train longer", "fast_forward", lambda: train_longer(longer, run),
                key="train_longer", about=run, primary=bench.asks_for_more and would_help(run),
                help=_about_longer(longer, run),
            )  # fmt: skip
        elif not bench.finishing and (bench.resumable or (bench.live and bench.ours)):
            deed_button(
                "Finish", "stop", lambda: the_service().finish(run.id), key="train_finish",
                about=run, primary=False,
                help="Ends the run here: measures the whole validation split, and saves",
            )  # fmt: skip


def _about_longer(longer: Longer, run: RunRecord) -> str:
    said = f"{longer_text(longer, run)} More steps, or another rate: move those sliders first."
    if longer.beside:
        return f"{said} The {longer.beside} keeps the run as it is."
    return f"{said} From its last checkpoint, as if it had never ended."


def _fork(run: RunRecord) -> int:
    """Where to branch off unless the reader says: here, or half-way of a run that is over."""
    return run.step if run.step < run.max_iters else run.max_iters // 2


def start(bench: Bench, *, paused: bool = False) -> str:
    """Start a run with what the controls say, and put it on the bench."""
    run_id = the_service().start(bench.config, bench.corpus, paused=paused)
    if not paused:
        the_service().wait_for_first_point(run_id)
    choose_run(run_id)
    draft_is_of(run_id)
    return run_id


def _resume(bench: Bench) -> None:
    """Go on, at the learning rate that the controls say."""
    assert bench.run
    rate = bench.config.train.learning_rate
    same_model = bench.run.model == bench.config.model.model
    if bench.run.config.train.learning_rate != rate and same_model:
        the_service().set_learning_rate(bench.run.id, rate)
    the_service().resume(bench.run.id)


def _step(bench: Bench) -> None:
    """One step of the run on the bench, which then waits; of a new one where there is none."""
    run = bench.run
    if run is None or not bench.under_way:
        the_service().step(start(bench, paused=True))
        return
    if bench.live:
        the_service().pause(run.id)
    the_service().step(run.id)


def _set_aside(bench: Bench) -> None:
    """Save what is on the bench and clear it."""
    if bench.run and bench.live and bench.ours:
        the_service().pause(bench.run.id)
        st.toast(f"{plain(bench.run.name)} is saved, and waits among the runs.")
    clear_bench()


def _restart(bench: Bench) -> None:
    """A new run with the new settings; the one on the bench is saved and stays."""
    if bench.run and bench.live and bench.ours:
        the_service().pause(bench.run.id)
    start(bench)
