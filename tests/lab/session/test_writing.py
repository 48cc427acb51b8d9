"""Writing in the background: the same text as in the foreground, and a thread that ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.errors import ConfigError, PromptError
from core.generation import sampling as generation
from core.generation.sampling import TokenRecord
from core.models import LanguageModel, build_model
from core.settings.config import SampleConfig
from core.text.corpus import Corpus
from lab.session.writing import MAX_CHARACTERS, Writing, start_together
from tests.helpers import small_config, wait_until


@pytest.fixture
def model(tiny_corpus: Corpus) -> LanguageModel:
    config = small_config("transformer", len(tiny_corpus.vocabulary))
    return build_model(config.model, seed=1).eval()


class Gate:
    """Stands in for `generate_together`: one character for each time that it is opened."""

    def __init__(self) -> None:
        self.open = threading.Semaphore(0)
        self.left = False

    def __call__(self, *args: object) -> Iterator[tuple[TokenRecord]]:
        try:
            while True:
                self.open.acquire()
                yield (TokenRecord(0, "a", 0.5, 1),)
        finally:
            self.left = True


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr("lab.session.writing.generate_together", gate)
    return gate


def test_it_writes_what_the_model_writes(model: LanguageModel, tiny_corpus: Corpus) -> None:
    config = SampleConfig(max_new_tokens=30, seed=5)
    writing = Writing(model, tiny_corpus.vocabulary, "OWL:", config)
    before = writing.snapshot()
    assert (before.state, before.texts, before.over) == ("waiting", ((),), False)
    writing.start()
    writing.join(10)
    after = writing.snapshot()
    assert after.state == "done" and after.over and after.n_wanted == 30
    assert after.prompt == "OWL:"
    assert after.added() == generation.write(model, tiny_corpus.vocabulary, "OWL:", config)
    assert after.chars_per_s is not None and after.chars_per_s > 0
    assert before.texts == ((),)  # a snapshot does not change


def test_the_text_grows_while_one_looks_on_and_stops_when_asked(
    model: LanguageModel, tiny_corpus: Corpus, gate: Gate
) -> None:
    writing = Writing(model, tiny_corpus.vocabulary, "", SampleConfig())
    writing.start()
    for n in (1, 2, 3):
        gate.open.release()
        wait_until(lambda n=n: writing.snapshot().n_written == n, f"{n} characters")  # type: ignore[misc]
    assert writing.snapshot().state == "writing"
    writing.stop()
    assert writing.snapshot().state == "stopped"
    gate.open.release()  # the character under way comes too late
    writing.join(10)
    assert writing.snapshot().n_written == 3
    assert "writer" not in {thread.name for thread in threading.enumerate()}
    writing.stop()
    writing.start()  # what was stopped stays so
    assert writing.snapshot().state == "stopped"


def test_a_text_that_never_began_can_be_stopped(model: LanguageModel, tiny_corpus: Corpus) -> None:
    writing = Writing(model, tiny_corpus.vocabulary, "", SampleConfig())
    writing.stop()
    writing.start()
    writing.join(1)
    assert (writing.snapshot().state, writing.snapshot().n_written) == ("stopped", 0)


def test_starting_twice_writes_once(model: LanguageModel, tiny_corpus: Corpus) -> None:
    writing = Writing(model, tiny_corpus.vocabulary, "", SampleConfig(max_new_tokens=5))
    writing.start()
    writing.start()
    writing.join(10)
    assert writing.snapshot().n_written == 5


def test_an_unknown_character_is_refused_before_anything_begins(
    model: LanguageModel, tiny_corpus: Corpus
) -> None:
    with pytest.raises(PromptError, match="‘é’"):
        Writing(model, tiny_corpus.vocabulary, "é", SampleConfig())


def test_a_text_has_a_longest_length(model: LanguageModel, tiny_corpus: Corpus) -> None:
    config = SampleConfig(max_new_tokens=MAX_CHARACTERS + 1)
    with pytest.raises(ConfigError, match="at most 2,000"):
        Writing(model, tiny_corpus.vocabulary, "", config)


def test_what_goes_wrong_in_the_thread_is_said(
    model: LanguageModel, tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> Iterator[tuple[TokenRecord]]:
        yield (TokenRecord(0, "a", 0.5, 1),)
        raise RuntimeError("out of paper")

    monkeypatch.setattr("lab.session.writing.generate_together", broken)
    writing = Writing(model, tiny_corpus.vocabulary, "", SampleConfig())
    writing.start()
    writing.join(10)
    snapshot = writing.snapshot()
    assert snapshot.state == "failed" and "out of paper" in snapshot.message
    assert snapshot.added() == "a"  # what was written stays


def test_several_texts_of_one_prompt_each_have_the_seed_after_the_one_before(
    model: LanguageModel, tiny_corpus: Corpus
) -> None:
    config = SampleConfig(max_new_tokens=30, seed=5)
    writing = Writing(model, tiny_corpus.vocabulary, "OWL:", config, n_texts=3)
    writing.start()
    writing.join(10)
    snapshot = writing.snapshot()
    for text in range(3):
        alone = generation.write(
            model, tiny_corpus.vocabulary, "OWL:", replace(config, seed=5 + text)
        )
        assert snapshot.added(text) == alone
    assert len({snapshot.added(text) for text in range(3)}) == 3


def test_models_that_write_together_take_turns_in_one_thread(
    model: LanguageModel, tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.session.writing.TURN_S", 0.0)  # a character each
    threads, order = set(), []

    def noted(*args: Any) -> Iterator[tuple[TokenRecord]]:
        prompt = args[2]
        for _ in range(3):
            threads.add(threading.current_thread().name)
            order.append(prompt)
            yield (TokenRecord(0, "a", 0.5, 1),)

    monkeypatch.setattr("lab.session.writing.generate_together", noted)
    pair = [Writing(model, tiny_corpus.vocabulary, p, SampleConfig()) for p in ("O", "W")]
    start_together(pair)
    for writing in pair:
        writing.join(10)
    assert order == ["O", "W"] * 3 and threads == {"writer"}
    assert [writing.snapshot().state for writing in pair] == ["done", "done"]


def test_one_that_breaks_off_or_is_stopped_does_not_keep_the_others(
    model: LanguageModel, tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> Iterator[tuple[TokenRecord]]:
        yield (TokenRecord(0, "a", 0.5, 1),)
        raise RuntimeError("out of paper")

    config = SampleConfig(max_new_tokens=20)
    whole, stopped = (Writing(model, tiny_corpus.vocabulary, "", config) for _ in range(2))
    monkeypatch.setattr("lab.session.writing.generate_together", broken)
    fails = Writing(model, tiny_corpus.vocabulary, "", config)
    stopped.stop()
    start_together([fails, stopped, whole])
    whole.join(10)
    states = [w.snapshot().state for w in (fails, stopped, whole)]
    assert states == ["failed", "stopped", "done"]
    assert whole.snapshot().n_written == 20
