"""The ladder of ideas: from the bigram table to the transformer, one idea at a time.

Three groups of runs, all with the same block size, batch size, seed and budget:

* up: each rung has one idea more than the rung below it. Where a rung is one of the three models,
  its run is a run of that model; the others have the ladder's block (`core.models.ladder`).
* out: the whole transformer with one of its ideas left out.
* wrong: turns that do not lead up, such as attention without its causal mask.

A ladder is kept as a sweep is, one row and its runs, and is trained as one: whoever trains takes
them up one after the other (`core.experiments.sweep.SweepCells`). Which rungs there are is
`core.experiments.rungs`'s, and how many steps each takes `core.experiments.terms`'s.

Knows runs and the registry; no thread and no screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import RunError, quoted
from core.experiments.grid import cell_config, small
from core.experiments.rungs import SIDES, Side, shape_of, steps_of
from core.experiments.sweep import delete_runs_of
from core.experiments.terms import EQUAL_IN, EqualIn, check_budget, rate_of, steps_for
from core.models import count_params
from core.records.records import NewRun, RunRecord, SweepRecord
from core.runs.keeping import keep_sweep
from core.runs.lab import MAX_RUN_NAME, Lab, clean_name
from core.settings.config import ModelKind, RunConfig
from core.storage.names import memorable_name, new_run_id
from core.text.corpus import Corpus
from core.training.preflight import Calibration, check_fits

KIND = "ladder"
"""What the spec of a ladder's row says that it is."""
_PRESET = "quick"


@dataclass(frozen=True, slots=True)
class Rung:
    """One model of a ladder, before it is entered."""

    key: str
    """What it is called in ladders of any size, where `name` has numbers: "heads"."""
    name: str
    changes: str
    """What it has, or lacks, that `base` does not."""
    side: Side
    base: str
    """Name of the rung that it is held against: the one below, or the whole; "" at the bottom."""
    config: RunConfig


@dataclass(frozen=True, slots=True)
class RungStanding:
    """One rung of a ladder as it stands; no run: it has not been entered yet, or was deleted."""

    key: str
    name: str
    changes: str
    side: Side
    base: str
    run: RunRecord | None
    config: RunConfig | None
    """Of its run, or that it will have."""


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """The rungs of one training, from the bottom up, with what is left out after that."""

    id: str
    name: str
    corpus: str
    by: EqualIn
    budget: int
    """In steps, characters, seconds or FLOPs; 0 where that is not known any more."""
    places: tuple[Mapping[str, str], ...]
    """Of each rung its key, name, changes, side and base, and the id of its run."""
    damage: str = ""
    """What of it cannot be read, in a sentence; the rest is there."""

    @classmethod
    def of(cls, record: SweepRecord) -> Ladder:
        """The ladder that the registry keeps, as far as it can be read."""
        spec = record.spec
        corpus, by, budget = (spec.get(name) for name in ("corpus", "by", "budget"))
        stored = spec.get("places")
        stored = list(stored) if isinstance(stored, (list, tuple)) else []
        places = tuple(place for place in stored if _is_place(place))
        missing = [
            name for name, is_there in (
                ("its text", isinstance(corpus, str)), ("what it is equal in", by in EQUAL_IN),
                ("its budget", isinstance(budget, int)), ("its rungs", bool(stored)),
            ) if not is_there
        ]  # fmt: skip
        if lost := len(stored) - len(places):
            missing.append(f"{lost} of its {len(stored)} rungs")
        return cls(
            id=record.id, name=record.name, corpus=corpus if isinstance(corpus, str) else "",
            by=by if by in EQUAL_IN else "steps",
            budget=budget if isinstance(budget, int) else 0, places=places,
            damage=f"Of the ladder {record.name} {_listed(missing)} cannot be read; the rest is "
            "shown." if missing else "",
        )  # fmt: skip

    def spec(self) -> dict[str, Any]:
        """What the registry keeps of it, beside id and name; the inverse of `of`."""
        kept = asdict(self)
        return {"kind": KIND} | {name: kept[name] for name in ("corpus", "by", "budget", "places")}


_OF_A_PLACE = ("key", "name", "changes", "side", "base", "run_id")


def _is_place(stored: object) -> bool:
    """Whether a stored rung has all that one has."""
    if not isinstance(stored, Mapping) or stored.get("side") not in SIDES:
        return False
    return all(isinstance(stored.get(name), str) for name in _OF_A_PLACE)


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


# --- the plan -------------------------------------------------------------------------------------


