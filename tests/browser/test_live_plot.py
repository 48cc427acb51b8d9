"""The live plot in a real browser: what no test on the server's side can see."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from lab.components.live_plot import PLOT_SCRIPT
from lab.components.saveable_picture import PICTURE_SCRIPT
from lab.figures.palette import DARK, LIGHT
from tests.helpers import ROOT

if TYPE_CHECKING:
    from tests.browser.conftest import NewPage, Serve, Window

pytestmark = pytest.mark.browser

MEGABYTE: Final = 1_000_000
MAX_BYTES_PER_TICK: Final = 100_000
CELLS: Final = 8  # the heat map's height and width
CONNECTED: Final = "element => element.isConnected"
RUNNING: Final = "[data-testid=stApp][data-test-script-state=running]"
N_RUNS: Final = 4

COMPONENTS: Final = {
    "live_plot": dict(
        figure='{"data": [], "layout": {}}', key="two", alt="Two", height_px=200, clickable=False
    ),
    "text_view": dict(
        prompt="To be", added="", probabilities=[], ranks=[], believed=[], offered=[],
        scale=[["#ffffff", "#000000"]], vocab_size=2, alt="Text", hint="", stand_ins={},
        is_past=False, choosable=False, marks=[],
    ),
    "saveable_picture": dict(svg="<svg/>", key="drawing"),
}  # fmt: skip
OVERTAKEN: Final = """async ([script, data]) => {
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const draw = (await import(address)).default;
  const parentElement = document.body.appendChild(document.createElement("div"));
  const call = () => draw({ parentElement, data, setTriggerValue() {} });
  const cleanUps = [call(), call()];
  const picture = parentElement.firstElementChild;
  cleanUps[0]();
  const overtaken = picture.isConnected && parentElement.childElementCount === 1;
  parentElement.remove();
  cleanUps[1]();
  return { overtaken, left: picture.parentElement !== null };
}"""

SCRIPT: Final = f"""
import time

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from lab.components.live_plot import live_plot
from lab.components.window import equip_window
from lab.figures.palette import palette_for


def live_page():
    st.title("Live")
    colors = palette_for(st.context.theme.type)
    st.button("Run again")

    @st.fragment(run_every=1.0)
    def tick():
        number = st.session_state.number = st.session_state.get("number", 0) + 1
        steps = np.arange(2000, dtype=np.float32)
        loss = (4 / (1 + steps / 100) + 0.1 * number).astype(np.float32)
        figure = go.Figure()
        for kind in ("bigram", "transformer"):
            figure.add_scatter(x=steps, y=loss, line={{"color": colors.model(kind)}}, name=kind)
        live_plot(figure, key="loss", alt="Loss by step")

        cells = np.arange({CELLS}**2, dtype=np.float32).reshape({CELLS}, {CELLS}) / 4
        heat = go.Figure(go.Heatmap(z=cells, colorscale=colors.attention_scale("transformer")))
        click = live_plot(heat, key="heat", alt="Cells", height_px=300, clickable=True)
        clicks = st.session_state.setdefault("clicks", [])
        if click is not None:
            clicks.append(click)
        st.text(f"tick {{number}}")
        st.text(f"clicks {{clicks}}")

    tick()
    first, second = st.tabs(["First", "Second"])
    with second:
        live_plot(heat_map_in_a_tab(), key="hidden", alt="In a tab")


def heat_map_in_a_tab():
    return go.Figure(go.Heatmap(z=np.eye(4, dtype=np.float32)))


def other_page():
    st.title("Other")
    live_plot(heat_map_in_a_tab(), key="other", alt="Elsewhere")


def slow_page():
    st.title("Slow")
    number = st.session_state.number = st.session_state.get("number", 0) + 1
    st.button("Run again")
    time.sleep(1.5)  # in which the reader presses the fragment's button
    st.text(f"page {{number}}")

    @st.fragment
    def part():
        live_plot(heat_map_in_a_tab(), key="slow", alt="Cells")
        pressed = st.session_state.pressed = st.session_state.get("pressed", -1) + 1
        st.button("Run a part")
        st.text(f"part {{pressed}}")

    part()


st.set_page_config(layout="wide")
equip_window()
pages = dict(Live=live_page, Other=other_page, Slow=slow_page)
st.navigation([st.Page(page, title=title) for title, page in pages.items()]).run()
"""


SERVER: Final = """
import streamlit as st

from lab.components.window import PLOTLY_ROUTE

