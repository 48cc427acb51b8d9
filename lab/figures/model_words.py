"""The model that the sliders describe, in words: what it sees, what it is built of, what was moved.

What the picture of it says, and what is said to those who do not see it. Every number is counted
from the settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from core.settings.config import RunConfig
from core.settings.differences import settings_diff
from core.training.parts import params_by_part, step_flops_by_part
from lab.figures.model_text import Passage
from lab.wording.labels import change_text
from lab.wording.words import count, short_count


@dataclass(frozen=True, kw_only=True)
class Described:
    """What is to be drawn."""

    config: RunConfig
    before: RunConfig | None
    """Settings of the same model to hold it against; None: there are none."""
    passage: Passage

    @cached_property
    def moved(self) -> set[str]:
        """Names of the settings that were moved away from `before`."""
        return {d.name for d in settings_diff(self.before, self.config)} if self.before else set()


def picture_alt(described: Described) -> str:
    """The picture in words, for those who do not see it."""
    model = described.config.model
    n_seen = counted(seen_by(described.config), "character")
    sees = f"{n_seen} of text lead{'s' * (n_seen == '1 character')} to one guess"
    if model.model == "bigram":
        return f"{sees}; one table of {model.vocab_size:,} x {model.vocab_size:,} numbers"
    built = f"{counted(model.n_layer, 'layer')} of {counted(model.n_head, 'head')}"
    mlp = ", each with an MLP" if model.has("mlp") else ""
    mlp += ", on one residual stream" if model.has("residual") else ""
    return f"{sees}; {built} x {model.head_size} = width {model.n_embd}{mlp}"


def seen_by(config: RunConfig) -> int:
    """The most characters that one guess may look at."""
    return 1 if config.model.model == "bigram" else config.model.block_size


def layers_in_words(described: Described) -> str:
    """Layers, heads and MLPs in a line, marked where one of them was moved."""
    model = described.config.model
    mark = "◆ " if described.moved & {"n_layer", "n_head", "n_embd"} else ""
    mlp = f", MLP of {4 * model.n_embd:,}" if model.has("mlp") else ""
    heads = f"{counted(model.n_head, 'head')} x {model.head_size}"
    return f"{mark}{counted(model.n_layer, 'layer')}: {heads}{mlp}"


def what_moved(described: Described) -> tuple[str, str]:
    """What was moved, and what came of that for parameters and arithmetic."""
    config, before = described.config, described.before
    if before is None or not described.moved:
        return "Move a slider: what it changes is marked", _what_a_head_does(config)
    # On a page Streamlit turns the arrow of plain text into a real one; in a picture nobody does.
    moves = [change_text(d).replace("->", "→") for d in settings_diff(before, config)]
    rest = f", {len(moves) - 2} more" if len(moves) > 2 else ""
    said = f"◆ {', '.join(moves[:2])}{rest}"
    if described.moved == {"n_head"}:
        now, then, width = config.model.head_size, before.model.head_size, config.model.n_embd
        return said, f"each works on {now} of {width} numbers (was {then}); all else stays"
    n_params, n_before = (sum(params_by_part(c.model).values()) for c in (config, before))
    now, then = (sum(step_flops_by_part(c).values()) for c in (config, before))
    params, work = "no parameter more or less", "a step's arithmetic stays"
    if n_params != n_before:
        sign, size = "+" if n_params > n_before else "-", abs(n_params - n_before)
        params = f"{sign}{count(size) if size < 1e6 else short_count(size)} parameters"
    if now != then:
        ratio = now / then
        times = f"{ratio:.2g}" if ratio < 99.5 else short_count(ratio)
        work = f"a step has {times} x the arithmetic"
    return said, f"{params}; {work}"


def _what_a_head_does(config: RunConfig) -> str:
    model = config.model
    if model.model == "bigram":
        return "No heads, no layers, no width: this is all of it"
    return f"Each head works on {model.head_size} of a character's {model.n_embd} numbers"


def counted(number: int, thing: str) -> str:
    """So many of a thing, in words."""
    return f"{number:,} {thing}{'s' * (number != 1)}"
