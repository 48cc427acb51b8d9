"""The steps from a query and a key to what a head takes, in words and formulas. Pure.

Formulas are KaTeX. Places count from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from core.interpretability.head_arithmetic import CellArithmetic, Stage, StageName
from core.interpretability.source_lines import SourceLines, StepName
from core.settings.config import ModelConfig
from core.text.characters import sign_of
from lab.figures.cell_arithmetic import Vector, number_text
from lab.figures.map_axes import percent
from lab.wording.plain import quoted


@dataclass(frozen=True, eq=False)
class Step:
    """One step of the arithmetic as the page shows it."""

    name: StepName
    title: str
    formula: str
    sentence: str
    computed_in: tuple[StepName, ...]
    """Whose lines of code stand beside it."""
    vectors: tuple[Vector, ...] = ()
    """What is drawn; where there are none, the row of scores and weights."""


def steps(found: CellArithmetic, text: str, config: ModelConfig) -> list[Step]:
    """All steps from a query and a key to what the head takes, as this model has them."""
    first, *turned = found.stages
    value = f"value of {sign_of(text[found.cell.key_place - 1])} ({found.cell.key_place})"
    taken = _vector(value, found.value), _vector("weight × value", found.contribution)
    every = [
        Step("projected", "Query and key", projection_formula(found),
             projection_sentence(found, text, config), ("projected",),
             _vectors(first, is_last=not turned)),
        Step("score", "The score", score_formula(found), score_sentence(found), ("score",),
             (_vector("query × key", found.products),)),
        Step("softmax", "Mask and softmax", softmax_formula(found),
             f"{mask_sentence(found, text)} {softmax_sentence(found)}", ("mask", "softmax")),
        Step("output", "What is taken", output_formula(found), output_sentence(found, text),
             ("output",), (*taken, _vector("output of the head", found.output))),
    ]  # fmt: skip
    if turned:
        vectors = [v for stage in turned for v in _vectors(stage, stage is turned[-1])]
        step = Step("turned", "Normalised and turned", turning_formula(found),
                    turning_sentence(found), ("turned",), tuple(vectors))  # fmt: skip
        every.insert(1, step)
    return every


_STAGE_WORDS: dict[StageName, str] = {
    "projected": "", "normalised": ", normalised", "turned": ", turned",
}  # fmt: skip


def _vectors(stage: Stage, is_last: bool) -> tuple[Vector, ...]:
    words = _STAGE_WORDS[stage.name]
    return (
        _vector(f"query{words}", stage.query, is_last),
        _vector(f"key{words}", stage.key, is_last),
    )


def _vector(name: str, numbers: Tensor, is_strong: bool = True) -> Vector:
    return Vector(name, numbers.numpy(), is_strong)


def character_at(text: str, place: int) -> str:
    """A character with its place, for a sentence in Markdown."""
    return f"{quoted(text[place - 1])} ({place})"


# --- query and key --------------------------------------------------------------------------------


def projection_formula(found: CellArithmetic) -> str:
    """Both are made of what the layer reads."""
    t, s = found.cell.query_place, found.cell.key_place
    return rf"q_{{{t}}} = x_{{{t}}}\,W_Q \qquad k_{{{s}}} = x_{{{s}}}\,W_K"


def projection_sentence(found: CellArithmetic, text: str, config: ModelConfig) -> str:
    """What the two vectors are, and of what they are made in this model."""
    t, s = found.cell.query_place, found.cell.key_place
    D = len(found.products)
    first = (
        f"{character_at(text, t)} asks with its query, {character_at(text, s)} answers with its "
        f"key: {D} numbers each, by matrices that this head has learned."
    )
    if config.block == "modern":
        return (
            f"{first} x is the residual stream at that character, normalised; the second half of "
            "it is taken from the character before (token shift)."
        )
    if config.model == "attention":
        return f"{first} x says what the character is and where it stands."
    return f"{first} x is the residual stream at that character, after a LayerNorm."


def turning_formula(found: CellArithmetic) -> str:
    """Norm and rotation, as the modern block has them."""
    t, s = found.cell.query_place, found.cell.key_place
    return (
        rf"\hat q_{{{t}}} = R_{{{t}}}\,\frac{{q_{{{t}}}}}{{\mathrm{{rms}}(q_{{{t}}})}} \qquad "
        rf"\hat k_{{{s}}} = R_{{{s}}}\,\frac{{k_{{{s}}}}}{{\mathrm{{rms}}(k_{{{s}}})}}"
    )


def turning_sentence(found: CellArithmetic) -> str:
    """Why vectors are normalised and turned."""
    t, s = found.cell.query_place, found.cell.key_place
    apart = f"{t - s} character{'s' * (t - s != 1)} apart" if t != s else "at the same place"
    return (
        "Both are brought to one length, then number i and number i + D/2 are turned together, the "
        f"further the later the character stands (rotary positions). What the two then have in "
        f"common depends on how far apart they stand: here {apart}."
    )


# --- score and weight -----------------------------------------------------------------------------


def score_formula(found: CellArithmetic) -> str:
    """The dot product with its numbers, times the scale."""
    t, s = found.cell.query_place, found.cell.key_place
    hat = r"\hat " if len(found.stages) > 1 else ""
    D = len(found.products)
    return (
        rf"a_{{{s}}} = \frac{{{hat}q_{{{t}}} \cdot {hat}k_{{{s}}}}}{{\sqrt{{D}}}} = "
        rf"\frac{{{number_text(found.dot)}}}{{\sqrt{{{D}}}}} = "
        rf"{number_text(found.dot)} \cdot {number_text(found.scale)} = "
        rf"\mathbf{{{number_text(found.score)}}}"
    )


def score_sentence(found: CellArithmetic) -> str:
    """Which products speak for the cell, and which against it."""
    products = found.products
    above, below = float(products.clamp_min(0).sum()), float(products.clamp_max(0).sum())
    return (
        f"Number by number, query times key. The products above zero add up to "
        f"{number_text(above)}, those below to {number_text(below)}; together that is "
        f"{number_text(found.dot)}. Divided by √D, so that a head with more numbers is not surer "
        "for that alone."
    )


def mask_sentence(found: CellArithmetic, text: str) -> str:
    """Which places are taken out."""
    t, T = found.cell.query_place, len(text)
    if t == T:
        return f"{character_at(text, t)} is the last one, so the mask takes nothing from its row."
    return (
        f"{character_at(text, t)} may look at {t} character{'s' * (t > 1)}, up to itself. The "
        f"score of the {T - t} after it (hollow) is replaced by −∞."
    )


def softmax_formula(found: CellArithmetic) -> str:
    """Softmax over the row, with the numbers of this cell."""
    t, s = found.cell.query_place, found.cell.key_place
    seen = found.scores[:t].double()
    most = float(seen.max())
    above, below = float((seen[s - 1] - most).exp()), float((seen - most).exp().sum())
    return (
        rf"w_{{{s}}} = \frac{{e^{{a_{{{s}}} - a_{{max}}}}}}"
        rf"{{\sum_{{j \le {t}}} e^{{a_j - a_{{max}}}}}} = "
        rf"\frac{{{number_text(above)}}}{{{number_text(below)}}} = "
        rf"\mathbf{{{number_text(found.weight)}}}"
    )


def softmax_sentence(found: CellArithmetic) -> str:
    """What softmax makes of the row."""
    return (
        f"Softmax makes shares of scores: all of them positive, in sum 1. This cell gets "
        f"{percent(found.weight)}. Each score has the row's highest, "
        f"{number_text(float(found.scores[: found.cell.query_place].max()))}, taken off first; "
        "that changes no share."
    )


# --- what is taken --------------------------------------------------------------------------------


def output_formula(found: CellArithmetic) -> str:
    """The weighted sum of values."""
    t, s = found.cell.query_place, found.cell.key_place
    return (
        rf"o_{{{t}}} = \sum_{{j \le {t}}} w_j\,v_j \qquad "
        rf"w_{{{s}}}\,v_{{{s}}} = {number_text(found.weight)}\,v_{{{s}}}"
    )


def output_sentence(found: CellArithmetic, text: str) -> str:
    """How much of the head's output comes through this cell."""
    t, s = found.cell.query_place, found.cell.key_place
    return (
        f"From each character its value is taken, times its weight. What {character_at(text, s)} "
        f"gives is {percent_of_output(found)} of the head's output for {character_at(text, t)}, "
        "measured along that output; over all characters it is 100 %."
        f"{_gate_sentence(found)}"
    )


def _gate_sentence(found: CellArithmetic) -> str:
    """What becomes of the output where the head has a gate."""
    if not found.has_gate:
        return ""
    return f" Its gate then multiplies the output by {number_text(found.opening)}."


def percent_of_output(found: CellArithmetic) -> str:
    """The share of the output, which may be below zero."""
    share = found.share_of_output
    return percent(share) if share >= 0 else f"−{percent(-share)}"


def code_text(lines: Sequence[SourceLines]) -> str:
    """Lines of the source, each piece under a comment that says where it stands."""
    return "\n".join(f"# {each.file}, line {each.first_line}\n{each.code}" for each in lines)
