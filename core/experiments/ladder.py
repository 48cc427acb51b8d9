"""The ladder of ideas: from the bigram table to the transformer, one idea at a time.

Three groups of runs, all with the same block size, batch size, seed and budget:

* up: each rung has one idea more than the rung below it. Where a rung is one of the three models,
  its run is a run of that model; the others have the ladder's block (`core.models.ladder`).
* out: the whole transformer with one of its ideas left out.
* wrong: turns that do not lead up, such as attention without its causal mask.

A ladder is kept as a sweep is, one row and its runs, and is trained as one: whoever trains takes
them up one after the other (`core.experiments.sweep.SweepCells`).

Knows runs and the registry; no thread and no screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from core.errors import ConfigError, RunError
from core.experiments.grid import cell_config, small
from core.experiments.race import FAIRNESS, MOST, Fairness, steps_in
from core.experiments.sweep import delete_runs_of
from core.models import count_params
from core.records.records import NewRun, RunRecord, SweepRecord
from core.runs.lab import MAX_RUN_NAME, Lab, clean_name
from core.settings.config import ModelKind, RunConfig
from core.settings.ideas import OF_ATTENTION, OF_TRANSFORMER, Idea, ideas_text
from core.storage.names import memorable_name, new_run_id
from core.text.corpus import Corpus
from core.training.preflight import Calibration, check_fits

Side = Literal["up", "out", "wrong"]
SIDES: tuple[Side, ...] = get_args(Side)
KIND = "ladder"
"""What the spec of a ladder's row says that it is."""
BUDGETS: dict[Fairness, int] = {"steps": 500, "seconds": 8}
"""What each rung gets when nobody says."""
LONGER_STEPS = 3000
"""A budget at which more blocks begin to pay."""

_PRESET = "quick"
_RATES: dict[str, float] = {
    "bigram table": 1e-1, "embeddings": 1e-2, "one head": 1e-1, "heads": 1e-1, "positions": 1e-1,
    "MLP": 3e-2, "residual stream": 3e-2, "tied head": 3e-3, "no attention": 1e-2,
    "one head a layer": 1e-2, "no residual stream": 1e-2, "no LayerNorm": 1e-2,
    "average of the past": 1e-1, "no causal mask": 1e-2,
}  # fmt: skip
"""Learning rates that are good for a rung: of 3e-3, 5e-3, 1e-2, 3e-2 and 1e-1 the best in 500 steps
at the shapes of `_PRESET`, with one seed. Those that are not named take `_RATE`."""
_RATE = 5e-3
_LONG_ITERS, _LONG_RATE = 1500, 3e-3
"""With so many steps or more, stacks of blocks take a smaller rate: at 3e-3 and `LONGER_STEPS` one
block reached 1.913, two 1.901 and three 1.877."""


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
    by: Fairness
    budget: int
    places: tuple[Mapping[str, str], ...]
    """Of each rung its key, name, changes, side and base, and the id of its run."""

    @classmethod
    def of(cls, record: SweepRecord) -> Ladder:
        """The ladder that the registry keeps."""
        spec = record.spec
        return cls(
            id=record.id, name=record.name, corpus=spec["corpus"], by=spec["by"],
            budget=spec["budget"], places=tuple(spec["places"]),
        )  # fmt: skip

    def spec(self) -> dict[str, Any]:
        """What the registry keeps of it, beside id and name; the inverse of `of`."""
        kept = asdict(self)
        return {"kind": KIND} | {name: kept[name] for name in ("corpus", "by", "budget", "places")}


# --- the plan -------------------------------------------------------------------------------------