def plan_ladder(
    configure: Callable[..., RunConfig],
    corpus: Corpus,
    by: EqualIn,
    budget: int,
    calibration: Calibration | None = None,
    **flags: Any,
) -> list[Rung]:
    """Every rung with its settings: those that go up, from the bottom; what is left out; wrong.

    Each takes as many steps as `budget` comes to for it (`core.experiments.terms.steps_for`); the
    calibration must be there where that goes by seconds. The schedules have one shape.

    Args:
        configure: `Lab.configure`, or what works alike.
        flags: settings of the whole transformer that all rungs share, such as `n_layer` or `seed`.

    Raises ConfigError for a budget or flags that cannot be, and when the text is too short.
    """
    check_budget(by, budget)
    whole = configure("transformer", corpus, _PRESET, **flags)
    terms = {name: value for name, value in flags.items() if name not in ("n_layer", "n_head")}
    terms |= {"block_size": whole.model.block_size, "batch_size": whole.train.batch_size}

    def config_of(shape: dict[str, Any]) -> RunConfig:
        shared = {n: v for n, v in terms.items() if shape["model"] != "bigram" or n not in _WIDTHS}
        return configure(shape.pop("model"), corpus, _PRESET, **shared | shape)

    steps = steps_of(whole)
    configs = [config_of(shape_of(step, whole)) for step in steps]
    lengths = steps_for(configs, by, budget, calibration)
    return [
        Rung(
            step.key, step.name, step.changes, step.side, step.base,
            small(cell_config(config, {"learning_rate": rate_of(step, n_steps)}), n_steps),
        )
        for step, config, n_steps in zip(steps, configs, lengths)
    ]  # fmt: skip


_WIDTHS = ("n_embd", "dropout")
"""Settings that a bigram table does not have."""


def model_of(rung: Rung | RungStanding) -> ModelKind | None:
    """Which of the three models a rung is; None for one that stands between them."""
    if rung.config is None or rung.config.model.block == "ladder":
        return None
    return rung.config.model.model


# --- entered ladders ------------------------------------------------------------------------------


def enter_ladder(
    lab: Lab, rungs: list[Rung], corpus: Corpus, by: EqualIn, budget: int, name: str | None = None
) -> Ladder:
    """Enter a ladder and a queued run for each of its rungs.

    A run is named after the ladder and its rung; a long name is shortened for that.

    Raises RunError for a name that is taken or no name, ConfigError when a rung needs more memory
    than there is. Nothing is then left behind.
    """
    taken = lab.store.names() | {sweep.name for sweep in lab.store.sweeps()}
    name = memorable_name(taken) if name is None else clean_name(name)
    places, runs = [], []
    for rung in rungs:
        check_fits(rung.config)
        run_id, ending = new_run_id(), f" {rung.name}"
        said = {"key": rung.key, "name": rung.name, "changes": rung.changes}
        places.append({**said, "side": rung.side, "base": rung.base, "run_id": run_id})
        runs.append(
            NewRun(
                id=run_id, name=clean_name(name[: MAX_RUN_NAME - len(ending)] + ending),
                config=rung.config, corpus=corpus.name, fingerprint=corpus.fingerprint,
                n_params=count_params(rung.config.model),
            )
        )  # fmt: skip
    ladder = Ladder(
        id=new_run_id(), name=name, corpus=corpus.name, by=by, budget=budget, places=tuple(places)
    )
    lab.store.add_sweep(ladder.id, ladder.name, ladder.spec(), runs)
    keep_sweep(lab.home, lab.store, ladder.id)
    return ladder


def load_ladders(lab: Lab) -> list[Ladder]:
    """All ladders, the newest first."""
    return [Ladder.of(record) for record in lab.store.sweeps() if record.spec.get("kind") == KIND]


def load_ladder(lab: Lab, id_or_name: str) -> Ladder:
    """One ladder. Raises RunError when there is none."""
    for ladder in load_ladders(lab):
        if id_or_name in (ladder.id, ladder.name):
            return ladder
    raise RunError(
        f"There is no ladder {quoted(id_or_name)}. `python -m core ladder list` lists those there "
        "are."
    )


def delete_ladder(lab: Lab, ladder: Ladder) -> None:
    """Remove a ladder; its runs go into the bin. Raises RunError while one is being trained."""
    delete_runs_of(lab, ladder.id, KIND)


def rung_standings(lab: Lab, ladder: Ladder) -> list[RungStanding]:
    """Every rung as it stands, in the order of the plan."""
    runs = {run.id: run for run in lab.runs_of(ladder.id)}
    standings = []
    for place in ladder.places:
        said: Any = {name: place[name] for name in _OF_A_PLACE if name != "run_id"}
        run = runs.get(place["run_id"])
        standings.append(RungStanding(**said, run=run, config=run.config if run else None))
    return standings


def planned_standings(rungs: list[Rung]) -> list[RungStanding]:
    """Rungs that are not entered yet, as they will stand."""
    return [RungStanding(r.key, r.name, r.changes, r.side, r.base, None, r.config) for r in rungs]
