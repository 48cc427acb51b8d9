"""Parts of a model switched off: what the loss, the next guess and the writing are without them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
import torch

from core.generation.sampling import write
from core.interpretability.habits import HeadHabits, HeadWorth, windows_to_look_at
from core.interpretability.parts import Part, parts_of, without
from core.models import LanguageModel
from core.runs.lab import LoadedModel
from core.settings.config import SampleConfig
from core.text.corpus import Corpus
from core.training.evaluation import split_loss, windows_loss
from lab.attention_page.examples import render_examples
from lab.attention_page.head_words import HABIT_WORDS
from lab.components.live_plot import live_plot
from lab.figures.map_axes import Matrix
from lab.figures.parts import guesses_figure, worth_figure
from lab.figures.said import likeliest_said
from lab.session.entry import Entry
from lab.session.measured import worth_of_heads
from lab.session.state import palette
from lab.wording import words
from lab.wording.glossary import explained

FOLD = "attention_switching"
N_GUESSES, N_WRITTEN = 10, 160
BAR_PX, MIN_PX, MAX_PX = 19, 150, 420
_OFF: Entry[list[str]] = Entry("attention_off", [])
_WHOLE_SPLIT = Entry("attention_off_whole", False)


def render_switching_off(
    key: str,
    loaded: LoadedModel,
    corpus: Corpus,
    text: str,
    habits: Sequence[HeadHabits],
    chosen: tuple[int, int],
) -> None:
    """Choose parts to switch off; beside it the ranking of all heads by what their loss costs.

    `key` names the model, `chosen` the head (layer and head from 1) of which examples are shown.
    Everything is measured on some windows of the validation text, and on the whole split when
    asked; nothing before the fold is opened.
    """
    fold = st.expander(
        "Switch parts off: what is each head worth?", key=FOLD, on_change="rerun",
        icon=":material/toggle_off:",
    )  # fmt: skip
    if not fold.open:
        return
    with fold, st.spinner("Measuring the loss without each head …"):
        worths = worth_of_heads(key, loaded, corpus)
    with fold:
        _render_parts(worths, loaded, corpus, text, habits)
        render_examples(key, loaded, corpus, chosen)


def _render_parts(
    worths: Sequence[HeadWorth],
    loaded: LoadedModel,
    corpus: Corpus,
    text: str,
    habits: Sequence[HeadHabits],
) -> None:
    kind = loaded.model.config.model
    parts = parts_of(loaded.model)
    by_name = {str(part): part for part in parts}
    _OFF.set([name for name in _OFF.get() if name in by_name])  # another model may have fewer
    with st.container(horizontal=True, gap="medium"):
        left, right = st.container(width=480, gap="xsmall"), st.container(width=690, gap="xsmall")
    with right:
        st.pills(
            "Parts that are off", list(by_name), key=_OFF.key, selection_mode="multi",
            format_func=lambda name: part_label(by_name[name]), label_visibility="collapsed",
        )  # fmt: skip
        off = [by_name[name] for name in _OFF.get()]
    with left:
        _render_ranking(worths, habits, off, kind)
    with right:
        if off:
            _render_without(loaded, corpus, text, off, kind)
        else:
            st.caption(
                "Choose one or several: the loss, the next guess and the writing without them "
                "appear here. What is off adds nothing; all else stays as it was trained."
            )


def part_label(part: Part) -> str:
    match part.kind:
        case "head":
            return f"head {part}"
        case "attention":
            return f"attention {part.layer}"
        case "mlp":
            return f"MLP {part.layer}"
        case _:
            return "positions"


def _render_ranking(
    worths: Sequence[HeadWorth], habits: Sequence[HeadHabits], off: Sequence[Part], kind: str
) -> None:
    """All heads by what their loss would cost; a click switches one off or on again."""
    short = {(h.layer, h.head): HABIT_WORDS[h.name][0] for h in habits}
    labels = [f"{w.layer}.{w.head} {short.get((w.layer, w.head), '')}".rstrip() for w in worths]
    are_off = [(part.layer, part.head) for part in off if part.kind == "head"]
    click = live_plot(
        worth_figure(worths, labels, are_off, kind, palette()),
        key="attention_worths", clickable=True,
        alt="All heads by how much the loss rises without each: "
        + ", ".join(f"head {w.layer}.{w.head} {w.delta_nats:+.3f}" for w in worths[:6]),
        height_px=max(MIN_PX, min(MAX_PX, 60 + BAR_PX * len(worths))),
    )  # fmt: skip
    st.caption(
        "What losing each head alone would cost, on some of the validation text. Click a bar to "
        "switch it off.",
        help=explained("loss", "nats", "validation"),
    )
    if click and isinstance(click.y, int | float) and 0 <= round(click.y) < len(worths):
        worth = worths[round(click.y)]
        _toggle(str(Part("head", worth.layer, worth.head)))


_TOGGLED: Entry[str | None] = Entry("attention_off_clicked", None)


def take_click() -> None:
    """Switch what was clicked: before its widget is drawn."""
    if name := _TOGGLED.take():
        held = _OFF.get()
        _OFF.set([n for n in held if n != name] if name in held else [*held, name])


def _toggle(name: str) -> None:
    _TOGGLED.set(name)
    st.rerun()


def _render_without(
    loaded: LoadedModel, corpus: Corpus, text: str, off: Sequence[Part], kind: str
) -> None:
    rest = without(loaded.model, off)
    whole_split = st.toggle(
        "Measure on the whole validation split", key=_WHOLE_SPLIT.key,
        help="Some seconds for a large model; without it, on some windows of it.",
    )  # fmt: skip
    before, after = (_loss(model, loaded, corpus, whole_split) for model in (loaded.model, rest))
    verb = "rises" if after >= before else "falls"
    where = "over the whole split" if whole_split else "on some of the validation text"
    sentence = (
        f"Without {', '.join(map(part_label, off))} the loss {verb} from "
        f"**{words.loss(before)}** to **{words.loss(after)} nats** {where}."
    )
    st.markdown(sentence, help=explained(sentence))
    full_guess, rest_guess = (_guess(model, loaded, text) for model in (loaded.model, rest))
    likeliest = (full_guess + rest_guess).argsort(descending=True)[:N_GUESSES]
    full: Matrix = full_guess[likeliest].numpy()
    left: Matrix = rest_guess[likeliest].numpy()
    shown = loaded.vocabulary.decode(likeliest)
    live_plot(
        guesses_figure(full, left, shown, kind, palette()),
        key="attention_guesses", height_px=170,
        alt="The likeliest next characters after the text. With all parts: "
        f"{likeliest_said(full, shown)}. Without those off: {likeliest_said(left, shown)}",
    )  # fmt: skip
    config = SampleConfig(max_new_tokens=N_WRITTEN)
    columns = st.columns(2)
    for column, model, name in zip(columns, (loaded.model, rest), ("all parts", "parts off")):
        with column:
            st.caption(f"It writes, with {name}")
            written = write(model, loaded.vocabulary, text, config)
            st.code(written, language=None, wrap_lines=True, height=150)


def _loss(model: LanguageModel, loaded: LoadedModel, corpus: Corpus, whole_split: bool) -> float:
    if whole_split:
        return split_loss(model, corpus.val)
    return windows_loss(model, windows_to_look_at(loaded.model, corpus))


@torch.inference_mode()
def _guess(model: LanguageModel, loaded: LoadedModel, text: str) -> torch.Tensor:
    """Probabilities of what follows a text, (V,)."""
    tokens = loaded.vocabulary.encode(text[-model.config.block_size :])[None]
    guess: torch.Tensor = model(tokens)[0, -1].softmax(dim=-1)
    return guess