app = st.App("plots.py", routes=[PLOTLY_ROUTE])
"""


@pytest.fixture(scope="module")
def url(serve: "Serve", tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("script")
    (folder / "plots.py").write_text(SCRIPT, encoding="utf-8")
    (folder / "serving.py").write_text(SERVER, encoding="utf-8")
    return serve(folder / "serving.py").url


@pytest.fixture
def window(url: str, new_page: "NewPage") -> "Window":
    return open_plots(new_page(), url)


def open_plots(window: "Window", url: str) -> "Window":
    window.open(url)
    for key in ("loss", "heat"):
        window.page.wait_for_selector(f".st-key-{key} .main-svg")
    return window


def tick_number(window: "Window") -> int:
    return int(window.page.get_by_text("tick ", exact=False).first.inner_text().split()[-1])


def wait_ticks(window: "Window", n_ticks: int) -> None:
    goal = tick_number(window) + n_ticks
    window.wait_until(lambda: tick_number(window) >= goal, f"tick {goal}")


def x_range(window: "Window") -> list[float]:
    script = "document.querySelector('.st-key-loss .js-plotly-plot')._fullLayout.xaxis.range"
    return [float(end) for end in window.page.evaluate(script)]


def first_value(window: "Window") -> float:
    script = "document.querySelector('.st-key-loss .js-plotly-plot')._fullData[0].y[0]"
    return float(window.page.evaluate(script))


def line_color(window: "Window") -> str:
    script = "document.querySelector('.st-key-loss .js-plotly-plot')._fullData[0].line.color"
    return str(window.page.evaluate(script))


def ground_color(window: "Window") -> str:
    script = "document.querySelector('.st-key-loss .js-plotly-plot')._fullLayout.paper_bgcolor"
    return str(window.page.evaluate(script))


def test_ticks_change_the_data_but_neither_element_nor_zoom(window: "Window") -> None:
    page = window.page
    element = page.query_selector(".st-key-loss .js-plotly-plot")
    drawing = page.query_selector(".st-key-loss .main-svg")
    area = page.locator(".st-key-loss .nsewdrag").bounding_box()
    assert element is not None and drawing is not None and area is not None

    # Slowly, so that ticks arrive in the middle of the drag.
    page.mouse.move(area["x"] + 100, area["y"] + 60)
    page.mouse.down()
    for pixels in range(0, 201, 20):
        page.mouse.move(area["x"] + 100 + pixels, area["y"] + 60 + pixels)
        page.wait_for_timeout(200)
    page.mouse.up()
    window.wait_until(lambda: x_range(window)[0] > 100, "the zoom")
    zoomed, before = x_range(window), first_value(window)

    wait_ticks(window, 5)
    window.wait_until(lambda: first_value(window) > before + 0.4, "five ticks in the plot")

    assert x_range(window) == zoomed
    assert element.evaluate(CONNECTED) and drawing.evaluate(CONNECTED)
    assert window.errors == []


def test_click_on_a_cell_arrives_once(window: "Window") -> None:
    area = window.page.locator(".st-key-heat .nsewdrag").bounding_box()
    assert area is not None
    column, row = 2, 5  # row 0 is at the bottom
    window.page.mouse.click(
        area["x"] + area["width"] * (column + 0.5) / CELLS,
        area["y"] + area["height"] * (1 - (row + 0.5) / CELLS),
    )
    clicks = window.page.get_by_text("clicks [")
    window.wait_until(lambda: "PlotClick" in clicks.inner_text(), "the click")
    wait_ticks(window, 2)

    z = (row * CELLS + column) / 4
    assert clicks.inner_text() == (
        f"clicks [PlotClick(x={column}, y={row}, z={z:g}, curve=0, customdata=None)]"
    )
    assert window.errors == []


def test_plotly_is_sent_once_and_ticks_are_small(url: str, new_page: "NewPage") -> None:
    window = new_page()
    page, scripts = window.page, []
    page.on("request", lambda request: scripts.append("plotly" in request.url))
    open_plots(window, url)
    wait_ticks(window, 1)
    start, start_tick = len(window.received_bytes), tick_number(window)
    wait_ticks(window, 5)
    n_ticks = tick_number(window) - start_tick
    bytes_per_tick = sum(window.received_bytes[start:]) / n_ticks
    print(f"{bytes_per_tick:.0f} bytes per tick over {n_ticks} ticks")
    assert 1_000 < bytes_per_tick < MAX_BYTES_PER_TICK

    page.get_by_role("button", name="Run again").click()
    wait_ticks(window, 1)
    page.get_by_role("link", name="Other").click()
    page.wait_for_selector(".st-key-other .main-svg")
    page.get_by_role("link", name="Live").click()
    page.wait_for_selector(".st-key-loss .main-svg")

    assert sum(scripts) == 1
    assert max(window.received_bytes) < MEGABYTE
    page.locator(".st-key-other").wait_for(state="detached")
    assert window.errors == []


def test_colors_follow_the_theme(url: str, new_page: "NewPage") -> None:
    dark = open_plots(new_page(color_scheme="dark"), url)
    assert (ground_color(dark), line_color(dark)) == (DARK.ground, DARK.model("bigram"))
    assert dark.errors == []
    dark.page.close()

    window = open_plots(new_page(color_scheme="light"), url)
    assert (ground_color(window), line_color(window)) == (LIGHT.ground, LIGHT.model("bigram"))
    plot = window.page.wait_for_selector(".st-key-loss .js-plotly-plot")
    window.page.emulate_media(color_scheme="dark")
    window.wait_until(lambda: ground_color(window) == DARK.ground, "the dark ground")
    window.wait_until(lambda: line_color(window) == DARK.model("bigram"), "the dark line")
    assert plot is not None and plot.evaluate(CONNECTED)
    assert window.errors == []


@pytest.mark.parametrize(("component", "data"), COMPONENTS.items())
def test_a_call_that_another_overtakes_leaves_the_picture_in_place(
    window: "Window", component: str, data: dict[str, Any]
) -> None:
    """Of two changes at once, of theme and data, Streamlit cleans up after the first, too late."""
    known = {"live_plot": PLOT_SCRIPT, "saveable_picture": PICTURE_SCRIPT}
    path = ROOT / "lab" / "components" / f"{component}.js"
    script = known.get(component) or path.read_text(encoding="utf-8")
    assert window.page.evaluate(OVERTAKEN, [script, data]) == {"overtaken": True, "left": False}
    assert window.errors == []


def test_no_plot_leaves_the_page_when_its_fragment_runs_right_after_the_page(
    url: str, new_page: "NewPage"
) -> None:
    """The fragment starts before the browser has heard of all that the page has drawn."""
    window = new_page()
    window.open(f"{url}/slow_page")
    plot = window.page.wait_for_selector(".st-key-slow .js-plotly-plot")
    for n_runs in range(2, 2 + N_RUNS):
        window.page.get_by_role("button", name="Run again").click()
        window.page.wait_for_selector(RUNNING)
        window.page.get_by_role("button", name="Run a part").click()
        window.page.get_by_text(f"page {n_runs}", exact=True).wait_for()
        window.page.get_by_text(f"part {2 * n_runs - 2}", exact=True).wait_for()
        assert plot is not None and plot.evaluate(CONNECTED)
    assert window.errors == []


def test_plot_in_a_hidden_tab_is_drawn_at_full_width(window: "Window") -> None:
    page = window.page
    assert page.locator(".st-key-hidden .main-svg").count() == 0
    page.get_by_role("tab", name="Second").click()
    drawing = page.locator(".st-key-hidden .main-svg").first

    def fills_its_place() -> bool:
        outer, inner = page.locator(".st-key-hidden").bounding_box(), drawing.bounding_box()
        assert outer is not None and inner is not None
        return abs(inner["width"] - outer["width"]) <= 1 and inner["height"] == outer["height"]

    window.wait_until(fills_its_place, "the full width")
    page.set_viewport_size({"width": 800, "height": 900})
    window.wait_until(lambda: (drawing.bounding_box() or {"width": 800})["width"] < 800, "narrow")
    window.wait_until(fills_its_place, "the new width")
    assert window.errors == []


def test_plot_has_a_name_for_readers_and_for_downloads(window: "Window") -> None:
    page = window.page
    page.get_by_role("img", name="Loss by step").wait_for()  # and there is but one
    page.locator(".st-key-loss .nsewdrag").hover()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the picture as PNG").first.click()
    assert download.value.suggested_filename == "loss.png"
    assert window.errors == []


def test_plotly_takes_no_room_on_the_page(window: "Window") -> None:
    """The components without a picture leave no empty row above the page's title."""
    page = window.page
    padding = "getComputedStyle(document.querySelector('.stMainBlockContainer')).paddingTop"
    title = page.get_by_role("heading", name="Live").bounding_box()
    assert title is not None
    assert title["y"] == pytest.approx(float(page.evaluate(padding).removesuffix("px")), abs=1)
