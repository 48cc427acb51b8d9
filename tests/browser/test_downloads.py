"""What a reader downloads from a chart: the numbers that Python drew, and pictures that open."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
import pytest

from core.interpretability.attention import attention_weights
from core.runs.lab import Lab
from core.text.characters import sign_of
from lab.components.live_plot import PLOT_SCRIPT
from lab.figures.embeddings import characters_figure
from lab.figures.heatmaps import head_figure, heads_figure, looks_figure
from lab.figures.inside import lens_figure, numbers_figure
from lab.figures.palette import DARK, LIGHT
from lab.figures.transitions import difference_figure, transitions_figure
from tests.browser.conftest import NewPage, Server, Window, born_server
from tests.helpers import add_corpus, play, trained

if TYPE_CHECKING:
    from playwright.sync_api import Download

pytestmark = pytest.mark.browser

CSV_OF: Final = """async ([script, figure]) => {
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const { csvOf, tableOf } = await import(address);
  return csvOf(tableOf(JSON.parse(figure)));
}"""
TEXT: Final = 'To be, or "not"'
NASTY: Final = '=a\n,"'


@pytest.fixture(scope="module")
def filled_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Lab]]:
    """A lab with one run, and its server."""
    home: Path = tmp_path_factory.mktemp("filled") / "lab-home"
    lab = Lab(home)
    corpus = add_corpus(lab, "tiny", play(4_000) + TEXT)
    trained(lab, corpus, "transformer", name="a name, with spaces", max_iters=40)
    with born_server(home) as server:
        yield server, lab


@pytest.fixture(scope="module")
def blank(browser: Any) -> Iterator[Any]:
    """An empty page, in which a script can be tried by itself."""
    page = browser.new_page()
    yield page
    page.close()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def table(blank: Any, figure: go.Figure) -> list[dict[str, str]]:
    return rows_of(blank.evaluate(CSV_OF, [PLOT_SCRIPT, figure.to_json()]))


def downloaded(window: Window, key: str, kind: str) -> Download:
    """Press the button of a chart, as a keyboard does."""
    window.page.wait_for_selector(f".st-key-{key} .main-svg")
    window.wait_idle()
    button = window.page.locator(f'.st-key-{key} [data-title$="as {kind}"]')
    button.focus()
    with window.page.expect_download() as download:
        window.page.keyboard.press("Enter")
    return download.value


def content(download: Download) -> bytes:
    return Path(download.path()).read_bytes()


# --- the numbers of a figure ----------------------------------------------------------------------


def attention(n_layers: int = 1, n_heads: int = 1, n_characters: int = 5) -> np.ndarray[Any, Any]:
    """Some weights (L, H, T, T), one of which is nothing at all."""
    dice = np.random.default_rng(3)
    weights = np.tril(dice.random((n_layers, n_heads, n_characters, n_characters)) ** 9)
    weights[..., 3, 1] = 0.0
    shares: np.ndarray[Any, Any] = weights / weights.sum(axis=-1, keepdims=True)
    return shares.astype(np.float32)


@pytest.mark.parametrize("scale", ["share", "even"])
def test_a_map_of_one_head_gives_the_shares_and_not_their_colours(blank: Any, scale: Any) -> None:
    weights = attention()[0, 0]
    rows = table(blank, head_figure(weights, NASTY, (0, 0), "attention", LIGHT, scale))
    assert list(rows[0]) == [
        "query place", "query", "key place", "key", "share of the weight",
    ]  # fmt: skip
    assert len(rows) == 15  # nothing of what lies ahead
    for row in rows:
        i, j = int(row["query place"]) - 1, int(row["key place"]) - 1
        assert float(row["share of the weight"]) == pytest.approx(weights[i, j], rel=2e-5)
    signs = dict.fromkeys(row["query"] for row in rows)
    assert [*signs] == ["'=", "a", "↵", ",", '"']  # no formula, to be seen, quoted


def test_a_map_of_all_heads_gives_what_is_drawn(blank: Any) -> None:
    weights = attention(2, 3, 6)
    no_words = [[""] * 3] * 2
    for scale, name in (("share", "share of the weight"), ("even", "times an even share")):
        figure = heads_figure(weights, no_words, no_words, (0, 0), "attention", LIGHT, scale)  # type: ignore[arg-type]
        rows = table(blank, figure)
        assert len(rows) == 2 * 3 * 21
        for row in rows:
            names = ("layer", "head", "query place", "key place")
            layer, head, i, j = (int(row[n]) - 1 for n in names)
            expected = weights[layer, head, i, j] * (1 if scale == "share" else i + 1)
            assert float(row[name]) == pytest.approx(expected, rel=2e-5)


def test_bars_and_tables_give_their_numbers_too(blank: Any) -> None:
    weights = attention()[0, 0]
    rows = table(blank, looks_figure(weights[4], weights[3], NASTY, "attention", LIGHT))
    assert list(rows[0]) == ["series", "key place", "key", "share"]
    found = [float(row["share"]) for row in rows if row["series"] == "this head"]
    assert found == pytest.approx(weights[4].tolist(), rel=1e-6)
    learned = attention(n_characters=5)[0, 0]
    rows = table(blank, transitions_figure(learned, "ab\n =", "learned", 0, LIGHT))
    values = [float(row["probability, learned"]) for row in rows]
    np.testing.assert_allclose(values, learned.ravel(), rtol=2e-5)
    rows = table(blank, difference_figure(learned, learned.T, "ab\n =", 0, LIGHT))
    values = [float(row["learned less counted"]) for row in rows]
    np.testing.assert_allclose(values, (learned - learned.T).ravel(), rtol=2e-5, atol=1e-9)
    assert [row["there"] for row in rows[::5]] == ["a", "b", "↵", "␣", "'="]


def test_pictures_of_the_inside_give_numbers_and_what_is_written_in_them(blank: Any) -> None:
    values = np.array([[-1.5, 0.25, 3.0], [0.5, -0.125, 1.0]], np.float32)
    rows = table(blank, numbers_figure(values, "t\n", "number of the vector", LIGHT))
    assert list(rows[0].values()) == ["1", "t", "1", "-1.5"]
    assert list(rows[-1].values()) == ["2", "↵", "3", "1"]
    sure = np.array([[0.25, 0.5], [0.125, 1.0]], np.float32)
    rows = table(blank, lens_figure(["ab", "c<"], sure, "t\n", "x", LIGHT))
    assert [list(row.values()) for row in rows] == [
        ["layer 1", "1", "t", "0.25", "a"], ["layer 1", "2", "↵", "0.5", "b"],
        ["layer 2", "1", "t", "0.125", "c"], ["layer 2", "2", "↵", "1", "<"],
    ]  # fmt: skip
    xy = np.array([[0.5, 1.0], [2.0, -1.0]], np.float32)
    rows = table(blank, characters_figure(xy, (0.5, 0.25), "a<", 1, [0], LIGHT))
    assert [list(row.values())[1:] for row in rows] == [["0.5", "1", "a"], ["2", "-1", "<"]]


def test_text_is_quoted_and_no_formula_and_numbers_stay_numbers(blank: Any) -> None:
    texts = ["=1+1", "@x", "-y", 'say "a, b"', "plain"]
    figure = go.Figure(go.Scatter(x=texts, y=[-1, 2.5, 1e-9, 0, 7], name="one &lt;b&gt;"))
    figure.add_scatter(x=["é␣"], y=[np.nan], name="two")
    figure.update_layout(xaxis_title="what<br>it is", yaxis_title="loss (nats)")
    text = blank.evaluate(CSV_OF, [PLOT_SCRIPT, figure.to_json()])
    assert text == (
        "series,what it is,loss (nats)\r\n"
        "one <b>,'=1+1,-1\r\none <b>,'@x,2.5\r\none <b>,'-y,1e-9\r\n"
        'one <b>,"say ""a, b""",0\r\none <b>,plain,7\r\ntwo,é␣,\r\n'
    )