def plan_ladder(
    configure: Callable[..., RunConfig],
    corpus: Corpus,
    by: Fairness,
    budget: int,
    calibration: Calibration | None = None,
    **flags: Any,
) -> list[Rung]:
    """Every rung with its settings: those that go up, from the bottom; what is left out; wrong.

    By steps each takes `budget` of them, and so reads as many characters; by seconds, as many steps
    as this machine takes in that time by the calibration, which only then must be there.

    Args:
        configure: `Lab.configure`, or what works alike.
        flags: settings of the whole transformer that all rungs share, such as `n_layer` or `seed`.

    Raises ConfigError for a budget or flags that cannot be, and when the text is too short.
    """
    if by not in FAIRNESS or isinstance(budget, bool) or not 1 <= budget <= MOST[by]:
        raise ConfigError(f"A ladder takes from 1 to {MOST[by]:,} {by} for each rung.")
    whole = configure("transformer", corpus, _PRESET, **flags)
    terms = {name: value for name, value in flags.items() if name not in ("n_layer", "n_head")}
    terms |= {"block_size": whole.model.block_size, "batch_size": whole.train.batch_size}

    def config_of(step: _Step) -> RunConfig:
        shape = _shape_of(step, whole)
        shared = {n: v for n, v in terms.items() if shape["model"] != "bigram" or n not in _WIDTHS}
        config = configure(shape.pop("model"), corpus, _PRESET, **shared | shape)
        n_steps = budget
        if by == "seconds":
            assert calibration is not None, "seconds need a calibration"
            n_steps = steps_in(budget, calibration.step_s(config))
        return small(cell_config(config, {"learning_rate": _rate_of(step, n_steps)}), n_steps)

    return [
        Rung(step.key, step.name, step.changes, step.side, step.base, config_of(step))
        for step in _steps_of(whole)
    ]


def _rate_of(step: _Step, n_steps: int) -> float:
    rate = _RATES.get(step.key, _RATE)
    is_stack = step.ideas is not None and {"residual", "norm"} <= step.ideas
    return min(rate, _LONG_RATE) if is_stack and n_steps >= _LONG_ITERS else rate


_WIDTHS = ("n_embd", "dropout")
"""Settings that a bigram table does not have."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A rung without its settings: which ideas it has, in how many layers of how many heads."""

    key: str
    name: str
    changes: str
    side: Side
    base: str
    ideas: frozenset[Idea] | None
    """None: a bigram table, which has not even vectors."""
    n_layer: int
    n_head: int


def _steps_of(whole: RunConfig) -> list[_Step]:
    """All rungs for a transformer of these settings."""
    up = _steps_up(whole)
    return [*up, *_left_out(whole, up[-1].name), *_wrong_turns(whole, up)]


def _steps_up(whole: RunConfig) -> list[_Step]:
    """From the table to the whole; heads are one rung where there are several."""
    V, C, H, L = (getattr(whole.model, n) for n in ("vocab_size", "n_embd", "n_head", "n_layer"))
    attends: frozenset[Idea] = OF_ATTENTION - {"positions"}
    steps: list[_Step] = []

    def add(key: str, changes: str, ideas: frozenset[Idea] | None, n_layer: int, n_head: int,
            name: str = "") -> None:  # fmt: skip
        base = steps[-1].name if steps else ""
        steps.append(_Step(key, name or key, changes, "up", base, ideas, n_layer, n_head))

    def idea(key: str, changes: str, new: Idea) -> None:
        ideas = steps[-1].ideas or frozenset()
        add(key, changes, ideas | {new}, 1, H)

    add("bigram table", f"one row of {V} logits for each character", None, 0, 0)
    add("embeddings", f"a vector of {C} numbers for each character, and a head that makes logits "
        "of it", frozenset(), 0, 1)  # fmt: skip
    add("one head", "a layer of attention: each character takes from those before it", attends,
        1, 1)  # fmt: skip
    if H > 1:
        add("heads", f"the same attention in {H} strands side by side", attends, 1, H, f"{H} heads")
    idea("positions", "a learned vector for each place, added to that of the character",
         "positions")  # fmt: skip
    idea("MLP", f"a small network, {C} → {4 * C} → {C}, for each character by itself", "mlp")
    idea("residual stream", "what a part finds is added to what it read, not put in its place",
         "residual")  # fmt: skip
    idea("LayerNorm", "each part reads vectors of one length, and so does the head", "norm")
    idea("tied head", f"the head is the token embedding turned round: {V} × {C} numbers fewer",
         "tied")  # fmt: skip
    for n in range(2, L + 1):
        add("blocks", "one more block of attention and MLP on top", OF_TRANSFORMER, n, H,
            f"{n} blocks")  # fmt: skip
    return steps


