"""Every colour of the lab, for light and for dark ground, and the scales made of them.

Owns: the meaning of each colour. Orange is the bigram model, blue is attention, green is the
transformer, on every page; grey is what was counted rather than learnt. The hues are those of
Okabe and Ito (https://jfly.uni-koeln.de/color/), which colour-blind people can tell apart. Their
lightness is moved where a line would otherwise fall below a contrast of 3:1 with the ground.

Must not know: Streamlit, Plotly, or which theme is on. The grounds and text colours here are
repeated in `lab/.streamlit/config.toml`, and a test holds the two together.

Scales are made in OKLab (https://bottosson.github.io/posts/oklab/), a space in which equal
distances look about equally large, so that equal steps of a number become equal steps to the eye.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from core.settings.config import MODEL_KINDS

ColorScale = list[tuple[float, str]]
"""Plotly's form of a scale: pairs of (position from 0 to 1, colour as #RRGGBB)."""

TRANSPARENT: Final = "rgba(0,0,0,0)"
"""As Plotly's Python knows it."""
HUES: Final = MappingProxyType({"bigram": "orange", "attention": "blue", "transformer": "green"})
"""The names under which Streamlit's theme has the colours of the models, and its Markdown too."""

READABLE: Final = 6.0
"""The least contrast of a character with its ground. https://www.w3.org/TR/WCAG22/ asks for 4.5,
which is measured on whole words; here each character has a ground of its own, and what is next to
it pulls the eye: dark ink on middling teal could be measured and not be read."""

_Lab = tuple[float, float, float]

_SCALE_STEPS: Final = 20  # Plotly fills in between in sRGB; this many steps hide the difference
_PALE_WEIGHT: Final = 0.60  # share of the model's colour in its paler variant; the rest is ground
_FADED_WEIGHT: Final = 0.40


@dataclass(frozen=True, kw_only=True)
class Palette:
    """The colours for one ground. All are strings of the form #RRGGBB."""

    ground: str
    """The page."""
    surface: str
    """Controls, code blocks, hover labels: one quiet step away from the ground."""
    border: str
    """Edges of surfaces."""
    text: str
    muted: str
    """Captions, axis labels, icons: text that may stand back, still 4.5:1."""
    grid: str
    """Grid lines, meant to be barely there."""
    reference: str
    """Computed reference lines and their labels: counted, not learnt."""
    accent: str
    """Primary buttons, sliders, focus. A neutral ink, since every hue already means a model."""
    lines: MappingProxyType[str, str]
    """Model kind to the colour of its lines and marks, at least 3:1 on the ground."""
    texts: MappingProxyType[str, str]
    """Model kind to the colour of words about it, at least 4.5:1 on the ground."""
    probability_anchors: tuple[str, ...]
    """Colours from the ground (improbable) to certain, lightness moving one way only."""
    difference_ends: tuple[str, str]
    """The colours of the most negative and the most positive difference."""
    heads: tuple[str, ...]
    """Heads side by side, at least 3:1 on the ground; never without the head's number or place.

    They were searched for: as far apart as eight colours can be in OKLab, also as seen by people
    who lack one kind of cone."""

    def model(self, kind: str) -> str:
        """The colour of a model's lines and marks. Raises ValueError for an unknown kind."""
        return self.lines[_known(kind)]

    def model_text(self, kind: str) -> str:
        """The colour of words about a model, dark or light enough to read."""
        return self.texts[_known(kind)]

    def model_pale(self, kind: str) -> str:
        """The paler variant for training losses, beside the strong line of validation."""
        return _mix(self.ground, self.model(kind), _PALE_WEIGHT)

    def model_faded(self, kind: str) -> str:
        """The faintest variant, for earlier runs kept in the background for comparison."""
        return _mix(self.ground, self.model(kind), _FADED_WEIGHT)

    def attention_scale(self, kind: str) -> ColorScale:
        """One hue from the ground (no attention) to the model's colour (all of it)."""
        return self.scale_to(self.model(kind))

    def scale_to(self, color: str) -> ColorScale:
        """Perceptually even, from the ground to a colour."""
        return _even_scale((self.ground, color))

    @property
    def probability_scale(self) -> ColorScale:
        """Perceptually even, from the ground at 0 to the strongest colour at 1."""
        return _even_scale(self.probability_anchors)

    @property
    def difference_scale(self) -> ColorScale:
        """Diverging: violet below, the ground at the middle, vermilion above.

        Use it with `zmid=0`, so that no difference looks like nothing.
        """
        negative, positive = self.difference_ends
        below = [(p / 2, c) for p, c in _even_scale((negative, self.ground))]
        above = [(0.5 + p / 2, c) for p, c in _even_scale((self.ground, positive))]
        return below + above[1:]

    @property
    def surprise_scale(self) -> ColorScale:
        """The colours of probability for its logarithm: strong where a model was sure (0 bits)."""
        colors = [color for _, color in reversed(self.probability_scale)]
        return [(place, color) for (place, _), color in zip(self.probability_scale, colors)]

    def with_ink(self, scale: ColorScale) -> list[tuple[str, str]]:
        """The colours of a scale, each with the ink in which characters can be read on it.

        Halfway up, a colour can be too dark for dark ink and too light for light ink; such a stop
        takes the colour of the nearest one that is not.
        """
        inks = (self.text, self.ground)
        pairs = [(color, max(inks, key=lambda ink: contrast(color, ink))) for _, color in scale]
        readable = [i for i, pair in enumerate(pairs) if contrast(*pair) >= READABLE]
        return [pairs[min(readable, key=lambda j: abs(i - j))] for i in range(len(pairs))]


