"""Sweeps: a grid of small runs over two settings, to see what each of the two does.

A sweep is a row in the registry and one run for each cell of the grid that can be. Whoever trains
them takes them up one after the other: `core.service.service` in the background, a command in
front. Two processes may even share a sweep, since each passes over what the other holds.

Knows runs and the registry; no thread and no screen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from core.errors import ConfigError, RunError
from core.experiments.grid import Axis, characters_per_step, plan_sweep
from core.models import count_params
from core.records.events import Failed
from core.records.records import NewRun, RunRecord, SweepRecord
from core.runs.active_run import ActiveRun
from core.runs.keeping import forget_sweep, keep_run, keep_sweep
from core.runs.lab import MAX_RUN_NAME, Lab, clean_name
from core.settings.config import RunConfig
from core.storage.locks import is_held
from core.storage.names import as_text, memorable_name, new_run_id
from core.text.corpus import Corpus
from core.training.preflight import Calibration


@dataclass(frozen=True, slots=True)
class EnteredCell:
    """One place in the grid as it was entered: its run, or why there is none."""

    x: float
    y: float
    run_id: str | None
    why_not: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One place in the grid as it stands; no run and no reason: it has not been entered yet."""

    x: float
    y: float
    run: RunRecord | None
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A grid of runs: `x` goes across, `y` up, and all else is as in `base`."""

    id: str
    name: str
    x: Axis
    y: Axis
    base: RunConfig
    corpus: str
    places: tuple[EnteredCell, ...]

    @classmethod
    def of(cls, record: SweepRecord) -> Sweep:
        """The sweep that the registry keeps. Raises RunError where that cannot be one."""
        spec = record.spec
        try:
            return cls(
                id=record.id, name=record.name, x=_axis_from(spec["x"]), y=_axis_from(spec["y"]),
                base=RunConfig.from_flat(spec["base"]), corpus=as_text(spec["corpus"]),
                places=tuple(map(_place_from, spec["places"])),
            )  # fmt: skip
        except (ConfigError, LookupError, TypeError, ValueError, AttributeError):
            raise RunError(
                f"What the registry holds of the sweep {record.name} cannot be read. Its runs are "
                "as they were; they stand among all runs."
            ) from None

    @property
    def held_characters(self) -> int | None:
        """How many characters a step reads in every cell; None where that differs."""
        held = self.x.hold_characters or self.y.hold_characters
        return characters_per_step(self.base) if held else None

    def spec(self) -> dict[str, Any]:
        """What the registry keeps of it, beside id and name; the inverse of `of`."""
        return {
            "x": asdict(self.x), "y": asdict(self.y), "base": self.base.flat(),
            "corpus": self.corpus, "places": [asdict(place) for place in self.places],
        }  # fmt: skip


def enter_sweep(
    lab: Lab, base: RunConfig, corpus: Corpus, x: Axis, y: Axis, name: str | None = None
) -> Sweep:
    """Enter a sweep and a queued run for each of its cells that can be, all with the same seed.

    A run is named after the sweep, with its two values; a long name is shortened for that.

    Raises RunError for a name that is taken or no name, ConfigError when no cell can be. Nothing is
    then left behind.
    """
    planned = plan_sweep(base, corpus, x, y)
    if not any(cell.config for cell in planned):
        raise ConfigError(f"No cell of this sweep can be. The first: {planned[0].why_not}")
    taken = lab.store.names() | {sweep.name for sweep in lab.store.sweeps()}
    name = memorable_name(taken) if name is None else clean_name(name)
    places, runs = [], []
    for cell in planned:
        run_id = new_run_id() if cell.config else None
        places.append(EnteredCell(cell.x, cell.y, run_id, cell.why_not))
        if run_id and cell.config:
            values = f" {cell.x:.10g}x{cell.y:.10g}"
            run_name = clean_name(name[: MAX_RUN_NAME - len(values)] + values)
            runs.append(
                NewRun(
                    id=run_id, name=run_name, config=cell.config, corpus=corpus.name,
                    fingerprint=corpus.fingerprint, n_params=count_params(cell.config.model),
                )
            )  # fmt: skip
    sweep = Sweep(
        id=new_run_id(), name=name, x=x, y=y, base=base, corpus=corpus.name,
        places=tuple(places),
    )  # fmt: skip
    lab.store.add_sweep(sweep.id, sweep.name, sweep.spec(), runs)
    keep_sweep(lab.home, lab.store, sweep.id)
    return sweep


def load_sweep(lab: Lab, id_or_name: str) -> Sweep:
    """One sweep. Raises RunError when there is none."""
    record = lab.store.sweep(id_or_name)
    if not _has_axes(record):
        raise RunError(f"{record.name} is a ladder of ideas, not a sweep.")
    return Sweep.of(record)


def load_sweeps(lab: Lab) -> list[Sweep]:
    """All sweeps that can be read, the newest first."""
    return [each for each in _read_sweeps(lab) if isinstance(each, Sweep)]


def unreadable_sweeps(lab: Lab) -> list[str]:
    """For each sweep that cannot be read a sentence that says so."""
    return [str(each) for each in _read_sweeps(lab) if isinstance(each, RunError)]


def _read_sweeps(lab: Lab) -> Iterator[Sweep | RunError]:
    for record in filter(_has_axes, lab.store.sweeps()):
        try:
            yield Sweep.of(record)
        except RunError as error:
            yield error


def _has_axes(record: SweepRecord) -> bool:
    """Whether it is a grid; ladders of ideas are kept in the same place and have no axes."""
    return "x" in record.spec


def delete_sweep(lab: Lab, sweep: Sweep) -> None:
    """Remove a sweep; its runs go into the bin. Raises RunError while one is being trained."""
    delete_runs_of(lab, sweep.id, "sweep")


def delete_runs_of(lab: Lab, sweep_id: str, what: str) -> None:
    """Remove a sweep or a ladder (`what` it is called); its runs go into the bin.

    Raises RunError while one of them is being trained.
    """
    runs = lab.runs_of(sweep_id)
    for run in runs:
        if is_held(lab.home, run.id):
            raise RunError(
                f"Run {run.name} of this {what} is being trained; pause the {what} first."
            )
    for run in runs:
        lab.bin_run(run.id)
    forget_sweep(lab.home, sweep_id)
    lab.store.delete_sweep(sweep_id)


# --- how a sweep stands ---------------------------------------------------------------------------


class HasRun(Protocol):
    """A cell of a sweep or a rung of a ladder: what may have a run."""

    @property
    def run(self) -> RunRecord | None:
        """Its run, if there is one."""


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """How far a sweep is. What failed is done too; what cannot be does not count."""

    n_cells: int
    n_done: int
    n_failed: int
    n_steps: int
    """Steps of all cells that can be, and how many of them will not be taken (again)."""
    n_steps_done: int

    @property
    def done(self) -> bool:
        return self.n_done == self.n_cells


def sweep_cells(lab: Lab, sweep: Sweep) -> list[Cell]:
    """Every cell as it stands, row by row; one whose run was deleted says so."""
    runs = {run.id: run for run in lab.runs_of(sweep.id)}
    cells = []
    for place in sweep.places:
        run = runs.get(place.run_id or "")
        gone = place.run_id is not None and run is None
        cells.append(Cell(place.x, place.y, run, "Its run was deleted." if gone else place.why_not))
    return cells


def sweep_progress(cells: Iterable[HasRun]) -> SweepProgress:
    """How far a sweep with these cells is."""
    runs = [cell.run for cell in cells if cell.run]
    done = [run for run in runs if run.status in ("finished", "failed")]
    return SweepProgress(
        n_cells=len(runs),
        n_done=len(done),
        n_failed=sum(run.status == "failed" for run in runs),
        n_steps=sum(run.max_iters for run in runs),
        n_steps_done=sum(run.max_iters if run in done else run.step for run in runs),
    )


def seconds_left(cells: Iterable[HasRun], calibration: Calibration) -> float:
    """About how long the rest of a sweep takes, at the pace of the runs that are over."""
    left_s = expected_s = taken_s = 0.0
    for run in (cell.run for cell in cells if cell.run):
        whole_s, done = calibration.wall_s(run.config), run.step / run.max_iters
        if run.status not in ("finished", "failed"):
            left_s += (1.0 - done) * whole_s
        elif run.step and run.steps_per_s:
            expected_s += done * whole_s
            taken_s += run.step / run.steps_per_s  # by the clock, other runs' turns included
    return left_s * (taken_s / expected_s if expected_s else 1.0)


# --- training a sweep -----------------------------------------------------------------------------


@dataclass(frozen=True)
class SweepCells:
    """The runs of a sweep, one after the other, for whoever trains them."""

    lab: Lab = field(repr=False)
    sweep_id: str

    def next_run_id(self, is_ours: Callable[[str], bool] = lambda run_id: False) -> str | None:
        """The run to take up next: a queued one, else one that was left; None when all are done.

        What somebody else holds is passed over, what the caller holds is not.
        """
        runs = self.lab.runs_of(self.sweep_id)
        left = [run for run in runs if run.status in ("queued", "interrupted", "paused")]
        for run in sorted(left, key=lambda run: run.status != "queued"):
            if is_ours(run.id) or not is_held(self.lab.home, run.id):
                return run.id
        return None

    def open_run(self, run_id: str) -> ActiveRun:
        """Take a cell up, as `ActiveRun.open` does."""
        return ActiveRun.open(self.lab.home, self.lab.store, run_id)

    def fail_run(self, run_id: str, message: str) -> None:
        """Note that a run could not even be taken up, unless it is gone or somebody has it."""
        try:
            record = self.lab.store.run(run_id)
        except RunError:
            return
        if not is_held(self.lab.home, run_id):
            self.lab.store.update_run(run_id, status="failed", message=message)
            self.lab.store.add_event(run_id, record.step, Failed(message))
            keep_run(self.lab.home, self.lab.store, self.lab.store.run(run_id))


def _axis_from(values: Mapping[str, Any]) -> Axis:
    held = bool(values.get("hold_characters"))  # sweeps of earlier versions held nothing
    return Axis.of(values["name"], values["values"], hold_characters=held)


def _place_from(values: Mapping[str, Any]) -> EnteredCell:
    """A cell as it was kept. Raises TypeError, ValueError for one that cannot be."""
    place = EnteredCell(**values)
    if not (math.isfinite(place.x) and math.isfinite(place.y)):
        raise ValueError("a cell without a place")
    if not isinstance(place.why_not, str) or not isinstance(place.run_id, str | None):
        raise TypeError("a cell has a run or a reason")
    return place
