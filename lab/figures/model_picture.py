"""The model that the sliders describe: what one guess may look at, and what is built above it.

Settings and a stretch of real text in, SVG text out. Every number in it is counted from the
settings: parameters in the model's own modules, and the share of a step's arithmetic. Widths and
heights grow with what they stand for; within one picture, the area of heads and of MLPs is in
proportion to their parameters. What differs from the settings before is marked. The width is that
of the residual stream, which heads and MLPs read and add to on the way from embeddings to head.
"""

from __future__ import annotations

from core.training.parts import PartName, params_by_part, step_flops_by_part
from lab.figures import svg
from lab.figures.model_text import ROW_PX, ROWS, sign_of_cell, text_cells
from lab.figures.model_words import Described, counted, layers_in_words, seen_by, what_moved
from lab.figures.palette import Palette
from lab.wording.words import count, short_count

WIDTH_PX = 330
SMALL_PX = 11.0
_TEXT_Y = 20.0
_STACK_PX = 78
_LAYER_PX = 32
_WIDEST_PX, _WIDEST_EMBD = 104.0, 384
_LEFT, _MLP_X = 2.0, 118.0


def model_picture(described: Described, palette: Palette) -> str:
    """The picture of a model as SVG text, `WIDTH_PX` wide."""
    is_table = described.config.model.model == "bigram"
    top = _TEXT_Y + ROWS * ROW_PX + 24
    parts = _window(described, palette)
    more, bottom = (_table if is_table else _stack)(described, palette, top)
    note = _note(described, palette, bottom + 16)
    height = bottom + 54
    ground = svg.box(0, 0, WIDTH_PX, height, fill=palette.ground, radius=0)
    return svg.drawing(WIDTH_PX, height, [ground, *parts, *more, *note])


# --- the text -------------------------------------------------------------------------------------


def _window(described: Described, palette: Palette) -> list[str]:
    """What one guess may look at, and what a step reads."""
    config, before = described.config, described.before
    n_seen = seen_by(config)
    n_before = seen_by(before) if before else n_seen
    n_sequences, block_size = config.train.batch_size, config.model.block_size
    n_characters = n_sequences * block_size
    reads = f"A step reads {n_sequences:,} x {block_size:,} = {n_characters:,} characters"
    return [
        _title(described, palette),
        *text_cells(described.passage, n_seen, n_before, config.model.model, palette, _TEXT_Y),
        svg.words(0, _TEXT_Y + ROWS * ROW_PX + 15, reads, palette.muted),
    ]


def _title(described: Described, palette: Palette) -> str:
    model, shown = described.config.model, len(described.passage.text) - 1
    mark = "◆ " if "block_size" in described.moved else ""
    said = f"{mark}Block size {model.block_size:,}: so far back a guess may look"
    if model.model == "bigram":
        said = "A bigram looks back 1 character"
    elif model.block_size > shown:
        said = f"{mark}Block size {model.block_size:,}: here are the last {shown:,}"
    return svg.words(0, 12, said, palette.text, bold=True)


# --- what is built on it --------------------------------------------------------------------------


def _stack(described: Described, palette: Palette, top: float) -> tuple[list[str], float]:
    """Heads and MLPs, layer by layer from the text down to the guess; and where it ends."""
    model, has_mlp = described.config.model, described.config.model.has("mlp")
    parts = _row("embeddings", "embeddings", described, palette, top)
    parts.append(svg.words(0, top + 30, layers_in_words(described), palette.text, bold=True))
    if model.n_layer:
        parts.append(_holding(0, top + 45, "attention", "heads", described, palette))
    if has_mlp:
        parts.append(_holding(_MLP_X, top + 45, "mlp", "MLPs", described, palette))
    y = top + 54
    pitch = min(_LAYER_PX, _STACK_PX / max(1, model.n_layer)) if has_mlp else _STACK_PX
    for layer in range(model.n_layer):
        parts += _layer(described, palette, y + layer * pitch, pitch - min(3.0, pitch / 3))
    parts += _marks(described, palette, y, pitch)
    y += _STACK_PX + 2
    # Tied, its matrix is that of the embeddings, and counted there.
    tied = model.has("tied")
    out = "output head (tied weights)" if tied else "output head"
    parts += _row("head", out, described, palette, y)
    if model.ngrams:
        y += 16
        parts += _row("tables", counted(model.ngrams - 1, "n-gram table"), described, palette, y)
    return parts, y + 12


def _layer(described: Described, palette: Palette, y: float, height: float) -> list[str]:
    """One layer: a strand for each head, and the MLP beside them."""
    model, color = described.config.model, palette.model(described.config.model.model)
    width = _width_px(model.n_embd)
    pitch = width / model.n_head
    gap = min(2.0, pitch / 3)
    parts = [
        svg.box(_LEFT + head * pitch, y, pitch - gap, height, fill=color, radius=1)
        for head in range(model.n_head)
    ]
    if model.has("mlp"):
        pale = palette.model_faded(model.model)
        parts.append(svg.box(_MLP_X, y, 2 * width, height, fill=pale, stroke=color))
    return parts


