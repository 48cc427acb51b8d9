"""One rung of the ladder: what it adds, in words, numbers and code, and what it writes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.experiments.ladder import RungStanding, model_of
from core.interpretability.rung_code import leaves_out, lines_of_rung
from core.settings.config import ModelConfig, ModelKind
from core.settings.ideas import IDEAS
from core.training.preflight import flops_per_token
from lab.ladder_page.words import bought_text
from lab.session.state import last_text_of, open_run
from lab.wording import words
from lab.wording.plain import plain


def render_rung(rung: RungStanding, rungs: Sequence[RungStanding]) -> None:
    """The details of a rung, trained or not."""
    st.markdown(f"**{plain(rung.name)}**: {plain(rung.changes)}. {bought_text(rung, rungs)}")
    st.caption(" · ".join(_numbers(rung, rungs)))
    _render_code(rung)
    run = rung.run
    if run is None:
        return
    if run.status == "failed":
        st.error(plain(run.message))
    if text := last_text_of(run).strip("\n"):
        st.caption(f"What it writes at step {words.count(run.step)}:")
        st.code(words.readable_sample(text), language=None, wrap_lines=True)
    if st.button("Open its run", icon=":material/open_in_new:", key="ladder_open"):
        open_run(run.id)
        st.switch_page("app_pages/train.py")


def _numbers(rung: RungStanding, rungs: Sequence[RungStanding]) -> list[str]:
    """Loss, size, arithmetic, time and settings of a rung, each with its unit."""
    said, run, config = [], rung.run, rung.config
    if run and run.val_loss_nats is not None:
        said.append(f"validation loss {words.loss(run.val_loss_nats)} nats")
    elif run:
        said.append(words.STATUS[run.status])
    if run:
        said.append(f"{words.count(run.n_params)} parameters")
    if config is None:
        return said
    said.append(f"{words.short_count(flops_per_token(config.model))} FLOPs a character")
    if run and run.step:
        said.append(f"{words.count(run.step)} steps in {words.duration(run.train_s)} of training")
    if kind := model_of(rung):
        said.append(_MODELS[kind])
    said.append(f"learning rate {config.train.learning_rate:g}")
    base = next((other.config for other in rungs if other.name == rung.base), None)
    if base and (differs := _differences(base.model, config.model)):
        said.append(f"against {plain(rung.base)}: {plain(differs)}")
    return said


_MODELS: dict[ModelKind, str] = {
    "bigram": "the bigram table", "attention": "the attention model",
    "transformer": "a classic transformer",
}  # fmt: skip
"""What a rung is called that is one of the three models."""


def _differences(base: ModelConfig, model: ModelConfig) -> str:
    """The ideas that one model has and the other has not, and other layers or heads."""
    ideas = [f"{'+' if model.has(i) else '−'} {i}" for i in IDEAS if model.has(i) != base.has(i)]
    shape = [
        f"{name} {before} → {after}"
        for name in ("n_layer", "n_head")
        if (before := getattr(base, name)) != (after := getattr(model, name))
    ]
    return ", ".join([*ideas, *shape])


def _render_code(rung: RungStanding) -> None:
    """The very lines that make the rung what it is."""
    cuts = lines_of_rung(rung.key)
    files = words.listed(list(dict.fromkeys(f"`{cut.file}`" for cut in cuts)))
    said = "Its lines, from"
    if leaves_out(rung.key):
        said = "What it leaves out is done in these lines of"
    st.caption(f"{said} {files}:")
    st.code("\n".join(cut.code for cut in cuts), language="python", wrap_lines=True)
