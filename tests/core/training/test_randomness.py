"""One generator for all threads: whoever draws has it alone, and leaves it as it was."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from core.text.corpus import Corpus
from core.training.randomness import borrowed_generator, random_state
from core.training.trainer import Trainer
from tests.helpers import small_config

CPU = torch.device("cpu")


def drawn(state: dict[str, Tensor], n: int) -> Tensor:
    with borrowed_generator(state, CPU):
        return torch.rand(n)


def test_it_draws_from_a_state_of_ones_own_and_goes_on_there() -> None:
    before = torch.get_rng_state()
    state, same = random_state(7, CPU), random_state(7, CPU)
    assert torch.equal(torch.cat([drawn(state, 3), drawn(state, 5)]), drawn(same, 8))
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(drawn(state, 3), drawn(random_state(8, CPU), 3))


def test_a_second_thread_waits_for_the_first() -> None:
    inside, may_leave = threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        with borrowed_generator(random_state(1, CPU), CPU):
            inside.set()
            may_leave.wait(60.0)
            order.append("first")

    def second() -> None:
        inside.wait(60.0)
        with borrowed_generator(random_state(2, CPU), CPU):
            order.append("second")

    threads = [threading.Thread(target=each) for each in (first, second)]
    for thread in threads:
        thread.start()
    inside.wait(60.0)
    threads[1].join(0.05)
    assert order == []
    may_leave.set()
    for thread in threads:
        thread.join(60.0)
    assert order == ["first", "second"]


def test_trainers_that_drop_at_the_same_time_do_not_disturb_each_other(tiny_corpus: Corpus) -> None:
    def losses(seed: int) -> list[float]:
        config = small_config("transformer", len(tiny_corpus.vocabulary), seed=seed, dropout=0.5)
        trainer = Trainer(config, tiny_corpus)
        return [trainer.take_step().loss_nats for _ in range(60)]

    alone = [losses(seed) for seed in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(losses, (1, 2))) == alone
