"""What a decoder says next is what the model itself says, inside the window and past it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from core.generation import decoding
from core.generation import numpy_layers as layers
from core.generation.decoding import Decoder, decoder_of
from core.generation.sampling import generate
from core.models import LanguageModel, build_model
from core.settings.config import SampleConfig
from core.settings.presets import resolve
from core.text.corpus import Vocabulary

V, BLOCK_SIZE = 7, 12
SHAPE = dict(block_size=BLOCK_SIZE, n_layer=2, n_head=2, n_embd=8)

MODELS: dict[str, dict[str, Any]] = {
    "bigram": dict(model="bigram", flags=dict(block_size=BLOCK_SIZE)),
    "attention": dict(model="attention", flags=dict(block_size=BLOCK_SIZE, n_head=2, n_embd=8)),
    "classic": dict(model="transformer", flags=SHAPE),
    "biases": dict(model="transformer", flags=SHAPE | dict(bias=True)),
    "dropout": dict(model="transformer", flags=SHAPE | dict(dropout=0.5)),
    "fast": dict(model="transformer", flags=SHAPE, recipe="fast"),
    "fastest": dict(model="transformer", flags=SHAPE | dict(ngrams=6), recipe="fastest"),
    "gated": dict(
        model="transformer",
        recipe="fast",
        flags=SHAPE | dict(head_gates=True, pair_embedding=True),
    ),
    "capped": dict(
        model="transformer", flags=SHAPE | dict(ngrams=3, logit_cap=2.0), recipe="fastest"
    ),
}


def some_model(name: str) -> LanguageModel:
    """With weights so large that a mistake anywhere shows."""
    how = MODELS[name]
    config = resolve(how["model"], V, None, how["flags"], how.get("recipe", "classic"))
    model = build_model(config.model, seed=1).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.4 * torch.randn(parameter.shape, generator=generator)
    return model


def texts(n_texts: int, length: int, seed: int = 3) -> Any:
    return np.random.default_rng(seed).integers(0, V, (n_texts, length))


def plain_logits(model: LanguageModel, tokens: Any) -> Any:
    with torch.no_grad():
        return model(torch.from_numpy(tokens[:, -BLOCK_SIZE:]))[:, -1].numpy()


def test_the_models_here_are_all_that_have_a_decoder_of_their_own() -> None:
    kinds = {type(decoder_of(some_model(name))) for name in MODELS}
    subclasses = {value for value in vars(decoding).values() if isinstance(value, type)}
    assert kinds == {c for c in subclasses if issubclass(c, Decoder)} - {Decoder}


@pytest.mark.parametrize("n_texts", [1, 3])
@pytest.mark.parametrize("name", MODELS)
def test_one_character_at_a_time_gives_the_models_logits(name: str, n_texts: int) -> None:
    model, tokens = some_model(name), texts(n_texts, 2 * BLOCK_SIZE + 3)
    decoder = decoder_of(model, n_texts)
    for t in range(tokens.shape[1]):
        logits = decoder.read(tokens[:, t : t + 1])
        np.testing.assert_allclose(logits, plain_logits(model, tokens[:, : t + 1]), atol=5e-5)


@pytest.mark.parametrize(
    "pieces", [(5, 1, 6, 1, 1), (12, 1), (11, 3, 1), (13, 2), (30, 1)], ids=str
)
@pytest.mark.parametrize("name", MODELS)
def test_any_stretch_may_be_read_at_once(name: str, pieces: tuple[int, ...]) -> None:
    model, tokens = some_model(name), texts(2, sum(pieces))
    decoder = decoder_of(model, n_texts=2)
    for end in np.cumsum(pieces):
        start = end - pieces[list(np.cumsum(pieces)).index(end)]
        logits = decoder.read(tokens[:, start:end])
        np.testing.assert_allclose(logits, plain_logits(model, tokens[:, :end]), atol=5e-5)


@pytest.mark.parametrize("name", MODELS)
def test_the_same_characters_are_written_with_and_without_a_cache(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, vocabulary = some_model(name), Vocabulary("abcdefg")
    for seed in range(5):
        config = SampleConfig(max_new_tokens=3 * BLOCK_SIZE, temperature=1.0, seed=seed)
        cached = [record.token for record in generate(model, vocabulary, "abc", config)]
        with monkeypatch.context() as patched:
            patched.setattr("core.generation.sampling.decoder_of", Decoder)
            plain = [record.token for record in generate(model, vocabulary, "abc", config)]
        assert cached == plain


def test_a_new_decoder_has_the_weights_as_they_are_now() -> None:
    model = some_model("classic")
    before = decoder_of(model).read(texts(1, 4))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 2.0
    assert not np.allclose(decoder_of(model).read(texts(1, 4)), before)
    np.testing.assert_allclose(
        decoder_of(model).read(texts(1, 4)), plain_logits(model, texts(1, 4)), atol=1e-4
    )


def test_gelu_is_torchs_as_near_as_its_table_is_fine() -> None:
    x = np.append(np.linspace(-9, 9, 40_001), [-1e6, 1e6]).astype(np.float32)
    exact = torch.nn.functional.gelu(torch.from_numpy(x).double()).numpy()
    np.testing.assert_allclose(layers._gelu(x), exact, rtol=1e-6, atol=5e-7)
