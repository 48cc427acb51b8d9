"""How the next character is drawn, and what is said about it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from core.errors import PromptError
from core.generation.sampling import (
    N_CANDIDATES,
    generate,
    generate_together,
    sampling_probabilities,
    starting_prompt,
    write,
)
from core.models import LanguageModel, Trace, build_model
from core.settings.config import ModelConfig, SampleConfig
from core.text.corpus import Vocabulary
from tests.helpers import small_config

LOGITS = torch.tensor([0.3, 2.0, -1.0, 1.2, 0.9])
VOCABULARY = Vocabulary("\nabcdef")


def probabilities(logits: Tensor = LOGITS, **settings: Any) -> list[float]:
    given = logits.double().numpy()
    shares: list[float] = sampling_probabilities(given, SampleConfig(**settings)).tolist()
    assert given.tolist() == logits.double().tolist()  # nobody else's array is written to
    return shares


# --- probabilities --------------------------------------------------------------------------------

SETTINGS = [
    dict(temperature=t, top_k=k, top_p=p)
    for t, k, p in itertools.product((0.0, 0.1, 1.0, 5.0), (0, 1, 3, 5, 99), (0.05, 0.5, 1.0))
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_probabilities_sum_to_one_and_always_keep_the_likeliest(settings: dict[str, Any]) -> None:
    p = probabilities(**settings)
    assert sum(p) == pytest.approx(1.0, abs=1e-6)
    assert max(p) == p[1] > 0
    assert min(p) >= 0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_temperature_divides_the_logits(temperature: float) -> None:
    expected = torch.softmax(LOGITS / temperature, dim=0)
    assert probabilities(temperature=temperature) == pytest.approx(expected.tolist())


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.0},
        {"temperature": 1e-12},
        {"temperature": 1e-300},
        {"temperature": 9.0, "top_k": 1},
        {"temperature": 1.0, "top_p": 1e-9},
    ],
    ids=str,
)
def test_some_settings_leave_only_the_likeliest(settings: dict[str, Any]) -> None:
    assert probabilities(**settings) == [0.0, 1.0, 0.0, 0.0, 0.0]


def test_top_k_keeps_the_k_likeliest() -> None:
    p = probabilities(temperature=1.0, top_k=3)
    assert [i for i, share in enumerate(p) if share > 0] == [1, 3, 4]
    kept = LOGITS[[1, 3, 4]].softmax(dim=0).tolist()
    assert [p[i] for i in (1, 3, 4)] == pytest.approx(kept)


def test_top_k_of_all_or_more_changes_nothing() -> None:
    assert probabilities(top_k=5) == probabilities(top_k=99) == probabilities(top_k=0)


@pytest.mark.parametrize("top_p", [0.1, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95, 0.99])
def test_top_p_keeps_the_smallest_set_that_holds_it(top_p: float) -> None:
    full = LOGITS.softmax(dim=0).tolist()
    ordered = sorted(range(5), key=lambda i: -full[i])
    n_kept = next(n for n in range(1, 6) if sum(full[i] for i in ordered[:n]) >= top_p)
    p = probabilities(temperature=1.0, top_p=top_p)
    assert {i for i in range(5) if p[i] > 0} == set(ordered[:n_kept])
    mass = sum(full[i] for i in ordered[:n_kept])
    assert [p[i] for i in ordered[:n_kept]] == pytest.approx(
        [full[i] / mass for i in ordered[:n_kept]]
    )


def test_top_p_counts_what_temperature_and_top_k_left() -> None:
    cold = LOGITS / 0.5
    first, second = cold[[1, 3]].softmax(dim=0).tolist()
    top_p = first + 0.5 * second  # of the two that top_k keeps, both are needed
    p = probabilities(temperature=0.5, top_k=2, top_p=top_p)
    assert [p[1], p[3]] == pytest.approx([first, second])
    assert probabilities(temperature=0.5, top_k=2, top_p=first * 0.99)[1] == 1.0


# --- writing --------------------------------------------------------------------------------------


class Counting(LanguageModel):
    """Believes in the character after the last one, and keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__(ModelConfig(model="bigram", vocab_size=len(VOCABULARY), block_size=4))
        self.scale = torch.nn.Parameter(torch.tensor(3.0))
        self.windows: list[str] = []

    def forward(self, idx: Tensor) -> Tensor:
        self.windows.append(VOCABULARY.decode(idx[0]))
        after = torch.nn.functional.one_hot((idx + 1) % len(VOCABULARY), len(VOCABULARY))
        return self.scale * after

    def trace(self, idx: Tensor) -> Trace:
        raise NotImplementedError


def test_the_model_sees_the_last_block_size_characters() -> None:
    model = Counting()
    config = SampleConfig(max_new_tokens=5, temperature=0.0)
    assert write(model, VOCABULARY, "ab", config) == "cdef\n"
    assert model.windows == ["ab", "abc", "abcd", "bcde", "cdef"]
    model.windows.clear()
    assert write(model, VOCABULARY, "abcdefabcdef", config) == "\nabcd"
    assert model.windows[:2] == ["cdef", "def\n"]


def some_model(seed: int = 1) -> LanguageModel:
    model = build_model(small_config("transformer", len(VOCABULARY)).model, seed).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 8.0 if parameter.dim() > 1 else 1.0
    return model


