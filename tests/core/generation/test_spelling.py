"""The share of a text in words, counted by hand, and on texts that models of many losses wrote."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.generation.sampling import write
from core.generation.spelling import (
    WRITTEN_LENGTH,
    Yardstick,
    lexicon_of,
    share_in_words,
    text_of_pairs,
    written_words_of,
    yardstick_of,
)
from core.library.texts import SHIPPED, CorpusLibrary
from core.models import build_model
from core.settings.config import SampleConfig
from core.storage.home import LabHome
from core.text.corpus import Corpus
from tests.helpers import play, small_config

WRITTEN = json.loads((Path(__file__).parent / "written_texts.json").read_text("utf-8"))
"""Twenty texts of 1,000 characters at temperature 0.8, the highest loss first: by the three models
after quick training on the shipped corpus, each with its validation estimate when it wrote."""
LEXICON = lexicon_of("That's the sea, to the sea! O'er O'er that's: Éclair éclair, once.")


def test_the_lexicon_has_what_comes_twice_and_has_three_letters() -> None:
    assert frozenset({"that's", "the", "sea", "o'er", "éclair"}) == LEXICON


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("", 0.0),
        ("to to be", 0.0),
        ("the seas", 3 / 8),
        ("THE SEA", 6 / 7),
        ("O'er éclair", 10 / 11),
        ("123 !?", 0.0),
    ],
)
def test_characters_in_words_are_counted(text: str, share: float) -> None:
    assert share_in_words(text, LEXICON) == share


# --- on what models wrote -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return CorpusLibrary(LabHome(tmp_path_factory.mktemp("home"))).load(SHIPPED)


@pytest.fixture(scope="module")
def yardstick(shipped: Corpus) -> Yardstick:
    found = yardstick_of(shipped)
    assert found
    return found


def test_the_share_rises_as_the_loss_falls(yardstick: Yardstick) -> None:
    losses = [each["val_loss_nats"] for each in WRITTEN]
    shares = [share_in_words(each["text"], yardstick.lexicon) for each in WRITTEN]
    assert len(WRITTEN) == 20 and losses == sorted(losses, reverse=True)
    ranks = [np.argsort(np.argsort(values)) for values in (-np.array(losses), np.array(shares))]
    assert np.corrcoef(*ranks)[0, 1] > 0.93
    assert shares[0] == 0.0 and shares[-1] > 0.5


def test_what_stands_beside_it_lies_where_it_should(yardstick: Yardstick) -> None:
    """Pairs spell next to nothing, and no model here spells as much as the corpus itself."""
    shares = [share_in_words(each["text"], yardstick.lexicon) for each in WRITTEN]
    assert 0.02 < yardstick.pairs_share < 0.08
    assert max(shares) < yardstick.corpus_share < 0.7
    beyond_pairs = [each["val_loss_nats"] < 2.45 for each in WRITTEN]
    assert all(s > yardstick.pairs_share for s, ahead in zip(shares, beyond_pairs) if ahead)


def test_a_text_of_pairs_is_long_the_same_each_time_and_of_the_corpus() -> None:
    corpus = Corpus("made up", play(3_000))
    text = text_of_pairs(corpus, 500)
    assert len(text) == 500 and text == text_of_pairs(corpus, 500)
    assert text != text_of_pairs(corpus, 500, seed=1)
    assert set(text) <= set(corpus.vocabulary.characters)
    seen = set(pairwise(corpus.text))
    follows = [pair in seen for pair in pairwise(text)]
    assert sum(follows) > 0.9 * len(follows)  # one was added to every count


def test_a_corpus_that_is_not_written_in_words_has_no_yardstick() -> None:
    rng = np.random.default_rng(1)
    bases = "\n".join("".join(rng.choice(list("ACGT"), 60)) for _ in range(50))
    assert yardstick_of(Corpus("made up", bases)) is None
    assert yardstick_of(Corpus("made up", play(3_000))) is not None


def test_a_model_is_measured_by_a_text_of_its_own() -> None:
    corpus = Corpus("made up", play(3_000))
    config = small_config("bigram", len(corpus.vocabulary))
    model, yardstick = build_model(config.model, 7).eval(), yardstick_of(corpus)
    assert yardstick
    counted = written_words_of(model, corpus, yardstick, seed=3)
    sample = SampleConfig(max_new_tokens=WRITTEN_LENGTH, seed=3, temperature=0.8)
    text = write(model, corpus.vocabulary, "", sample)
    assert counted.share == share_in_words(text, yardstick.lexicon)
    assert (counted.pairs_share, counted.corpus_share) == (
        yardstick.pairs_share, yardstick.corpus_share,
    )  # fmt: skip