def _left_out(whole: RunConfig, top: str) -> list[_Step]:
    """The whole with one idea left out, in the order in which they came in."""
    L, H = whole.model.n_layer, whole.model.n_head

    def without(name: str, changes: str, *ideas: Idea, n_head: int = H) -> _Step:
        return _Step(name, name, changes, "out", top, OF_TRANSFORMER - set(ideas), L, n_head)

    attention = without(
        "no attention", "each character sees itself alone", "attention", "mask", "scale"
    )
    heads = [without("one head a layer", f"one head instead of {H} in each layer", n_head=1)]
    return [
        attention,
        *(heads if H > 1 else []),
        without("no positions", "nothing says where a character stands", "positions"),
        without("no MLP", "attention alone in each block", "mlp"),
        without("no residual stream", "each part replaces what it read", "residual"),
        without("no LayerNorm", "vectors of any length are read as they are", "norm"),
        without("untied head", "a head with numbers of its own", "tied"),
    ]


def _wrong_turns(whole: RunConfig, up: list[_Step]) -> list[_Step]:
    """What looks like an idea and is none."""
    L, H, top = whole.model.n_layer, whole.model.n_head, up[-1].name
    average: frozenset[Idea] = frozenset({"average"})
    return [
        _Step("average of the past", "average of the past", "takes as much from each character "
              "before it, where attention chooses", "wrong", "embeddings", average, 1, 1),
        _Step("no 1/√D", "no 1/√D", "scores are not divided by √D before the softmax", "wrong",
              top, OF_TRANSFORMER - {"scale"}, L, H),
        _Step("no causal mask", "no causal mask", "each character also sees those after it, and so "
              "the one that it is to guess", "wrong", top, OF_TRANSFORMER - {"mask"}, L, H),
    ]  # fmt: skip


def _shape_of(step: _Step, whole: RunConfig) -> dict[str, Any]:
    """The model of a rung, and its settings: one of the three models where it is one."""
    if step.ideas is None:
        return {"model": "bigram"}
    if step.ideas == OF_ATTENTION and step.n_layer == 1:
        return {"model": "attention", "n_head": step.n_head, "n_embd": whole.model.n_embd}
    shape = {
        "model": "transformer", "n_layer": step.n_layer, "n_head": step.n_head,
        "n_embd": whole.model.n_embd,
    }  # fmt: skip
    if step.ideas == OF_TRANSFORMER:
        return shape
    return shape | {"block": "ladder", "ideas": ideas_text(step.ideas)}


def model_of(rung: Rung | RungStanding) -> ModelKind | None:
    """Which of the three models a rung is; None for one that stands between them."""
    if rung.config is None or rung.config.model.block == "ladder":
        return None
    return rung.config.model.model


# --- entered ladders ------------------------------------------------------------------------------


def enter_ladder(
    lab: Lab, rungs: list[Rung], corpus: Corpus, by: Fairness, budget: int, name: str | None = None
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
        f"There is no ladder {id_or_name!r}. `python -m core ladder list` lists those there are."
    )


def delete_ladder(lab: Lab, ladder: Ladder) -> None:
    """Remove a ladder; its runs go into the bin. Raises RunError while one is being trained."""
    delete_runs_of(lab, ladder.id, KIND)


def rung_standings(lab: Lab, ladder: Ladder) -> list[RungStanding]:
    """Every rung as it stands, in the order of the plan."""
    runs = {run.id: run for run in lab.runs_of(ladder.id)}
    standings = []
    for place in ladder.places:
        said: Any = {name: value for name, value in place.items() if name != "run_id"}
        run = runs.get(place["run_id"])
        standings.append(RungStanding(**said, run=run, config=run.config if run else None))
    return standings


def planned_standings(rungs: list[Rung]) -> list[RungStanding]:
    """Rungs that are not entered yet, as they will stand."""
    return [RungStanding(r.key, r.name, r.changes, r.side, r.base, None, r.config) for r in rungs]