def _known(kind: str) -> str:
    if kind not in MODEL_KINDS:
        raise ValueError(f"unknown model kind {kind!r}; expected one of {', '.join(MODEL_KINDS)}")
    return kind


def in_model_color(kind: str, markdown: str) -> str:
    """Markdown, in the colour of words about a model."""
    return f":{HUES[_known(kind)]}[{markdown}]"


def contrast(color: str, other: str) -> float:
    """From 1 to 21, after https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    darker, lighter = sorted((_luminance(color), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(color: str) -> str:
    """Black or white, whichever reads better on a colour: at least 4.5:1, whatever it is."""
    return max(("#000000", "#FFFFFF"), key=lambda ink: contrast(ink, color))


def _luminance(color: str) -> float:
    r, g, b = _linear_channels(color)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _linear_channels(color: str) -> tuple[float, ...]:
    """Red, green and blue of #RRGGBB as amounts of light, from 0 to 1."""
    return tuple(_to_linear(int(color[i : i + 2], 16) / 255) for i in (1, 3, 5))


# --- OKLab -----------------------------------------------------------------------------------


def _to_oklab(color: str) -> _Lab:
    """#RRGGBB to OKLab (L from 0 to 1; a and b around 0)."""
    r, g, b = _linear_channels(color)
    l_ = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    m_ = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    s_ = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * l_ + 0.7936177850 * m_ - 0.0040720468 * s_,
        1.9779984951 * l_ - 2.4285922050 * m_ + 0.4505937099 * s_,
        0.0259040371 * l_ + 0.7827717662 * m_ - 0.8086757660 * s_,
    )


def _to_hex(lab: _Lab) -> str:
    """OKLab to #RRGGBB, clipped to what a screen can show."""
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    channels = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _to_gamma(min(max(c, 0.0), 1.0))):02X}" for c in channels)


def _to_linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _to_gamma(channel: float) -> float:
    return 12.92 * channel if channel <= 0.0031308 else float(1.055 * channel ** (1 / 2.4) - 0.055)


def _between(start: _Lab, end: _Lab, share: float) -> _Lab:
    return (
        start[0] + share * (end[0] - start[0]),
        start[1] + share * (end[1] - start[1]),
        start[2] + share * (end[2] - start[2]),
    )


def _mix(ground: str, color: str, weight: float) -> str:
    """`weight` parts of `color` on (1 - weight) parts of `ground`, mixed as the eye would."""
    return _to_hex(_between(_to_oklab(ground), _to_oklab(color), weight))


@cache
def _even_stops(anchors: tuple[str, ...]) -> tuple[tuple[float, str], ...]:
    """Walk the anchors in OKLab and set down a colour after each equal stretch of the way."""
    points = [_to_oklab(anchor) for anchor in anchors]
    lengths = [math.dist(p, q) for p, q in pairwise(points)]
    total = sum(lengths)
    stops: list[tuple[float, str]] = [(0.0, anchors[0])]  # exact: the ground must not shift
    for step in range(1, _SCALE_STEPS):
        position, leg = total * step / _SCALE_STEPS, 0
        while position > lengths[leg]:
            position, leg = position - lengths[leg], leg + 1
        color = _to_hex(_between(points[leg], points[leg + 1], position / lengths[leg]))
        stops.append((step / _SCALE_STEPS, color))
    return (*stops, (1.0, anchors[-1]))


def _even_scale(anchors: Sequence[str]) -> ColorScale:
    return list(_even_stops(tuple(anchors)))


# --- the two grounds -------------------------------------------------------------------------

LIGHT: Final = Palette(
    ground="#FCFCFA",
    surface="#F2F3F0",
    border="#D3D8D4",
    text="#12181C",
    muted="#5B656D",
    grid="#E6E9E6",
    reference="#6A747B",
    accent="#34495A",
    lines=MappingProxyType(
        # Orange and green are a shade darker than Okabe and Ito's, for contrast with white.
        {"bigram": "#C87800", "attention": "#0072B2", "transformer": "#00966D"}
    ),
    texts=MappingProxyType({"bigram": "#8F5600", "attention": "#0069A5", "transformer": "#00704F"}),
    probability_anchors=("#FCFCFA", "#CFE5B4", "#6FC2A6", "#2A93A8", "#2D5F98", "#2B2A66"),
    difference_ends=("#5A3C98", "#B5430E"),
    heads=tuple("#3393ED #F35414 #34008B #AB0510 #B3748E #1054D6 #7D4A7D #61013B".split()),
)

DARK: Final = Palette(
    ground="#14181B",
    surface="#1E2428",
    border="#384147",
    text="#E5E8E9",
    muted="#9BA6AD",
    grid="#272E33",
    reference="#8E999F",
    accent="#5B788D",
    lines=MappingProxyType({"bigram": "#E69F00", "attention": "#4BA3DB", "transformer": "#1DB488"}),
    texts=MappingProxyType({"bigram": "#EBAE2B", "attention": "#62B2E6", "transformer": "#3CC29A"}),
    probability_anchors=("#14181B", "#3A3275", "#33638F", "#21948B", "#6CC56A", "#F6E96B"),
    difference_ends=("#B89CF5", "#F58A4E"),
    heads=tuple("#33C5B4 #F18D0E #B47CFD #CE3F0C #F0E412 #8146CB #32FBFC #058F92".split()),
)


def palette_for(theme_type: str | None) -> Palette:
    """The palette for Streamlit's `st.context.theme.type`; light while that is unknown."""
    return DARK if theme_type == "dark" else LIGHT
