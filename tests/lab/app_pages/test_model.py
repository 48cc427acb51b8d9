"""Model: the map with the parts that a model has, each with its real numbers, one of them large."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.interpretability.embeddings import character_vectors, nearest
from core.interpretability.flow import flow_of
from core.interpretability.lens import layer_logits
from core.models import count_params
from core.runs.lab import Lab
from core.settings.config import ModelKind
from lab.components.model_map import SmallPicture, _packed, thinned
from lab.model_page.boxes import boxes_of
from lab.model_page.sentences import lens_text
from tests.helpers import filled, small_config, tiny_run
from tests.pages import open_page, pages, scrub_to
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]


def finished(pages: Lab, kind: ModelKind = "transformer", **changes: Any) -> str:
    return filled(pages, tiny_run, kind, **changes)


def map_of(app: AppTest, key: str = "model_map") -> dict[str, Any]:
    (view,) = [e for e in app.get("bidi_component") if e.key == key]
    data: dict[str, Any] = json.loads(view.proto.json)
    return data


def show(app: AppTest, part: str) -> None:
    """Look at a part, as a click on it does."""
    app.session_state["model_part"] = part
    app.run()
    assert not app.exception


def type_text(app: AppTest, text: str) -> None:
    app.text_input(key="attention_text").set_value(text).run()
    assert not app.exception


def said(app: AppTest) -> str:
    return " ".join(e.value for e in (*app.caption, *app.info, *app.warning))


def keys_of(data: dict[str, Any]) -> list[str]:
    rows = [data["ways_in"], *data["layers"], data["ways_out"]]
    return [part["key"] for row in rows for part in row]


def test_before_any_run_the_step_0_model_is_there_with_one_button(pages: Lab, plots: Plots) -> None:
    app = open_page("model")
    assert "untrained, step 0" in said(app)
    primary = [b for b in app.button if b.proto.type == "primary"]
    assert [b.label for b in primary if not str(b.key).startswith("visit_")] == ["Train a model"]
    assert keys_of(map_of(app))[:2] == ["characters", "positions"]
    assert "model_lens" in plots.figures


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("bigram", {}),
        ("attention", {}),
        ("transformer", {}),
        ("transformer", {"block": "modern", "ngrams": 3}),
    ],
)
def test_every_part_of_every_model_has_its_picture(
    pages: Lab, plots: Plots, kind: ModelKind, changes: dict[str, Any]
) -> None:
    finished(pages, kind, **changes)
    app = open_page("model")
    type_text(app, "to be or")
    drawn = set()
    for key in [*keys_of(map_of(app)), "stream"]:
        plots.figures.clear()
        show(app, key)
        drawn.add(tuple(plots.figures))
        assert plots.figures and map_of(app)["chosen"] in (key, "probabilities")
    assert len(drawn) >= 2


@pytest.mark.parametrize("kind", ["bigram", "attention", "transformer"])
def test_the_boxes_hold_all_parameters(kind: ModelKind) -> None:
    config = small_config(kind, 20).model
    counts = [b.detail.rsplit("· ", 1)[-1].replace(",", "") for b in boxes_of(config).all()]
    assert sum(int(n) for n in counts if n.isdigit()) + _norm(config) == count_params(config)


def _norm(config: Any) -> int:
    """The last norm of the classic block stands in a box whose matrix is counted elsewhere."""
    return config.n_embd * (1 + config.bias) if config.model == "transformer" else 0


def test_the_numbers_are_those_of_the_text(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    app = open_page("model")
    type_text(app, "to be")
    loaded = pages.model(run)
    flow = flow_of(loaded.model, loaded.vocabulary.encode("to be"))
    show(app, "probabilities")
    np.testing.assert_allclose(
        plots.figures["model_over_characters"].data[0].customdata,
        flow.probabilities.numpy(), atol=1e-6,
    )  # fmt: skip
    show(app, "mlp:2")
    hidden, added = (f for k, f in plots.figures.items() if k.startswith("model_numbers"))
    np.testing.assert_allclose(hidden.data[0].z, flow.hidden[1].numpy(), atol=1e-6)
    np.testing.assert_allclose(added.data[0].z, flow.added_by_mlp[1].numpy(), atol=1e-6)
    small = map_of(app)["pictures"]["probabilities"]
    cells = np.frombuffer(base64.b64decode(small["cells"]), np.uint8)
    wanted = np.round(255 * np.sqrt(thinned(flow.probabilities.numpy())))
    assert np.array_equal(cells, wanted.astype(np.uint8).ravel())


def test_the_lens_shows_each_layer_s_guess(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    app = open_page("model")
    type_text(app, "to be")
    show(app, "stream")
    loaded = pages.model(run)
    tokens = loaded.vocabulary.encode("to be")[None]
    sure = layer_logits(loaded.model, tokens)[:, 0].softmax(dim=-1).amax(dim=-1)
    figure = plots.figures["model_lens"]
    np.testing.assert_allclose(figure.data[0].z ** 2, sure.numpy(), atol=1e-6)
    assert "first comes up in layer 1: " in said(app)


def test_right_answers_are_counted_where_they_first_come_up() -> None:
    sentence = lens_text(["abab", "abcd"], "abc")
    assert "Of 3 characters the model guesses 3 right" in sentence
    assert "layer 1: 2, layer 2: 1; never: 0" in sentence


def test_the_neighbours_of_a_character_are_said(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    app = open_page("model")
    show(app, "characters")
    app.selectbox(key="model_character").set_value("o").run()
    loaded = pages.model(run)
    place = loaded.vocabulary.characters.index("o")
    first, cosine = nearest(character_vectors(loaded.model), place, 1)[0]
    assert f"nearest to ‘o’: ‘{loaded.vocabulary.characters[first]}’ ({cosine:.2f})" in (
        said(app).replace("␣", " ")
    )
    plots.click(
        "model_characters", x=0.0, y=0.0, customdata=loaded.vocabulary.characters.index("t")
    )
    app.run()
    assert app.selectbox(key="model_character").value == "t"


def test_a_plane_hardly_turns_from_step_to_step(pages: Lab, plots: Plots) -> None:
    run_id = finished(pages)
    app = open_page("model")
    show(app, "characters")
    positions = []
    for step in (32, 40):
        scrub_to(app, run_id, step)
        figure = plots.figures["model_characters"]
        named = {h: (x, y) for t in figure.data if t.mode == "text"
                 for h, x, y in zip(t.hovertext, t.x, t.y)}  # fmt: skip
        positions.append(np.array([named[h] for h in sorted(named)]))
    before, after = positions
    assert np.linalg.norm(after - before) < 0.5 * np.linalg.norm(after)


def test_the_three_models_stand_side_by_side(pages: Lab, plots: Plots) -> None:
    finished(pages)
    app = open_page("model")
    app.session_state["model_side_by_side"] = True
    app.run()
    n_parts = [len(keys_of(map_of(app, f"model_map_{k}"))) for k in
               ("bigram", "attention", "transformer")]  # fmt: skip
    assert n_parts == sorted(n_parts) and n_parts[0] == 2


def test_the_chosen_run_stands_among_the_three(pages: Lab, plots: Plots) -> None:
    chosen = finished(pages, name="chosen")
    for kind in ("transformer", "attention"):
        tiny_run(pages, kind, name=f"newer {kind}")
    app = open_page("model", run=chosen)
    app.session_state["model_side_by_side"] = True
    app.run()
    heads = [e.value for e in app.markdown if e.value.endswith("parameters")]
    assert [head.split(" · ")[1] for head in heads] == ["untrained", "newer attention", "chosen"]


def test_unknown_characters_are_named(pages: Lab, plots: Plots) -> None:
    finished(pages)
    app = open_page("model")
    type_text(app, "é to be")
    assert "é" in app.warning[0].value
    app.button(key="text_drop").click().run()
    assert app.text_input(key="attention_text").value == " to be" and not app.warning
    type_text(app, "t")  # nothing to choose from, and nothing breaks
    show(app, "probabilities")
    type_text(app, "")
    assert not app.exception


def test_a_small_picture_is_thinned_and_centred() -> None:
    values = np.linspace(-1, 1, 100 * 300, dtype=np.float32).reshape(100, 300)
    assert thinned(values).shape == (48, 96)
    packed = _packed(SmallPicture(np.array([[-2.0, 0.0, 2.0]], np.float32), "signed"))
    assert list(base64.b64decode(packed["cells"])) == [0, 128, 255] and packed["columns"] == 3


def test_a_head_of_the_map_is_seen_large_on_its_own_page(pages: Lab, plots: Plots) -> None:
    finished(pages)
    app = open_page("model")
    show(app, "attention:2")
    assert plots.figures["model_heads"].layout.yaxis.ticktext == ("layer 2",)
    plots.click("model_heads", x=1.1, y=0.0)
    app.run()
    assert app.title[0].value == "Where each head looks"
    assert app.segmented_control(key="attention_layer").value == 2
    assert app.segmented_control(key="attention_head").value == 2


def test_the_address_names_the_part(pages: Lab, plots: Plots) -> None:
    finished(pages)
    app = open_page("model", part="mlp:2")
    assert map_of(app)["chosen"] == "mlp:2" and not app.warning
    show(app, "probabilities")
    assert app.query_params["part"] in ("probabilities", ["probabilities"])
    assert "part is one of" in open_page("model", part="nose").warning[0].value


def test_a_link_to_a_part_shows_a_run_that_has_it(pages: Lab, plots: Plots) -> None:
    with_mlp = finished(pages, "transformer", name="deep")
    finished(pages, "bigram", name="table")  # the newest, which would be shown
    app = open_page("model", part="mlp:2")
    assert map_of(app)["chosen"] == "mlp:2" and not app.warning
    assert app.selectbox(key="model_run").value == with_mlp
    (other,) = open_page("model", part="mlp:2", run="table").warning
    assert "part is one of" in other.value  # the run that is named is the one that is shown
