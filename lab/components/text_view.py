"""A text by a model: each character on the colour of the probability that the model gave it.

Owns: getting the characters with their probabilities and ranks into the browser. The drawing, and
what is said about the character under the pointer, are in the script file beside this one. The
text travels as data and is shown as it is; nothing in it is read as Markdown or HTML.

Must not know: who wrote the text, or whether more is to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from core.generation.sampling import Candidate, TokenRecord
from core.text.characters import DOTTED_CIRCLE, is_mark, name_of, sign_of
from lab.components.triggers import nothing
from lab.figures.palette import Palette

_CSS: Final = """
.view {
  display: flex;
  flex-direction: column;
  height: 100%;
  font-family: var(--st-font);
  font-size: 0.8125rem;
  color: var(--st-gray-text-color);
}
.legend {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 0.25rem 0.75rem;
  padding-bottom: 0.5rem;
}
.scale {
  display: inline-flex;
  align-items: center;
  gap: 0.375rem;
}
.bar {
  width: 7rem;
  height: 0.75rem;
  border: 1px solid var(--st-border-color);
  border-radius: 2px;
}
.copy {
  padding: 0 0.5rem;
  border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius);
  background: none;
  font: inherit;
  color: inherit;
  cursor: pointer;
}
.copy:hover,
.copy:focus-visible {
  border-color: var(--st-primary-color);
  color: var(--st-text-color);
}
.readout {
  flex: 1 1 22rem; /* on a line of its own where texts stand side by side */
  min-width: 0;
  overflow: hidden;
  text-overflow: ellipsis;
  min-height: 1.25rem;
  font-family: var(--st-code-font);
  color: var(--st-text-color);
  white-space: pre;
}
.others {
  margin: 0;
  height: 2.6rem; /* two lines, also while there are none: the text below stays where it is */
  overflow: hidden;
  font-family: var(--st-code-font);
  white-space: pre;
}
.scroller {
  flex: 1;
  min-height: 0;
  overflow: auto;
  padding: 0.75rem 1rem;
  border: 1px solid var(--st-border-color);
  border-radius: var(--st-base-radius);
}
.scroller:focus-visible {
  outline: 2px solid var(--st-primary-color);
  outline-offset: 1px;
}
.page {
  margin: 0;
  font-family: var(--st-code-font);
  font-size: 0.9375rem;
  line-height: 1.6;
  white-space: pre-wrap;
  overflow-wrap: anywhere;
  color: var(--st-text-color);
}
.prompt {
  font-weight: 700;
}
.hint {
  font-family: var(--st-font);
  color: var(--st-gray-text-color);
}
.page > span:not(.prompt, .hint) {
  padding: 0.125rem 0;
}
.page > span.underlined {
  border-bottom: 3px solid var(--st-text-color);
}
/* Seen, but neither selected nor copied. */
.signed::before {
  content: attr(data-sign);
}
/* Grey and dashed, but as easy to read. */
.past .scroller {
  border-style: dashed;
}
.past .page,
.past .bar {
  filter: grayscale(1);
}
.choosable .page > span:not(.prompt, .hint) {
  cursor: pointer;
}
.locked {
  outline: 2px solid var(--st-primary-color);
  outline-offset: 2px;
}
.pointed {
  outline: 2px solid var(--st-text-color);
}
.spoken {
  position: absolute;
  width: 1px;
  height: 1px;
  margin: 0;
  overflow: hidden;
  clip-path: inset(50%);
}
"""

_TEXT_VIEW = st.components.v2.component(
    "lab_text_view", css=_CSS, js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


@dataclass(frozen=True, kw_only=True)
class WrittenText:
    """A prompt, and what a model added to it."""

    prompt: str
    records: Sequence[TokenRecord]
    """One for each character that was added."""
    vocab_size: int
    """Of the model: how many characters each was drawn from."""
    marks: Sequence[tuple[int, int]] = ()
    """Start and length of stretches of what was added that are underlined."""
    is_past: bool = False
    """Whether it belongs to settings of before; then it has no colour."""


@dataclass(frozen=True)
class Choice:
    """A click on a character, or Enter: the one that is chosen from now on, by its place."""

    place: int | None
    """Among the added characters, from 0; None: the choice was taken back."""


def text_view(
    text: WrittenText,
    palette: Palette,
    *,
    key: str,
    alt: str,
    height_px: int = 420,
    hint: str = "",
) -> None:
    """Show what was written; `height_px` includes the legend.

    `alt` names the text for screen readers. `hint` stands where the text will be while there is
    none. A text that only grew is added to, not drawn anew: a reader may scroll in it meanwhile. A
    character that takes no ink has its sign before it, and a mark with nothing to sit on has a
    circle.
    """
    _TEXT_VIEW(key=key, height=height_px, data=_data(text, palette, alt, hint))


def choosable_text_view(
    text: WrittenText,
    palette: Palette,
    *,
    chosen: int | None,
    key: str,
    alt: str,
    height_px: int = 420,
    hint: str = "",
) -> Choice | None:
    """As `text_view`, where one character may be `chosen`; what the reader chose since then."""
    data = _data(text, palette, alt, hint) | {"choosable": True, "chosen": chosen}
    result = _TEXT_VIEW(key=key, height=height_px, data=data, on_chosen_change=nothing)
    return choice_from(result.chosen, len(text.records))


def choice_from(message: object, n_added: int) -> Choice | None:
    """What a browser says of a choice, if it can be one: it is input from outside."""
    if not isinstance(message, dict):
        return None
    place = message.get("place")
    if place is None:
        return Choice(None)
    if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < n_added:
        return None
    return Choice(place)


def _data(text: WrittenText, palette: Palette, alt: str, hint: str) -> dict[str, object]:
    prompt, records = text.prompt, text.records
    added = "".join(record.character for record in records)
    return {
        "prompt": prompt,
        "added": added,
        "signs": _signs(records),
        "stand_ins": stand_ins(prompt + added),
        "probabilities": [round(record.probability, 4) for record in records],
        "ranks": [record.rank for record in records],
        "believed": [_candidates(record.believed) for record in records],
        "offered": [_candidates(record.offered) for record in records],
        "vocab_size": text.vocab_size,
        "marks": [list(mark) for mark in text.marks],
        "scale": scale_with_ink(palette),
        "alt": alt,
        "hint": hint,
        "is_past": text.is_past,
        "choosable": False,
    }


def _signs(records: Sequence[TokenRecord]) -> dict[str, tuple[str, str]]:
    """Sign and name of each character that the reader can point at or that is named beside it."""
    rivals = {c for record in records for c, _ in (*record.believed, *record.offered)}
    every = rivals.union(record.character for record in records)
    return {character: (sign_of(character), name_of(character)) for character in sorted(every)}


def stand_ins(text: str) -> dict[int, str]:
    """What to show before the characters of a text that cannot be seen as they are, by place.

    A space is seen by the gap that it leaves, and a mark where there is a letter that it sits on.
    """
    found: dict[int, str] = {}
    for place, character in enumerate(text):
        if character in " \t":
            continue
        if is_mark(character):
            before = text[place - 1] if place else " "
            if before.isspace() or _shows(before) is not None:
                found[place] = DOTTED_CIRCLE
        elif sign := _shows(character):
            found[place] = sign
    return found


def _shows(character: str) -> str | None:
    """The sign of a character that takes no ink; None where it shows itself."""
    sign = sign_of(character)
    return None if sign == character or is_mark(character) else sign


def _candidates(candidates: Sequence[Candidate]) -> list[tuple[str, float]]:
    return [(character, round(probability, 3)) for character, probability in candidates]


def scale_with_ink(palette: Palette) -> list[tuple[str, str]]:
    """The stops of the probability scale from 0 to 1, each with the ink that is readable on it."""
    return palette.with_ink(palette.probability_scale)
