"""What of a text is known by heart or said before, against the searches that it rests on."""

from __future__ import annotations

import pytest

from core.generation.originality import originality_of, usual_originality
from core.text.corpus import Corpus
from core.text.repeats import covered_share, repeated_share, verbatim_passages
from tests.helpers import play


@pytest.fixture
def corpus() -> Corpus:
    """Its validation split is new for the most part, and copied here and there."""
    train, new = play(3_600), play(400, seed=2)
    copied = f"{new[:60]}{train[50:130]}{new[140:250]}{train[900:925]}{new[275:]}"
    return Corpus("tiny", train + copied)


def test_only_the_training_split_is_known_by_heart(corpus: Corpus) -> None:
    train, val = corpus.text[: corpus.n_train], corpus.text[corpus.n_train :]
    copied = originality_of(train[100:300], corpus)
    assert copied.longest == 200 and copied.by_heart_share == 1.0
    own = originality_of("Zzz, " * 20, corpus)
    assert own.passages == () and own.longest == 0 and own.by_heart_share == 0.0
    assert own.repeated_share == pytest.approx(0.95)
    assert originality_of(val, corpus).by_heart_share < 1.0


def test_new_text_is_measured_piece_by_piece_as_each_would_be_alone(corpus: Corpus) -> None:
    train, val = corpus.text[: corpus.n_train], corpus.text[corpus.n_train :]
    usual = usual_originality(corpus, 90)
    assert usual is not None and usual.n_pieces == len(val) // 90 == 4
    pieces = [val[i : i + 90] for i in range(0, 360, 90)]
    alone = [verbatim_passages(piece, train) for piece in pieces]
    lengths = sorted(each[0].length if each else 0 for each in alone)
    assert usual.longest == sum(lengths[1:3]) / 2
    shares = [covered_share(each, 90) for each in alone]
    assert usual.by_heart_share == pytest.approx(sum(shares) / 4)
    assert sum(share > 0 for share in shares) >= 3
    assert usual.repeated_share == pytest.approx(sum(map(repeated_share, pieces)) / 4)


@pytest.mark.parametrize("length", [0, 401, 100_000])
def test_without_a_whole_piece_there_is_nothing_to_compare_with(
    corpus: Corpus, length: int
) -> None:
    assert usual_originality(corpus, length) is None