# --- what arrives ---------------------------------------------------------------------------------


def test_the_map_of_a_head_arrives_as_the_numbers_of_the_model(
    filled_lab: tuple[Server, Lab], new_page: NewPage
) -> None:
    server, lab = filled_lab
    (run,) = lab.runs()
    loaded = lab.model(run)
    seen = TEXT[-run.config.model.block_size :]
    weights = attention_weights(loaded.model, loaded.vocabulary, TEXT)[1, 0]
    window = new_page()
    address = "run=a+name%2C+with+spaces&layer=2&text=To+be%2C+or+%22not%22"
    window.open(f"{server.url}/attention?{address}")
    download = downloaded(window, "attention_one_head", "CSV")
    assert download.suggested_filename == "a-name-with-spaces-attention_one_head.csv"
    rows = rows_of(content(download).decode())
    assert len(rows) == len(seen) * (len(seen) + 1) // 2
    for row in rows:
        i, j = int(row["query place"]) - 1, int(row["key place"]) - 1
        assert (row["query"], row["key"]) == (sign_of(seen[i]), sign_of(seen[j]))
        assert float(row["share of the weight"]) == pytest.approx(float(weights[i, j]), rel=1e-4)
    assert window.errors == []


def test_the_loss_curve_arrives_as_the_numbers_of_the_registry(
    filled_lab: tuple[Server, Lab], new_page: NewPage
) -> None:
    server, lab = filled_lab
    (run,) = lab.runs()
    window = new_page()
    window.open(f"{server.url}/train?run=a+name%2C+with+spaces")
    rows = rows_of(content(downloaded(window, "loss", "CSV")).decode())
    name = "loss (nats per character)"
    found = {int(row["steps"]): float(row[name]) for row in rows if "validation" in row["series"]}
    expected = {e.step: e.val_loss_nats for e in lab.store.estimates(run.id)}
    assert found == pytest.approx(expected, rel=1e-6) and len(found) > 2
    batches = [float(row[name]) for row in rows if "batches" in row["series"]]
    assert batches == pytest.approx([s.loss_nats for s in lab.store.steps(run.id)], rel=1e-6)
    assert any(row["series"] == "bigram, counted" for row in rows)
    assert window.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_open_and_have_the_ground_of_the_page(
    filled_lab: tuple[Server, Lab], new_page: NewPage, scheme: str
) -> None:
    server, _ = filled_lab
    ground = {"light": LIGHT, "dark": DARK}[scheme].ground
    window = new_page(color_scheme=scheme)
    window.open(f"{server.url}/attention")
    drawn = window.page.locator(".st-key-attention_all_heads .main-svg").first.bounding_box()
    assert drawn is not None
    svg = content(downloaded(window, "attention_all_heads", "SVG"))
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (float(root.attrib["width"]), float(root.attrib["height"])) == pytest.approx(
        (drawn["width"], drawn["height"]), abs=1
    )
    assert "layer 1" in "".join(root.itertext())
    png = content(downloaded(window, "attention_all_heads", "PNG"))
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    seen = window.page.evaluate(FIRST_DOT, list(png))
    assert seen["size"] == [round(2 * float(root.attrib[side])) for side in ("width", "height")]
    assert seen["color"] == [int(ground[i : i + 2], 16) for i in (1, 3, 5)] + [255]
    assert window.errors == []


