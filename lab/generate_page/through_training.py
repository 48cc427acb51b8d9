"""The same prompt, continued by the same run at many steps of its training, one under the other."""

from __future__ import annotations

import streamlit as st

from core.errors import LabError
from core.generation.sampling import write
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from core.settings.config import SampleConfig
from core.storage.snapshots import gap
from lab.session.state import model_key, the_lab
from lab.widgets.pickers import load_model
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.plain import plain_but_code

FOLD = "generate_through_training"
N_STEPS, N_WRITTEN = 7, 160


def render_through_training(run: RunRecord, prompt: str, config: SampleConfig) -> None:
    """A fold; nothing is written before it is opened."""
    fold = st.expander(
        "The same prompt through the training", key=FOLD, on_change="rerun",
        icon=":material/timeline:",
    )  # fmt: skip
    if not fold.open:
        return
    with fold:
        losses_nats = {e.step: e.val_loss_nats for e in the_lab().store.estimates(run.id)}
        said = f"Always the same dice, {config.max_new_tokens} characters each."
        st.caption(said, help=explained("loss, nats"))
        for step in spread_out(the_lab().moments(run)):
            nats = losses_nats.get(step)
            estimate = "" if nats is None else f" · estimate {words.loss(nats)} nats"
            st.caption(f"**step {words.count(step)}**{estimate}")
            try:
                loaded = load_model(run, step)
                text = _continued(model_key(run, loaded), loaded, prompt, config)
            except LabError as error:
                st.warning(plain_but_code(str(error)))
                return
            st.code(prompt + text, language=None, wrap_lines=True)


def spread_out(steps: list[int]) -> list[int]:
    """A few of the steps (ascending), the first and the last among them, spread out by their ratio.

    By their ratio, since most happens early.
    """
    kept = list(steps)
    while len(kept) > N_STEPS:
        least = min(range(1, len(kept) - 1), key=lambda i: gap(kept[i - 1], kept[i + 1]))
        kept.pop(least)
    return kept


@st.cache_data(show_spinner=False, max_entries=100)
def _continued(key: str, _loaded: LoadedModel, prompt: str, config: SampleConfig) -> str:
    return write(_loaded.model, _loaded.vocabulary, prompt, config)
