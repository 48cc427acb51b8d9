"""What a sweep keeps fixed: the settings on the controls, but no rate that has just diverged.

The controls take their settings over from the run on the bench. Where that run diverged, every cell
of a sweep would do the same; so while the controls still say its rate, the sweep takes a smaller
one: that of the model or the preset, and at most the next below the one that diverged.
"""

from __future__ import annotations

from core.errors import LabError
from core.experiments.grid import cell_config
from core.findings.curve import OUT_OF_HAND, verdict
from core.records.records import RunRecord, broke_at
from core.settings.config import RunConfig
from core.settings.presets import resolve
from core.text.reference import reference_lines
from lab.figures.losses import MAX_POINTS
from lab.session.drafts import draft_of
from lab.session.state import the_lab
from lab.widgets.controls import SLIDERS
from lab.wording.plain import plain

_RATES = next(slider.values for slider in SLIDERS if slider.name == "learning_rate")


def sweep_base(config: RunConfig, run: RunRecord | None) -> tuple[RunConfig, str]:
    """The settings that a sweep starts from, and a sentence where their rate is not the controls'.

    Args:
        config: what the controls say.
        run: the run on the bench.
    """
    rate = config.train.learning_rate
    is_inherited = (
        run is not None
        and run.model == config.model.model
        and run.config.train.learning_rate == rate
    )
    if not (run and is_inherited and has_diverged(run)):
        return config, ""
    draft = draft_of(run.model)
    preset, recipe = draft.start if draft else (None, "classic")
    own = resolve(run.model, config.model.vocab_size, preset, None, recipe).train.learning_rate
    below = max((value for value in _RATES if value < rate), default=rate / 3)
    whose = f"the preset {preset}'s own" if preset else f"the {run.model}'s own"
    said = (
        f"{plain(run.name)} diverged at a learning rate of {rate:g}, so the sweep takes "
        f"{min(own, below):g}, {whose if own <= below else 'the next below it'}. Another that you "
        "choose on the left is taken as it is."
    )
    return cell_config(config, {"learning_rate": min(own, below)}), said


def has_diverged(run: RunRecord) -> bool:
    """Whether the loss of a run was no number in the end, or its curve shows it diverge."""
    store = the_lab().store
    if broke_at(run, store.events(run.id)) is not None:
        return True
    try:
        references = list(reference_lines(the_lab().corpus_of(run)))
    except LabError:  # its text is gone, and the steps can still be looked at
        references = []
    steps = store.steps(run.id, at_most=MAX_POINTS)
    state = verdict(store.estimates(run.id), steps, references, run.max_iters).state
    return isinstance(state, OUT_OF_HAND)