FIRST_DOT: Final = """async (bytes) => {
  const image = await createImageBitmap(new Blob([Uint8Array.from(bytes)]));
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const color = [...context.getImageData(0, 0, 1, 1).data];
  return { size: [image.width, image.height], color };
}"""


def test_a_drawing_is_saved_as_it_stands(filled_lab: tuple[Server, Lab], new_page: NewPage) -> None:
    server, _ = filled_lab
    window = new_page()
    window.open(f"{server.url}/train?run=a+name%2C+with+spaces")
    window.page.wait_for_selector(".st-key-model_picture img")
    for kind in ("SVG", "PNG"):
        button = window.page.get_by_role("button", name=f"Download the picture as {kind}").first

        def is_seen() -> bool:
            """What has the focus can be seen; a page that is still drawn may take it away."""
            button.focus()  # noqa: B023
            opacity = "button => getComputedStyle(button.parentElement).opacity"
            return bool(button.evaluate(opacity) == "1")  # noqa: B023

        window.wait_until(is_seen, "the button that has the focus")
        with window.page.expect_download() as download:
            window.page.keyboard.press("Enter")
        assert download.value.suggested_filename == f"a-name-with-spaces-model.{kind.lower()}"
        if kind == "SVG":
            root = ElementTree.fromstring(content(download.value))
            assert "Block size" in "".join(root.itertext())
        else:
            seen = window.page.evaluate(FIRST_DOT, list(content(download.value)))
            assert seen["size"] == [round(2 * float(root.attrib[s])) for s in ("width", "height")]
            assert seen["color"] == [int(LIGHT.ground[i : i + 2], 16) for i in (1, 3, 5)] + [255]
    assert window.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_of_a_model_is_saved_as_it_stands(
    filled_lab: tuple[Server, Lab], new_page: NewPage, scheme: str
) -> None:
    server, _ = filled_lab
    window = new_page(color_scheme=scheme)
    window.open(f"{server.url}/model?run=a+name%2C+with+spaces")
    part = window.page.locator(".st-key-model_map .part").first
    part.wait_for()
    window.wait_idle()
    titles = window.page.locator(".st-key-model_map .title").all_inner_texts()
    files = {}
    for kind in ("SVG", "PNG", "CSV"):
        button = window.page.locator(f".st-key-model_map .save [title$='as {kind}']")
        button.focus()
        assert button.evaluate("button => getComputedStyle(button.parentElement).opacity") == "1"
        with window.page.expect_download() as download:
            window.page.keyboard.press("Enter")
        assert download.value.suggested_filename == f"a-name-with-spaces-model_map.{kind.lower()}"
        files[kind] = content(download.value)
    root = ElementTree.fromstring(files["SVG"])
    said = {"".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert set(titles) <= said and len(titles) > 8
    n_pictures = window.page.locator(".st-key-model_map canvas").count()
    assert len(list(root.iter("{http://www.w3.org/2000/svg}image"))) == n_pictures > 5
    seen = window.page.evaluate(FIRST_DOT, list(files["PNG"]))
    ground = {"light": LIGHT, "dark": DARK}[scheme].ground
    assert seen["color"] == [int(ground[i : i + 2], 16) for i in (1, 3, 5)] + [255]
    assert [row["part"] for row in rows_of(files["CSV"].decode())] == titles
    assert window.errors == []


def test_the_buttons_of_a_chart_lie_below_its_axis(
    filled_lab: tuple[Server, Lab], new_page: NewPage
) -> None:
    """At the top they would cover legends, labels and the ends of bars."""
    server, _ = filled_lab
    window = new_page()
    window.open(f"{server.url}/corpus")
    chart = window.page.locator(".js-plotly-plot:has(.modebar)").last
    chart.scroll_into_view_if_needed()
    window.wait_idle()
    plot, buttons = (chart.locator(part).bounding_box() for part in (".nsewdrag", ".modebar"))
    assert plot and buttons
    assert buttons["y"] >= plot["y"] + plot["height"]