def test_the_same_seed_writes_the_same_text_and_another_seed_another() -> None:
    model = some_model()
    texts = [
        write(model, VOCABULARY, "abc", SampleConfig(max_new_tokens=60, seed=seed, temperature=1.0))
        for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]
    assert len(texts[0]) == 60 and len(set(texts[0])) > 2


def test_a_longer_text_begins_with_the_shorter() -> None:
    short, long = (
        write(some_model(), VOCABULARY, "abc", SampleConfig(max_new_tokens=n)) for n in (10, 30)
    )
    assert long.startswith(short)


@pytest.mark.parametrize("settings", [{"temperature": 0.0}, {"temperature": 3.0, "top_k": 1}])
def test_greedy_text_is_that_of_argmax(settings: dict[str, Any]) -> None:
    model, idx = some_model(), VOCABULARY.encode("abc")
    for _ in range(20):
        idx = torch.cat([idx, model(idx[None, -8:])[0, -1].argmax()[None]])
    config = SampleConfig(max_new_tokens=20, **settings)
    assert write(model, VOCABULARY, "abc", config) == VOCABULARY.decode(idx[3:])


def test_records_say_what_the_model_believed_before_any_setting() -> None:
    model, idx = some_model(), VOCABULARY.encode("abc")
    config = SampleConfig(max_new_tokens=30, temperature=2.0, top_k=4, top_p=0.9)
    ranks = set()
    for record in generate(model, VOCABULARY, "abc", config):
        believed = model(idx[None, -8:])[0, -1].softmax(dim=0).tolist()
        ordered = sorted(range(len(believed)), key=lambda i: -believed[i])
        assert record.character == VOCABULARY.characters[record.token]
        assert record.probability == pytest.approx(believed[record.token], rel=1e-5)
        assert record.rank == ordered.index(record.token) + 1 <= 4
        ranks.add(record.rank)
        idx = torch.cat([idx, torch.tensor([record.token])])
    assert len(ranks) > 1


def test_records_name_the_likeliest_before_and_after_the_settings() -> None:
    model, idx = some_model(), VOCABULARY.encode("abc")
    config = SampleConfig(max_new_tokens=20, temperature=2.0, top_k=3)
    for record in generate(model, VOCABULARY, "abc", config):
        logits = model(idx[None, -8:])[0, -1].detach().double()
        believed, offered = logits.softmax(dim=0), sampling_probabilities(logits.numpy(), config)
        order = logits.argsort(descending=True).tolist()
        assert [c.character for c in record.believed] == [
            VOCABULARY.characters[i] for i in order[:N_CANDIDATES]
        ]
        assert [c.probability for c in record.believed] == pytest.approx(
            [float(believed[i]) for i in order[:N_CANDIDATES]], rel=1e-4
        )
        assert [c.probability for c in record.offered] == pytest.approx(
            [float(offered[i]) for i in order[:3]], rel=1e-4
        )
        assert record.character in [c.character for c in record.offered]
        idx = torch.cat([idx, torch.tensor([record.token])])


def test_texts_written_together_are_those_of_the_seeds_in_turn() -> None:
    model, config = some_model(), SampleConfig(max_new_tokens=30, seed=5, temperature=1.0)
    steps = list(generate_together(model, VOCABULARY, "abc", config, n_texts=4))
    together = ["".join(step[i].character for step in steps) for i in range(4)]
    alone = [
        write(model, VOCABULARY, "abc", SampleConfig(max_new_tokens=30, seed=5 + i, temperature=1))
        for i in range(4)
    ]
    assert together == alone and len(set(together)) == 4


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_rows_of_logits_are_treated_one_by_one(settings: dict[str, Any]) -> None:
    rows = torch.stack([LOGITS, LOGITS.flip(0), torch.zeros(5)])
    together = sampling_probabilities(rows.double().numpy(), SampleConfig(**settings))
    alone = [probabilities(row, **settings) for row in rows]
    assert together.tolist() == [pytest.approx(row) for row in alone]


def test_characters_come_as_often_as_they_are_probable() -> None:
    model = Counting()  # gives the next character e^3 / (e^3 + 6)
    text = write(model, VOCABULARY, "a", SampleConfig(max_new_tokens=2000, temperature=1.0))
    follows = VOCABULARY.characters + "\n"
    n_next = sum(follows[follows.index(a) + 1] == b for a, b in itertools.pairwise("a" + text))
    expected = float(torch.tensor([3.0, 0, 0, 0, 0, 0, 0]).softmax(dim=0)[0])
    assert n_next / 2000 == pytest.approx(expected, abs=0.03)


def test_an_unknown_character_is_refused_before_anything_is_written() -> None:
    with pytest.raises(PromptError, match="has no ‘x’, ‘y’") as refusal:
        generate(some_model(), VOCABULARY, "axby", SampleConfig())
    assert refusal.value.unknown == "xy"


def test_an_empty_prompt_begins_with_a_new_line() -> None:
    config = SampleConfig(max_new_tokens=10)
    model = some_model()
    assert write(model, VOCABULARY, "", config) == write(model, VOCABULARY, "\n", config)
    assert starting_prompt(Vocabulary("xyz")) == "x"


def test_writing_leaves_the_model_and_torchs_own_randomness_alone() -> None:
    model, before = some_model(), torch.get_rng_state()
    weights = {name: w.clone() for name, w in model.state_dict().items()}
    write(model, VOCABULARY, "abc", SampleConfig(max_new_tokens=5))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(w, weights[name]) for name, w in model.state_dict().items())
    assert not any(p.grad is not None or p.is_inference() for p in model.parameters())
