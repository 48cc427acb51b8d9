"""The picture of the model that the sliders describe: drawn from settings and text alone."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from core.models import count_params
from core.settings.config import ModelKind, RunConfig
from core.settings.presets import RECIPES, resolve
from core.text.corpus import Corpus
from core.training.parts import params_by_part
from lab.figures.model_picture import SMALL_PX, WIDTH_PX, model_picture
from lab.figures.model_text import COLUMNS, ROWS, Passage, sign_of_cell
from lab.figures.model_words import Described, picture_alt
from lab.figures.model_words import what_moved as moved_of
from lab.figures.palette import DARK, LIGHT, Palette, contrast
from lab.widgets.controls import SLIDERS

TEXT = "".join(f"speech {i}: what is said here is said once & <never> again\n" for i in range(40))
CORPUS = Corpus("made", TEXT)
PASSAGE = Passage.of(CORPUS)
SVG = "{http://www.w3.org/2000/svg}"
VALUES = {slider.name: slider.values for slider in SLIDERS}


def of(kind: ModelKind = "transformer", recipe: str = "classic", **flags: Any) -> RunConfig:
    return resolve(kind, len(CORPUS.vocabulary), None, flags, recipe)


def drawn(
    config: RunConfig, before: RunConfig | None = None, palette: Palette = LIGHT
) -> ElementTree.Element:
    return ElementTree.fromstring(
        model_picture(Described(config=config, before=before, passage=PASSAGE), palette)
    )


def boxes(svg: ElementTree.Element, fill: str) -> list[dict[str, str]]:
    return [rect.attrib for rect in svg.iter(f"{SVG}rect") if rect.get("fill") == fill]


def texts(svg: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in svg.iter(f"{SVG}text")]


def n_cells(svg: ElementTree.Element, fill: str) -> int:
    """How many cells of the text lie on this ground."""
    width = 6.7
    return round(sum(float(box["width"]) for box in boxes(svg, fill) if box["height"] == "13.00")
                 / width)  # fmt: skip


def what_moved(config: RunConfig, before: RunConfig | None) -> tuple[str, str]:
    return moved_of(Described(config=config, before=before, passage=PASSAGE))


# --- the text -------------------------------------------------------------------------------------


@pytest.mark.parametrize("block_size", VALUES["block_size"])
def test_as_much_text_lies_on_a_ground_as_a_guess_may_look_at(block_size: int) -> None:
    svg = drawn(of(block_size=block_size))
    assert n_cells(svg, LIGHT.model_faded("transformer")) == block_size
    assert n_cells(svg, LIGHT.model("transformer")) == 1  # the guess itself
    assert texts(svg)[0] == f"Block size {block_size}: so far back a guess may look"


def test_a_bigram_looks_at_one_character_whatever_its_block_size() -> None:
    for block_size in (4, 128):
        svg = drawn(of("bigram", block_size=block_size))
        assert n_cells(svg, LIGHT.model_faded("bigram")) == 1


def test_the_text_is_that_of_the_corpus_up_to_a_guess_within_a_word() -> None:
    assert len(PASSAGE.text) == COLUMNS * ROWS
    at = TEXT.index(PASSAGE.text) + len(PASSAGE.text) - 1
    assert TEXT[at - 2 : at + 2].isalpha()
    assert CORPUS.vocabulary.characters[PASSAGE.row] == PASSAGE.text[-2]
    lines = [text for text in texts(drawn(of(block_size=4))) if "␣" in text or "↵" in text]
    assert "".join(lines).replace("␣", " ").replace("↵", "\n") == PASSAGE.text[:-1]


@pytest.mark.parametrize("text", ["abab" * 20, "no\n" * 9, "日本" * 300])
def test_a_short_text_and_one_without_words_have_a_passage_too(text: str) -> None:
    passage = Passage.of(Corpus("short", text))
    assert passage.text in text and 1 < len(passage.text) <= COLUMNS * ROWS
    config = resolve("transformer", len(set(text)))
    svg = model_picture(Described(config=config, before=None, passage=passage), LIGHT)
    ElementTree.fromstring(svg)


def test_a_block_longer_than_there_is_room_for_is_said() -> None:
    svg = drawn(of(block_size=1024))
    shown = COLUMNS * ROWS - 1
    assert n_cells(svg, LIGHT.model_faded("transformer")) == shown
    assert texts(svg)[0] == f"Block size 1,024: here are the last {shown}"


def test_what_a_step_reads_stands_beside_it() -> None:
    assert "A step reads 12 x 64 = 768 characters" in texts(drawn(of()))


def test_nothing_in_a_text_is_markup_or_breaks_the_picture() -> None:
    corpus = Corpus("odd", "<script>alert(1)</script>&amp;\x1b\u0301\u200b\u00a0😀" * 30)
    config = resolve("transformer", len(corpus.vocabulary))
    described = Described(config=config, before=None, passage=Passage.of(corpus))
    svg = ElementTree.fromstring(model_picture(described, DARK))
    assert {element.tag for element in svg.iter()} == {f"{SVG}{t}" for t in ("svg", "rect", "text")}
    assert "<script>" in "".join(texts(svg))
    for cell in svg.iter(f"{SVG}text"):
        if places := cell.get("x", "").split()[1:]:  # a place for each UTF-16 unit
            assert len(places) + 1 == len("".join(cell.itertext()).encode("utf-16-le")) // 2


def test_each_character_has_a_sign_in_one_cell() -> None:
    assert [sign_of_cell(c) for c in "a \n\x1b\u0301"] == ["a", "␣", "↵", "␛", "⬚"]


# --- what is built on it --------------------------------------------------------------------------


@pytest.mark.parametrize(("n_layer", "n_head"), [(1, 1), (4, 4), (3, 8), (8, 16)])
def test_a_strand_for_each_head_in_each_layer_and_an_mlp_beside(n_layer: int, n_head: int) -> None:
    svg = drawn(of(n_layer=n_layer, n_head=n_head))
    strands = [b for b in boxes(svg, LIGHT.model("transformer")) if b["height"] != "13.00"]
    assert len({b["y"] for b in strands}) == n_layer and len(strands) == n_layer * n_head
    mlps = [b for b in boxes(svg, LIGHT.model_faded("transformer"))
            if b["stroke"] == LIGHT.model("transformer")]  # fmt: skip
    assert len(mlps) == n_layer


def test_twice_the_heads_are_half_as_wide() -> None:
    def pitch(n_head: int) -> float:
        strands = boxes(drawn(of(n_head=n_head)), LIGHT.model("transformer"))
        xs = sorted({float(b["x"]) for b in strands if b["height"] != "13.00"})
        return xs[1] - xs[0]

    assert pitch(8) == pytest.approx(pitch(4) / 2, abs=0.02)


def test_attention_has_one_layer_and_no_mlp_and_a_bigram_one_table() -> None:
    assert not any("MLP" in text for text in texts(drawn(of("attention"))))
    assert "1 layer: 4 heads x 32" in texts(drawn(of("attention")))
    V = len(CORPUS.vocabulary)
    bigram = texts(drawn(of("bigram")))
    assert f"One table, {V} x {V}" in bigram and f"{V * V:,} parameters" in bigram


def test_tables_of_n_grams_are_shown_where_there_are_some() -> None:
    assert any("4 n-gram tables" in text for text in texts(drawn(of(recipe="fastest"))))
    assert not any("n-gram" in text for text in texts(drawn(of(recipe="fast"))))


def test_shares_of_the_arithmetic_add_up() -> None:
    said = " ".join(texts(drawn(of())))
    shares = [int(share) for share in re.findall(r"· (\d+) %", said)]
    assert len(shares) == 4 and 98 <= sum(shares) <= 102


EXTREMES = [
    of(n_layer=8, n_embd=384, n_head=16, block_size=256),
    of(n_layer=1, n_embd=16, n_head=1, block_size=4),
    of(n_layer=8, n_embd=32, n_head=16),
    of(n_layer=48, n_embd=4096, n_head=64, block_size=4096, batch_size=4096),
    *(of(recipe=recipe) for recipe in RECIPES),
    of("attention", n_embd=384, n_head=16, block_size=256),
    of("bigram", block_size=256),
]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("nth", range(len(EXTREMES)))
def test_every_size_fits_and_can_be_read(nth: int, palette: Palette) -> None:
    config = EXTREMES[nth]
    changed = {"block_size": 8} | ({"n_head": 2} if config.model.n_head > 2 else {})
    before = resolve(config.model.model, config.model.vocab_size, None, changed)
    svg = drawn(config, before, palette)
    width, height = float(svg.attrib["width"]), float(svg.attrib["height"])
    assert width == WIDTH_PX and height <= 340
    for rect in svg.iter(f"{SVG}rect"):
        x, y, w, h = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height and w > 0 and h > 0
    for text in svg.iter(f"{SVG}text"):
        assert float(text.attrib["font-size"]) >= SMALL_PX
        assert contrast(text.attrib["fill"], palette.ground) >= 4.5 or text.text == "?"
        if len(places := text.attrib["x"].split()) == 1:
            size = float(text.attrib["font-size"])
            assert float(places[0]) + 0.5 * size * len("".join(text.itertext())) <= width + 20


# --- what moved -----------------------------------------------------------------------------------


def test_a_new_layer_and_new_heads_are_framed() -> None:
    frames = [boxes(drawn(now, of()), "none") for now in (of(n_layer=6), of(n_head=8), of())]
    assert [len(found) for found in frames] == [1, 1, 0]
    whole = float(frames[1][0]["height"])  # around the heads of all four layers
    assert float(frames[0][0]["height"]) < whole / 2  # around the last two of six


@pytest.mark.parametrize(
    ("flags", "n_marked", "dashed"),
    [({"block_size": 96}, 32, False), ({"block_size": 16}, 48, True)],
)
def test_the_text_that_came_or_went_has_a_line(
    flags: dict[str, int], n_marked: int, dashed: bool
) -> None:
    lines = [path.attrib for path in drawn(of(**flags), of()).iter(f"{SVG}path")]
    ends = [re.findall(r"[\d.]+", line["d"]) for line in lines]
    length = sum(float(to_x) - float(x) for x, _, to_x, _ in ends)
    assert round(length / 6.7) == n_marked
    assert {"stroke-dasharray" in line for line in lines} == {dashed}


def test_what_the_move_did_is_counted() -> None:
    wider = of(block_size=128)
    more = count_params(wider.model) - count_params(of().model)
    assert (
        more
        == 64 * 128
        == params_by_part(wider.model)["embeddings"] - (params_by_part(of().model)["embeddings"])
    )
    assert what_moved(wider, of()) == (
        "◆ block size 64 → 128", "+8,192 parameters; a step has 2.2 x the arithmetic",
    )  # fmt: skip
    assert what_moved(of(n_head=8), of()) == (
        "◆ heads 4 → 8", "each works on 16 of 128 numbers (was 32); all else stays",
    )  # fmt: skip
    assert what_moved(of(learning_rate=3e-3), of()) == (
        "◆ learning rate 0.001 → 0.003",
        "no parameter more or less; a step's arithmetic stays",
    )


def test_before_anything_moved_it_says_what_to_do() -> None:
    assert what_moved(of(), None)[1] == "Each head works on 32 of a character's 128 numbers"
    assert what_moved(of(), of()) == what_moved(of(), None)
    assert "No heads" in what_moved(of("bigram"), None)[1]


def test_it_is_said_in_words_too() -> None:
    said = picture_alt(Described(config=of(n_layer=1), before=None, passage=PASSAGE))
    assert said == (
        "64 characters of text lead to one guess; 1 layer of 4 heads x 32 = width 128, each with "
        "an MLP, on one residual stream"
    )
