"""Colours can be told from their ground, and Streamlit's theme agrees with the palette."""

import itertools
import tomllib
from typing import Any

import numpy as np
import pytest

from core.settings.config import MODEL_KINDS
from lab.figures.palette import (
    DARK,
    LIGHT,
    READABLE,
    ColorScale,
    Palette,
    in_model_color,
    palette_for,
)
from tests.helpers import ROOT

CONFIG_PATH = ROOT / "lab" / ".streamlit" / "config.toml"
THEMES = [pytest.param("light", LIGHT, id="light"), pytest.param("dark", DARK, id="dark")]


def relative_luminance(color: str) -> float:
    """From 0 for black to 1 for white (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance)."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(color: str, other: str) -> float:
    """From 1 (the same) to 21 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    darker, lighter = sorted((relative_luminance(color), relative_luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def colors(scale: ColorScale) -> list[str]:
    return [color for _, color in scale]


def theme_of(name: str) -> dict[str, Any]:
    theme: dict[str, Any] = tomllib.loads(CONFIG_PATH.read_text(encoding="utf-8"))["theme"][name]
    return theme


def test_contrast_of_black_on_white() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


@pytest.mark.parametrize(("name", "palette"), THEMES)
def test_lines_reach_3_to_1(name: str, palette: Palette) -> None:
    for color in [*map(palette.model, MODEL_KINDS), palette.reference, palette.accent]:
        assert contrast(color, palette.ground) >= 3


@pytest.mark.parametrize(("name", "palette"), THEMES)
def test_words_reach_4_5_to_1(name: str, palette: Palette) -> None:
    words = [*map(palette.model_text, MODEL_KINDS), palette.text, palette.muted, palette.reference]
    for color in words:
        assert contrast(color, palette.ground) >= 4.5
    assert contrast(palette.text, palette.surface) >= 4.5
    assert contrast(palette.muted, palette.surface) >= 4.5
    assert contrast("#FFFFFF", palette.accent) >= 4.5  # Streamlit's primary buttons


@pytest.mark.parametrize(("name", "palette"), THEMES)
def test_variants_fade_from_strong_to_faint(name: str, palette: Palette) -> None:
    for kind in MODEL_KINDS:
        variants = (palette.model(kind), palette.model_pale(kind), palette.model_faded(kind))
        strengths = [contrast(color, palette.ground) for color in variants]
        assert strengths == sorted(strengths, reverse=True)
        assert strengths[-1] > 1.2  # faint, but there


@pytest.mark.parametrize(("name", "palette"), THEMES)
def test_scales_run_from_the_ground_one_way(name: str, palette: Palette) -> None:
    for scale in [*map(palette.attention_scale, MODEL_KINDS), palette.probability_scale]:
        positions = [position for position, _ in scale]
        assert positions == sorted(positions) and (positions[0], positions[-1]) == (0, 1)
        strengths = [contrast(color, palette.ground) for color in colors(scale)]
        assert colors(scale)[0] == palette.ground
        assert all(weak < strong for weak, strong in itertools.pairwise(strengths))
    for kind in MODEL_KINDS:
        assert colors(palette.attention_scale(kind))[-1] == palette.model(kind)


@pytest.mark.parametrize(("name", "palette"), THEMES)
def test_difference_scale_is_the_ground_in_the_middle(name: str, palette: Palette) -> None:
    scale = palette.difference_scale
    assert scale[len(scale) // 2] == (0.5, palette.ground)
    assert (scale[0][0], scale[-1][0]) == (0, 1)
    ends = [contrast(color, palette.ground) for color in (colors(scale)[0], colors(scale)[-1])]
    assert max(ends) / min(ends) < 1.6  # neither sign looks like the stronger one


CONES = {
    "all": np.eye(3),
    "no red": np.array(
        [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]
    ),
    "no green": np.array(
        [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]
    ),
    "no blue": np.array(
        [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]]
    ),
}
"""What is left of red, green and blue light without a kind of cone. Machado et al. 2009,
https://www.inf.ufrgs.br/~oliveira/pubs_files/CVD_Simulation/CVD_Simulation.html."""


def seen_with(cones: str, color: str) -> np.ndarray[Any, Any]:
    """A colour in OKLab, as somebody sees it."""
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    light = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    light = (CONES[cones] @ light).clip(0, 1)
    to_cones = [[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]]
    to_lab = [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    return np.array(to_lab) @ np.cbrt(np.array(to_cones) @ light)


@pytest.mark.parametrize("cones", CONES)
@pytest.mark.parametrize(("name", "palette"), THEMES)
def test_heads_can_be_told_apart_by_everybody(name: str, palette: Palette, cones: str) -> None:
    assert len(palette.heads) == 8
    assert all(contrast(color, palette.ground) >= 3 for color in palette.heads)
    seen = [seen_with(cones, color) for color in palette.heads]
    nearest = min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))
    assert nearest > 0.14


@pytest.mark.parametrize(("name", "palette"), THEMES)
def test_streamlit_theme_agrees_with_the_palette(name: str, palette: Palette) -> None:
    theme = theme_of(name)
    assert theme["backgroundColor"] == palette.ground
    assert theme["secondaryBackgroundColor"] == palette.surface
    assert theme["textColor"] == palette.text
    assert theme["borderColor"] == palette.border
    assert theme["primaryColor"] == palette.accent
    assert theme["grayTextColor"] == palette.muted
    assert theme["chartCategoricalColors"] == list(map(palette.model, MODEL_KINDS))
    # Words in Streamlit's orange, blue and green are words about the three models.
    for kind in MODEL_KINDS:
        hue = in_model_color(kind, "word").partition("[")[0].removeprefix(":")
        assert theme[f"{hue}Color"] == palette.model(kind)
        assert theme[f"{hue}TextColor"] == palette.model_text(kind)


@pytest.mark.parametrize(("name", "palette"), THEMES)
def test_chart_colors_are_ten_stops_of_the_scales(name: str, palette: Palette) -> None:
    theme = theme_of(name)
    differences = colors(palette.difference_scale)
    assert theme["chartSequentialColors"] == colors(palette.probability_scale)[2::2]
    assert theme["chartDivergingColors"] == differences[:20:4] + differences[24::4]
    assert len(theme["chartSequentialColors"]) == len(theme["chartDivergingColors"]) == 10


def test_palette_for_unknown_theme_is_light() -> None:
    assert palette_for(None) is LIGHT
    assert palette_for("light") is LIGHT
    assert palette_for("dark") is DARK


def test_unknown_model_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'lstm'.*bigram, attention, transformer"):
        LIGHT.model("lstm")


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_little_surprise_is_a_strong_colour_and_every_ink_can_be_read(palette: Palette) -> None:
    scale = palette.surprise_scale
    places = [place for place, _ in scale]
    assert places == sorted(places) and (places[0], places[-1]) == (0.0, 1.0)
    assert scale[-1][1] == palette.ground and scale[0][1] == palette.probability_anchors[-1]
    for used in (scale, palette.difference_scale):
        pairs = palette.with_ink(used)
        assert len(pairs) == len(used)
        assert all(contrast(color, ink) >= READABLE for color, ink in pairs)