def _marks(described: Described, palette: Palette, y: float, pitch: float) -> list[str]:
    """A frame around what was moved, a dashed line where a width ended before."""
    model, before, moved = described.config.model, described.before, described.moved
    if before is None:
        return []
    width, height = _width_px(model.n_embd), model.n_layer * pitch
    has_mlp = model.has("mlp")
    right = _MLP_X + 2 * width if has_mlp else _LEFT + width
    frames = []
    if "n_head" in moved:
        frames.append((y, _LEFT + width, height))
    if model.n_layer > before.model.n_layer:
        first = before.model.n_layer * pitch
        frames.append((y + first, right, height - first))
    parts = [svg.box(0, at - 2.5, to + 2, high + 2, stroke=palette.text) for at, to, high in frames]
    if "n_embd" in moved:
        old = _width_px(before.model.n_embd)
        for x in (_LEFT + old, _MLP_X + 2 * old)[: 1 + has_mlp]:
            parts.append(svg.line(x, y - 3, x, y + height, palette.text, width=1.5, dashed=True))
    return parts


def _width_px(n_embd: int) -> float:
    """How wide a model is drawn: less than twice for twice as much, so that all sizes have room."""
    return float(_WIDEST_PX * min(1.0, (n_embd / _WIDEST_EMBD) ** 0.4))


def _holding(
    x: float, y: float, part: PartName, said: str, described: Described, palette: Palette
) -> str:
    """What the parts of one column hold and do together."""
    n_numbers, share = _holds(part, described)
    return svg.words(x, y, f"{said} {n_numbers} · {share}", palette.muted, size=SMALL_PX)


def _row(
    part: PartName, said: str, described: Described, palette: Palette, y: float
) -> list[str]:  # fmt: skip
    """A thin bar with what it is and holds beside it."""
    config = described.config
    width = _width_px(config.model.n_embd)
    color = palette.model_pale(config.model.model)
    n_numbers, share = _holds(part, described)
    text = f"{said} {n_numbers} · {share}"
    return [
        svg.box(_LEFT, y + 1, width, 8, fill=color),
        svg.words(_LEFT + width + 6, y + 9, text, palette.muted, size=SMALL_PX),
    ]


def _holds(part: PartName, described: Described) -> tuple[str, str]:
    """Parameters of a part with a sign for more or fewer than before, and its share of a step."""
    params = params_by_part(described.config.model)[part]
    old = params_by_part(described.before.model).get(part, 0) if described.before else params
    sign = "▲ " if params > old else "▼ " if params < old else ""
    flops = step_flops_by_part(described.config)
    share = flops[part] / max(1, sum(flops.values()))
    short = f"{params / 1e3:.0f} k" if 1e5 <= params < 5e5 else short_count(params)
    return f"{sign}{short}", f"{100 * share:.0f} %"


def _table(described: Described, palette: Palette, top: float) -> tuple[list[str], float]:
    """A bigram: one square of numbers, with the row of the character that was seen last."""
    V = described.config.model.vocab_size
    size, n_lines = 110.0, min(V, 26)
    color = palette.model("bigram")
    parts = [svg.box(0, top, size, size, fill=palette.model_faded("bigram"), stroke=color)]
    for i in range(1, n_lines):
        at = size * i / n_lines
        parts.append(svg.line(at, top, at, top + size, palette.ground, width=0.7))
        parts.append(svg.line(0, top + at, size, top + at, palette.ground, width=0.7))
    row_y = top + size * described.passage.row / V
    parts.append(svg.box(0, row_y, size, max(3.0, size / V), fill=color, radius=0))
    seen = sign_of_cell(described.passage.text[-2])
    says = (
        (f"One table, {V:,} x {V:,}", True),
        (f"{count(params_by_part(described.config.model)['table'])} parameters", False),
        (f"The row of ‘{seen}’ is marked:", False),
        (f"a number for each of the {V:,}", False),
        ("characters that may follow.", False),
        ("Looked up, so no arithmetic.", False),
    )
    for i, (said, bold) in enumerate(says):
        color = palette.text if bold else palette.muted
        parts.append(svg.words(size + 14, top + 12 + 18 * i, said, color, bold=bold))
    return parts, top + size


# --- what was moved -----------------------------------------------------------------------


def _note(described: Described, palette: Palette, y: float) -> list[str]:
    """What was moved, and how to read the numbers."""
    moves, effects = what_moved(described)
    legend = "k, M: parameters · %: share of a step's arithmetic"
    return [
        svg.words(0, y, moves, palette.model_text(described.config.model.model), bold=True),
        svg.words(0, y + 16, effects, palette.text),
        svg.words(0, y + 32, legend, palette.muted, size=SMALL_PX),
    ]
