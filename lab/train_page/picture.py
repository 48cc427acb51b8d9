"""The model that the sliders describe, drawn beside them anew at each move.

How it looks is `lab.figures.model_picture`'s, what was moved `lab.figures.model_words`'s; the
numbers in it are counted by `core.training.parts`.
"""

from __future__ import annotations

from core.records.records import RunRecord
from core.settings.config import RunConfig
from core.text.corpus import Corpus
from lab.components.saveable_picture import saveable_picture
from lab.figures.model_picture import model_picture
from lab.figures.model_text import Passage
from lab.figures.model_words import Described, picture_alt
from lab.session.drafts import draft_of, settings_of
from lab.session.state import palette

SENDING_S = 0.05
"""A pause after the picture, in which it is sent and drawn: else it waits for the whole page."""


def render_model_picture(run: RunRecord | None, corpus: Corpus, config: RunConfig) -> None:
    """The model that the controls describe, and what is another than in the run on the bench.

    Where there is none of this model, what was changed since a preset or a run was taken over.
    """
    draft = draft_of(config.model.model)
    assert draft  # the controls have just been drawn from it
    before = settings_of(run) if run and run.model == config.model.model else draft.base
    of_this_text = before.flat() | {"vocab_size": config.model.vocab_size}
    described = Described(
        config=config, before=RunConfig.from_flat(of_this_text), passage=Passage.of(corpus)
    )
    picture = model_picture(described, palette())
    saveable_picture(picture, key="model", alt=picture_alt(described))
