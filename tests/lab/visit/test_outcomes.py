"""What came of a task: real numbers of the runs at hand, or nothing where there are none."""

from __future__ import annotations

import pytest
import torch

from core.interpretability.habits import HeadHabits, Name
from core.runs.lab import Lab
from core.text.corpus import Corpus
from core.text.reference import add_one, bigram_counts, reference_lines
from lab.session.transitions import CountedText
from lab.visit.outcomes import (
    clearest_head,
    head_that_looks_back,
    outcome_text,
    place_of_surest,
    surest_row,
)
from lab.visit.tasks import TASKS, Facts
from lab.wording import words
from tests.helpers import add_corpus, play, trained
from tests.pages import pages

__all__ = ["pages"]


@pytest.fixture
def corpus(pages: Lab) -> Corpus:
    return add_corpus(pages, "small", play(3_000))


def counted(corpus: Corpus) -> CountedText:
    V = len(corpus.vocabulary)
    counts = bigram_counts(corpus.train, V)
    often = torch.bincount(corpus.train, minlength=V)
    return CountedText(torch.arange(V), counts, often, torch.arange(V), 0.0, 1)


def head(number: int, name: Name, score: float, times: float) -> HeadHabits:
    return HeadHabits(
        layer=1, head=number, name=name, score=score, times_even=times, entropy_nats=1.0,
        shares={}, even_shares={},
    )  # fmt: skip


def test_the_surest_row_is_that_of_a_letter_that_is_not_rare() -> None:
    corpus = Corpus("tiny", "qu" * 150 + "a.b:" * 120 + "zy" * 3 + "uaub" * 40)
    vocabulary = corpus.vocabulary
    row = place_of_surest(counted(corpus), vocabulary)
    assert vocabulary.characters[row] == "q"
    digits = Corpus("digits", "0123456789 " * 50)
    place = place_of_surest(counted(digits), digits.vocabulary)  # no letters: any row
    entropies = torch.special.entr(add_one(counted(digits).counts)).sum(dim=1)
    assert entropies[place] == entropies.min()


def test_a_row_has_the_numbers_of_the_run_and_of_its_text(pages: Lab, corpus: Corpus) -> None:
    run = pages.run(trained(pages, corpus, "bigram"))
    row = surest_row(run)
    vocabulary = corpus.vocabulary
    a, b = vocabulary.encode(row.character + row.follower).tolist()
    model = pages.model_at(run, "best").model
    learned = model(torch.tensor([[a]]))[0, 0].softmax(dim=-1)[b].detach()
    assert row.learned == pytest.approx(float(learned))
    counts = bigram_counts(corpus.train, len(vocabulary))[a]
    assert row.in_text == pytest.approx(float(counts[b] / counts.sum()))


def test_the_head_that_is_shown_looks_back_and_says_most() -> None:
    heads = [
        head(1, "even", 0.99, 1.0), head(2, "recent", 0.95, 1.7),
        head(3, "previous", 0.5, 8.0), head(4, "itself", 0.9, 9.0),
    ]  # fmt: skip
    assert head_that_looks_back(heads).head == 3
    assert head_that_looks_back(heads[:1]).head == 1


def test_every_task_tells_the_numbers_of_its_runs(pages: Lab, corpus: Corpus) -> None:
    for kind in ("bigram", "attention", "transformer"):
        trained(pages, corpus, kind)
    facts = Facts.of(pages.runs(), ())
    told = {task.name: outcome_text(task.name, facts) for task in TASKS}
    loss = {kind: words.loss(run.best_val_loss_nats) for kind, run in facts.finished.items()}
    assert all(told.values())
    assert loss["bigram"] in told["train_bigram"] and loss["bigram"] in told["see_limit"]
    lines = {line.name: words.loss(line.loss_nats) for line in reference_lines(corpus)}
    assert lines["bigram"] in told["see_limit"] and lines["5-gram"] in told["see_limit"]
    assert (
        loss["attention"] in told["train_attention"] and "8 characters" in told["train_attention"]
    )
    assert (
        loss["transformer"] in told["train_transformer"] and "2 layers" in told["train_transformer"]
    )
    shown = clearest_head(facts.finished["attention"])
    assert f"Head {shown.layer}.{shown.head} of " in told["see_head"]


def test_losses_on_different_texts_never_share_a_sentence(pages: Lab, corpus: Corpus) -> None:
    trained(pages, corpus, "bigram")
    trained(pages, add_corpus(pages, "other", play(3_000, seed=2)), "attention")
    facts = Facts.of(pages.runs(), ())
    assert outcome_text("train_attention", facts) == ""


def test_where_the_text_is_gone_nothing_is_told_and_nothing_breaks(
    pages: Lab, corpus: Corpus
) -> None:
    trained(pages, corpus, "bigram")
    pages.library.path("small").unlink()
    facts = Facts.of(pages.runs(), ())
    assert outcome_text("read_matrix", facts) == outcome_text("see_limit", facts) == ""
    assert outcome_text("train_bigram", facts)
