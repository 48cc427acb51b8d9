"""What stands on the rungs of a ladder: which ideas, and which model has them.

Pure: settings in, steps of the way out; how long each is trained is `core.experiments.terms`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from core.settings.config import RunConfig
from core.settings.ideas import OF_ATTENTION, OF_TRANSFORMER, Idea, ideas_text

Side = Literal["up", "out", "wrong"]
SIDES: tuple[Side, ...] = get_args(Side)


@dataclass(frozen=True, slots=True)
class Step:
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


def steps_of(whole: RunConfig) -> list[Step]:
    """All rungs for a transformer of these settings."""
    up = _steps_up(whole)
    return [*up, *_left_out(whole, up[-1].name), *_wrong_turns(whole, up)]


def _steps_up(whole: RunConfig) -> list[Step]:
    """From the table to the whole; heads are one rung where there are several."""
    V, C, H, L = (getattr(whole.model, n) for n in ("vocab_size", "n_embd", "n_head", "n_layer"))
    attends: frozenset[Idea] = OF_ATTENTION - {"positions"}
    steps: list[Step] = []

    def add(key: str, changes: str, ideas: frozenset[Idea] | None, n_layer: int, n_head: int,
            name: str = "") -> None:  # fmt: skip
        base = steps[-1].name if steps else ""
        steps.append(Step(key, name or key, changes, "up", base, ideas, n_layer, n_head))

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


def _left_out(whole: RunConfig, top: str) -> list[Step]:
    """The whole with one idea left out, in the order in which they came in."""
    L, H = whole.model.n_layer, whole.model.n_head

    def without(name: str, changes: str, *ideas: Idea, n_head: int = H) -> Step:
        return Step(name, name, changes, "out", top, OF_TRANSFORMER - set(ideas), L, n_head)

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


def _wrong_turns(whole: RunConfig, up: list[Step]) -> list[Step]:
    """What looks like an idea and is none."""
    L, H, top = whole.model.n_layer, whole.model.n_head, up[-1].name
    average: frozenset[Idea] = frozenset({"average"})
    return [
        Step("average of the past", "average of the past", "takes as much from each character "
              "before it, where attention chooses", "wrong", "embeddings", average, 1, 1),
        Step("no 1/√D", "no 1/√D", "scores are not divided by √D before the softmax", "wrong",
              top, OF_TRANSFORMER - {"scale"}, L, H),
        Step("no causal mask", "no causal mask", "each character also sees those after it, and so "
              "the one that it is to guess", "wrong", top, OF_TRANSFORMER - {"mask"}, L, H),
    ]  # fmt: skip


def shape_of(step: Step, whole: RunConfig) -> dict[str, Any]:
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
