"""How one character of a written text was drawn, and another way that the text could have gone."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.generation.stages import Stages, stages_of
from core.runs.lab import LoadedModel
from core.settings.config import SampleConfig
from core.text.characters import in_quotes, quoted_character
from lab.components.live_plot import live_plot
from lab.figures.map_axes import percent
from lab.figures.sampling import dice_figure, shown_characters, stages_figure
from lab.session.state import palette
from lab.wording.glossary import explained

STAGES_PX, DICE_PX = 430, 92


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A character of a text, by its place among those that the model added."""

    loaded: LoadedModel
    prompt: str
    added: str
    """The whole of what the model added."""
    place: int
    config: SampleConfig

    @property
    def before(self) -> str:
        """What stood there when it was drawn, without the prompt."""
        return self.added[: self.place]


def render_drawing(drawn: Drawn) -> str | None:
    """The stages of the draw; the prompt of another way to go on, if the reader chose one."""
    loaded = drawn.loaded
    stages = stages_of(loaded.model, loaded.vocabulary, drawn.prompt, drawn.before, drawn.config)
    characters, kind = loaded.vocabulary.characters, loaded.model.config.model
    said = drawing_text(stages, characters)
    st.markdown(said, help=explained(said, "temperature, top-k, top-p"))
    click = live_plot(
        stages_figure(stages, characters, drawn.config, kind, palette()), key="generate_stages",
        alt=f"The likeliest characters at this place in four stages; {said}",
        height_px=STAGES_PX, clickable=True,
    )  # fmt: skip
    live_plot(
        dice_figure(stages, characters, kind, palette()), key="generate_dice", height_px=DICE_PX,
        alt=f"The probabilities end to end; the dice fell on {stages.dice:.3f}",
    )  # fmt: skip
    return _render_branching(drawn, stages, click.customdata if click else None)


def drawing_text(stages: Stages, characters: str) -> str:
    """How the character came to be drawn, in a sentence."""
    n_left = int((stages.after_top_p > 0).sum())
    chance = percent(float(stages.after_top_p[stages.token]))
    among = "it alone was left" if n_left == 1 else f"one of {n_left} that were left"
    return (
        f"**How {in_quotes(characters[stages.token])} was drawn.** Its chance was {chance}, "
        f"{among}; the dice fell on {stages.dice:.3f}."
    )


def _render_branching(drawn: Drawn, stages: Stages, clicked: object) -> str | None:
    """Let the reader put another character here and let the model go on from there."""
    characters = drawn.loaded.vocabulary.characters
    others = [characters[i] for i in shown_characters(stages) if i != stages.token]
    if not others:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = st.selectbox(
            "Another character in its place", others, key="generate_other", width=240,
            format_func=quoted_character, help="Or click its bar in the picture.",
        )  # fmt: skip
        pressed = st.button("Branch from here", key="generate_branch", icon=":material/fork_right:")
    if isinstance(clicked, int) and 0 <= clicked < len(characters) and clicked != stages.token:
        return drawn.prompt + drawn.before + characters[clicked]
    return drawn.prompt + drawn.before + other if pressed else None
