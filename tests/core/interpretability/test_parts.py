"""What is switched off adds nothing, everything else stays, and names are read as they are said."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.errors import ConfigError
from core.generation.decoding import decoder_of
from core.interpretability.parts import Part, attention_of, part_named, parts_of, without
from core.models import LanguageModel, build_model
from core.models.attention import AttentionModel
from core.models.modern import ModernTransformer
from core.models.transformer import Transformer
from core.settings.presets import resolve
from core.training.evaluation import windows_loss

V, T = 7, 12
SHAPE = dict(block_size=T, n_layer=2, n_head=2, n_embd=8)
HOW = {
    "attention": ("attention", "classic", dict(block_size=T, n_head=2, n_embd=8)),
    "classic": ("transformer", "classic", SHAPE),
    "biases": ("transformer", "classic", SHAPE | dict(bias=True)),
    "fast": ("transformer", "fast", SHAPE),
    "fastest": ("transformer", "fastest", SHAPE | dict(ngrams=3)),
}


def some_model(name: str) -> LanguageModel:
    """With weights so large that every part matters."""
    kind, recipe, flags = HOW[name]
    model = build_model(resolve(kind, V, None, flags, recipe).model, seed=1).eval()  # type: ignore[arg-type]
    dice = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.4 * torch.randn(parameter.shape, generator=dice)
    return model


def windows(n: int = 5) -> Tensor:
    return torch.randint(V, (n, T + 1), generator=torch.Generator().manual_seed(3))


def loss_by_hand(model: LanguageModel, off: Part) -> float:
    """The classic forward pass written out, with what the part adds set to zero in it."""
    assert isinstance(model, (AttentionModel, Transformer))
    inputs, targets = windows()[:, :-1], windows()[:, 1:]
    H, D = model.config.n_head, model.config.head_size
    x = model.token_embedding(inputs)
    if off.kind != "positions":
        x = x + model.position_embedding.weight[:T]
    layers = model.blocks if isinstance(model, Transformer) else [model]
    for number, layer in enumerate(layers, 1):
        here = layer.attention
        seen = layer.norm_1(x) if isinstance(model, Transformer) else x
        q, k, v = here.query_key_value(seen).view(-1, T, 3, H, D).permute(2, 0, 3, 1, 4)
        scores = (q @ k.mT / math.sqrt(D)).masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf)
        heads = scores.softmax(-1) @ v
        if off == Part("head", number, off.head):
            heads[:, off.head - 1] = 0.0
        found = here.output(heads.transpose(1, 2).flatten(2))
        if off == Part("attention", number):
            found = torch.zeros_like(found)
        if isinstance(model, AttentionModel):
            x = found
            continue
        x = x + found
        if off != Part("mlp", number):
            x = x + layer.mlp(layer.norm_2(x))
    logits = model.unembed(x, inputs)
    return float(F.cross_entropy(logits.flatten(0, 1), targets.flatten()))


@pytest.mark.parametrize("name", ["attention", "classic", "biases"])
def test_the_loss_without_a_part_is_that_of_a_forward_pass_without_it(name: str) -> None:
    model = some_model(name)
    whole = windows_loss(model, windows())
    with torch.no_grad():
        for part in parts_of(model):
            loss = windows_loss(without(model, [part]), windows())
            assert loss == pytest.approx(loss_by_hand(model, part), abs=1e-5), part
            assert loss != pytest.approx(whole, abs=1e-4), part


@pytest.mark.parametrize("name", ["fast", "fastest"])
def test_a_head_of_the_modern_block_adds_nothing_where_it_is_off(name: str) -> None:
    model = some_model(name)
    assert isinstance(model, ModernTransformer)
    D = model.config.head_size
    for layer, head in ((1, 1), (2, 2)):
        loss = windows_loss(without(model, [Part("head", layer, head)]), windows())
        output = model.blocks[layer - 1].attention.output

        def silence(module: object, inputs: tuple[Tensor], head: int = head) -> tuple[Tensor]:
            mixed = inputs[0].clone()
            mixed[..., (head - 1) * D : head * D] = 0.0
            return (mixed,)

        hook = output.register_forward_pre_hook(silence)
        assert loss == pytest.approx(windows_loss(model, windows()), abs=1e-6)
        hook.remove()
        assert loss != pytest.approx(windows_loss(model, windows()), abs=1e-4)


def test_without_positions_the_modern_block_cannot_tell_far_places_apart() -> None:
    """Beyond what token shifts reach, the order of what was before makes no difference."""
    model = some_model("fast")
    idx = windows(1)[:, :-1]
    swapped = idx.clone()
    swapped[0, :2] = idx[0, [0, 0]]  # the first twice, so that shifts see the same, and …
    other = swapped.clone()
    swapped[0, 2:6], other[0, 2:6] = 1, 1  # … the same behind it
    swapped[0, 6], other[0, 6] = 2, 2
    rest = without(model, [Part("positions")])
    assert torch.equal(rest(swapped), rest(other))
    assert not torch.equal(rest(idx), model(idx))


@pytest.mark.parametrize("name", HOW)
def test_a_model_without_parts_writes_as_it_computes(name: str) -> None:
    model = some_model(name)
    tokens = windows(2)[:, :-1]
    for part in parts_of(model):
        rest = without(model, [part])
        with torch.no_grad():
            expected = rest(tokens)[:, -1].numpy()
        assert decoder_of(rest, 2).read(tokens.numpy()) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("name", HOW)
def test_the_model_itself_is_left_alone(name: str) -> None:
    model = some_model(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    whole = windows_loss(model, windows())
    without(model, parts_of(model))
    assert windows_loss(model, windows()) == whole
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_names_are_read_as_they_are_said() -> None:
    for part in parts_of(some_model("classic")):
        assert part_named(f" {part} ") == part
    assert str(Part("head", 2, 13)) == "2.13"
    assert list(map(str, attention_of(some_model("classic")))) == ["attention:1", "attention:2"]
    assert parts_of(build_model(resolve("bigram", V).model, seed=1)) == []


@pytest.mark.parametrize("text", ["", "1", "1.", "a.b", "mlp", "mlp:x", "head:1", "1.4.2"])
def test_what_names_no_part_is_refused_with_how_to_name_one(text: str) -> None:
    with pytest.raises(ConfigError, match="attention:LAYER"):
        part_named(text)


@pytest.mark.parametrize(
    ("name", "part", "says"),
    [
        ("classic", "3.1", "2 layers of 2 heads"),
        ("classic", "1.0", "2 layers of 2 heads"),
        ("classic", "mlp:3", "no mlp:3"),
        ("attention", "mlp:1", "1 layer of 2 heads and no MLP"),
    ],
)
def test_a_part_that_is_not_there_is_refused(name: str, part: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        without(some_model(name), [part_named(part)])


def test_a_table_has_nothing_to_switch_off() -> None:
    table = build_model(resolve("bigram", V).model, seed=1)
    with pytest.raises(ConfigError, match="one table"):
        without(table, [Part("positions")])
