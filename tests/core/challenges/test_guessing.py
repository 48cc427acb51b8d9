"""The game: places, what is typed, what models and counts answer, and who was right."""

from __future__ import annotations

import math

import pytest
import torch

from core.challenges.guessing import (
    CONTEXT,
    character_at,
    context_of,
    counted_answers,
    in_this_text,
    learner_answers,
    model_answers,
    n_right,
    place_number,
    read_guess,
)
from core.challenges.kept import Guess
from core.errors import PromptError
from core.interpretability.scoring import score
from core.models import build_model
from core.settings.config import ModelKind
from core.text.corpus import Corpus
from core.text.reference import bigram_probabilities
from tests.helpers import small_config


def guess(corpus: Corpus, place: int, character: str) -> Guess:
    return Guess(
        fingerprint=corpus.fingerprint, place=place, character=character, said_at=1.0
    )  # fmt: skip


def test_places_are_the_same_for_the_same_text_and_lie_in_the_validation_split(
    tiny_corpus: Corpus,
) -> None:
    places = [place_number(tiny_corpus, n) for n in range(200)]
    assert places == [place_number(tiny_corpus, n) for n in range(200)]
    assert len(set(places)) > 100
    assert min(places) >= CONTEXT and max(places) < len(tiny_corpus.val)
    assert places != [place_number(Corpus("other", tiny_corpus.text + "."), n) for n in range(200)]
    for place in places[:20]:
        before, came = context_of(tiny_corpus, place), character_at(tiny_corpus, place)
        assert len(before) == CONTEXT and before + came in tiny_corpus.text[tiny_corpus.n_train :]


def test_the_game_draws_no_random_number_of_torch(tiny_corpus: Corpus) -> None:
    config = small_config("transformer", len(tiny_corpus.vocabulary)).model
    model = build_model(config, 1)
    before = torch.get_rng_state()
    place = place_number(tiny_corpus, 3)
    model_answers(model, tiny_corpus, [place])
    counted_answers(tiny_corpus, [place])
    assert torch.equal(torch.get_rng_state(), before)


def test_a_split_with_hardly_a_character_has_a_place_or_says_so() -> None:
    assert place_number(Corpus("short", "abcdefghij" * 2), 0) == 1
    with pytest.raises(PromptError, match="too short to guess in"):
        place_number(Corpus("shorter", "abcdefghij"), 0)


@pytest.mark.parametrize(
    ("typed", "read"), [("o", "o"), (" ", " "), ("␣", " "), ("↵", "\n"), ("\n", "\n")]
)
def test_a_guess_is_a_character_or_its_sign(tiny_corpus: Corpus, typed: str, read: str) -> None:
    assert read_guess(tiny_corpus, typed) == read


@pytest.mark.parametrize(
    ("typed", "said"), [("", "one character"), ("to", "one character"), ("@", "no ‘@’ anywhere")]
)
def test_what_is_no_guess_is_refused(tiny_corpus: Corpus, typed: str, said: str) -> None:
    with pytest.raises(PromptError, match=said):
        read_guess(tiny_corpus, typed)


@pytest.mark.parametrize("kind", ["bigram", "attention", "transformer"])
def test_a_model_answers_from_the_past_as_it_is_scored(
    tiny_corpus: Corpus, kind: ModelKind
) -> None:
    model = build_model(small_config(kind, len(tiny_corpus.vocabulary)).model, 1)
    places = [130, 3, 200, 1]  # before the third, less than a block
    answers = model_answers(model, tiny_corpus, places)
    for place, answer in zip(places, answers):
        scored = score(model, tiny_corpus.val[max(0, place - 8) : place + 1])
        assert answer.character == tiny_corpus.vocabulary.characters[int(scored.guesses[-1])]
        assert answer.probability == pytest.approx(float(scored.guess_probabilities[-1]))
        truth = math.exp(-float(scored.nats[-1]))
        assert answer.probability_of_truth == pytest.approx(truth)
        assert answer.is_right == (answer.character == character_at(tiny_corpus, place))


def test_a_model_without_its_mask_does_not_see_the_answer(tiny_corpus: Corpus) -> None:
    ideas = "attention,scale,positions,mlp,residual,norm,tied"
    config = small_config(
        "transformer", len(tiny_corpus.vocabulary), block="ladder", ideas=ideas
    ).model
    model = build_model(config, 1)
    (answer,) = model_answers(model, tiny_corpus, [50])
    changed = Corpus("changed", tiny_corpus.text)
    val = changed.val.clone()
    val[50] = (val[50] + 1) % len(changed.vocabulary)
    changed.tokens[changed.n_train :] = val
    (other,) = model_answers(model, changed, [50])
    assert (answer.character, answer.probability) == (other.character, other.probability)


def test_counts_answer_with_what_followed_most_often(tiny_corpus: Corpus) -> None:
    table = bigram_probabilities(tiny_corpus.train, len(tiny_corpus.vocabulary))
    places = [7, 150, 7]
    for place, answer in zip(places, counted_answers(tiny_corpus, places), strict=True):
        row = table[tiny_corpus.val[place - 1]]
        assert answer.character == tiny_corpus.vocabulary.characters[int(row.argmax())]
        assert answer.probability == pytest.approx(float(row.max()))
    assert counted_answers(tiny_corpus, []) == []


def test_the_learner_is_scored_on_the_same_places(tiny_corpus: Corpus) -> None:
    right = guess(tiny_corpus, 150, character_at(tiny_corpus, 150))
    wrong = guess(tiny_corpus, 151, "K" if character_at(tiny_corpus, 151) != "K" else "a")
    answers = learner_answers(tiny_corpus, [right, wrong, right])
    assert [answer.is_right for answer in answers] == [True, False, True]
    assert n_right(answers) == 2 and n_right([]) == 0


def test_guesses_of_another_text_or_beyond_this_one_do_not_count(tiny_corpus: Corpus) -> None:
    here = guess(tiny_corpus, 150, "a")
    beyond = guess(tiny_corpus, len(tiny_corpus.val), "a")
    other = guess(Corpus("other", "abcdefghij" * 30), 3, "a")
    assert in_this_text(tiny_corpus, [here, beyond, other]) == [here]
