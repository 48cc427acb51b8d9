"""The stages of a draw are the sampler's own, and end in the character that it really wrote."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.generation.sampling import generate
from core.generation.stages import stages_of
from core.models import build_model
from core.settings.config import ModelKind, SampleConfig
from core.text.corpus import Corpus
from tests.helpers import small_config


@pytest.mark.parametrize(
    "config",
    [
        SampleConfig(max_new_tokens=30, seed=3),
        SampleConfig(max_new_tokens=30, temperature=1.5, top_k=5, seed=4),
        SampleConfig(max_new_tokens=30, top_p=0.6, top_k=9, seed=5),
        SampleConfig(max_new_tokens=30, temperature=0.0),
    ],
)
def test_every_character_is_the_one_that_was_written(
    kind: ModelKind, corpus: Corpus, config: SampleConfig
) -> None:
    model = build_model(small_config(kind, len(corpus.vocabulary)).model, seed=1).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(6)  # so that the guesses are not all alike
    vocabulary = corpus.vocabulary
    prompt = corpus.text[:5]
    records = list(generate(model, vocabulary, prompt, config))
    written = "".join(record.character for record in records)
    for n, record in enumerate(records):
        stages = stages_of(model, vocabulary, prompt, written[:n], config)
        assert stages.token == record.token
        believed = np.exp(stages.logits - stages.logits.max())
        believed /= believed.sum()
        assert believed[record.token] == pytest.approx(record.probability, rel=1e-4)
        for probabilities in (stages.tempered, stages.after_top_k, stages.after_top_p):
            assert probabilities.sum() == pytest.approx(1)
        for character, offered in record.offered:
            place = vocabulary.characters.index(character)
            assert stages.after_top_p[place] == pytest.approx(offered, rel=1e-4)


def test_each_stage_leaves_no_more_than_the_one_before(corpus: Corpus) -> None:
    model = build_model(small_config("bigram", len(corpus.vocabulary)).model, seed=1).eval()
    config = SampleConfig(temperature=0.7, top_k=6, top_p=0.5)
    stages = stages_of(model, corpus.vocabulary, "", "", config)
    n_left = [int((p > 0).sum()) for p in (stages.tempered, stages.after_top_k, stages.after_top_p)]
    assert n_left[0] == len(corpus.vocabulary) and n_left[1] == 6 and 0 < n_left[2] < 6
