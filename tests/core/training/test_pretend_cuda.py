"""The lab on a GPU that is not there: all tensors in one place, states that move, own randomness.

What only the hardware shows is `tests/core/training/test_devices.py`'s, where there is some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F
from torch.utils._pytree import tree_leaves

from core.generation.sampling import write
from core.models import LanguageModel
from core.runs.lab import Lab
from core.runs.saving import Keeper
from core.settings.config import SampleConfig
from core.storage.checkpoint import Checkpoint, CheckpointFolder
from core.text.corpus import Corpus
from core.training.health import UpdateProbe, measure
from core.training.parallel import World, joined_world
from core.training.preflight import check_fits, preflight
from core.training.trainer import Trainer
from tests.core.training.pretend_cuda import CUDA, PretendTensor, pretend_cuda
from tests.helpers import assert_equal_states, train
from tests.recipes import RUNS, config_of

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason="has a GPU, on which tests/core/training/test_devices.py runs"
)
N_STEPS = 3
Numbers = list[tuple[float, float]]


@pytest.fixture
def gpu() -> Iterator[None]:
    with pretend_cuda():
        yield


@pytest.fixture(params=RUNS)
def name(request: pytest.FixtureRequest) -> str:
    """Each way of training in turn."""
    run: str = request.param
    return run


def trainer_on(device: str, name: str, corpus: Corpus, **changes: Any) -> Trainer:
    settings = dict(device=device, dtype="float32") | changes
    if name == "bigram":
        settings.pop("dropout", None)
    return Trainer(config_of(name, len(corpus.vocabulary), **settings), corpus)


def steps(trainer: Trainer, n_steps: int = N_STEPS) -> Numbers:
    records = [trainer.take_step() for _ in range(n_steps)]
    return [(r.loss_nats, r.grad_norm) for r in records]


def near(numbers: Any) -> Any:
    """The same up to rounding."""
    return pytest.approx(numbers, rel=1e-4, abs=1e-5)


def flat(numbers: Numbers) -> list[float]:
    return [number for pair in numbers for number in pair]


# --- the pretend device keeps a GPU's rules -------------------------------------------------------


MIXED: dict[str, Callable[[Tensor, Tensor], object]] = {
    "sum": lambda here, there: here + there,
    "sum in place": lambda here, there: there.add_(here),
    "total": lambda here, there: there.sum().add_(here.sum()),
    "product": lambda here, there: here @ there,
    "rows": lambda here, there: torch.stack([here[0], there[0]]),
    "choice": lambda here, there: torch.where(there > 0, here, 0.0),
    "look-up": lambda here, there: F.embedding(there.long(), here),
    "index": lambda here, there: there[here.long()],
    "values": lambda here, there: here.__setitem__(torch.tensor([0]), there[:1]),
    "numpy": lambda here, there: here.numpy(),
    "dice": lambda here, there: here.normal_(generator=torch.Generator()),
}


@pytest.mark.parametrize("how", MIXED)
def test_what_a_gpu_refuses_is_refused(gpu: None, how: str) -> None:
    here, there = torch.ones(2, 2, device="cuda"), torch.ones(2, 2)
    with pytest.raises((RuntimeError, TypeError), match=r"same device|device type"):
        MIXED[how](here, there)


def test_what_a_gpu_allows_is_computed_there(gpu: None) -> None:
    here = torch.arange(3.0).to("cuda").requires_grad_()
    chosen = here[torch.tensor([2, 2])] * torch.tensor(3.0) + 1
    chosen.sum().backward()
    assert here.grad is not None and {here.device, chosen.device, here.grad.device} == {CUDA}
    assert (chosen.tolist(), here.grad.cpu().tolist()) == ([7, 7], [0, 0, 6])
    assert type(chosen.cpu()) is Tensor and float(chosen.sum().detach()) == 14
    assert torch.zeros(2).copy_(here.detach()[1:]).tolist() == [1, 2]


def test_a_gpu_has_dice_of_its_own(gpu: None) -> None:
    before, there = torch.get_rng_state(), torch.cuda.get_rng_state()
    assert F.dropout(torch.ones(50, device="cuda")).tolist() != [1.0] * 50
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(torch.cuda.get_rng_state(), there)


def test_afterwards_there_is_no_gpu() -> None:
    with pretend_cuda():
        assert torch.cuda.is_available()
    assert type(torch.zeros(2) + 1) is Tensor and torch.Generator().device.type == "cpu"


# --- training -------------------------------------------------------------------------------------


def test_a_gpu_learns_what_a_cpu_learns(gpu: None, name: str, tiny_corpus: Corpus) -> None:
    there = trainer_on("cpu", name, tiny_corpus, dropout=0.0)
    here = trainer_on("cuda", name, tiny_corpus, dropout=0.0)
    assert flat(steps(here)) == near(flat(steps(there)))
    one, other = here.estimate(), there.estimate()
    assert one.train_loss_nats == near(other.train_loss_nats)
    assert one.val_loss_nats == near(other.val_loss_nats)
    assert here.evaluate() == near(there.evaluate())


@pytest.mark.parametrize("dtype", ["float32", "auto"])
def test_all_that_learns_is_on_the_gpu(
    gpu: None, name: str, dtype: str, tiny_corpus: Corpus
) -> None:
    trainer = trainer_on("cuda", name, tiny_corpus, dtype=dtype, dropout=0.2)
    losses = flat(steps(trainer))
    assert trainer._dtype == (torch.bfloat16 if dtype == "auto" else torch.float32)
    state = trainer.state_dict()
    learned = [x for x in tree_leaves((state["model"], state["optimizer"])) if not_a_number(x)]
    assert len(learned) > len(state["model"]) and {type(x) for x in learned} == {PretendTensor}
    assert {type(x) for x in tree_leaves((state["batches"], state["dropout"]))} == {Tensor}
    assert losses[0] == pytest.approx(losses[2], abs=0.5)


def not_a_number(x: Any) -> bool:
    return not isinstance(x, (int, float))


def test_what_is_looked_at_is_the_same_there(gpu: None, name: str, tiny_corpus: Corpus) -> None:
    seen = []
    for device in ("cpu", "cuda"):
        trainer = trainer_on(device, name, tiny_corpus, dropout=0.0)
        steps(trainer)
        probe = UpdateProbe(trainer.model)
        steps(trainer, 1)
        windows = tiny_corpus.val[:16].view(2, 8).to(device)
        readings = {r.name: r.value for r in measure(trainer.model, windows) + probe.readings()}
        trainer.model.eval()
        trace = trainer.model.trace(windows)
        logits = trace.logits.detach().cpu()
        attention = trace.attention.detach().cpu()
        seen.append((readings, logits, attention, written(trainer.model, tiny_corpus)))
    one, other = seen
    assert one[0] == near(other[0])
    for mine, theirs in zip(one[1:3], other[1:3]):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    assert one[3] == other[3]


def written(model: LanguageModel, corpus: Corpus) -> str:
    """More than a window's worth, so that the model itself is asked at the end."""
    return write(model, corpus.vocabulary, "OWL", SampleConfig(max_new_tokens=12))


# --- randomness -----------------------------------------------------------------------------------


def test_trainers_in_turn_draw_from_their_own_dice(gpu: None, tiny_corpus: Corpus) -> None:
    def trainer(seed: int) -> Trainer:
        return trainer_on("cuda", "fast with adamw", tiny_corpus, seed=seed)

    alone = [steps(trainer(seed)) for seed in (1, 2)]
    before = torch.get_rng_state(), torch.cuda.get_rng_state()
    pair, in_turn = [trainer(1), trainer(2)], [[], []]  # type: ignore[var-annotated]
    for _ in range(N_STEPS):
        for each, numbers in zip(pair, in_turn):
            numbers += steps(each, 1)
            torch.rand(2, device="cuda")
    assert in_turn == alone
    torch.rand(2, device="cuda")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert not torch.equal(torch.cuda.get_rng_state(), before[1])
    without = trainer_on("cuda", "fast with adamw", tiny_corpus, seed=1, dropout=0.0)
    assert steps(without) != alone[0]


def test_the_second_gpu_has_dice_of_its_own(tiny_corpus: Corpus) -> None:
    with pretend_cuda(n_devices=2):
        trainer = trainer_on("cuda", "attention", tiny_corpus)
        trainer.device = torch.device("cuda", 1)
        torch.cuda.set_rng_state(torch.ones(16, dtype=torch.uint8), 1)
        first, second = (torch.cuda.get_rng_state(n) for n in (0, 1))
        with trainer._own_randomness():
            assert torch.equal(torch.cuda.get_rng_state(0), first)
            own = torch.cuda.get_rng_state(1)
            assert torch.equal(own, trainer._dropout_state["cuda"])
            torch.cuda.set_rng_state(own + 1, 1)
        assert torch.equal(trainer._dropout_state["cuda"], own + 1)
        assert torch.equal(torch.cuda.get_rng_state(1), second)


def test_each_process_takes_a_gpu_for_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setenv("LOCAL_RANK", "1")
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    assert World().device(cuda) == cuda and World(1, 2).device(cpu) == cpu and taken == []
    assert World(1, 2).device(cuda) == torch.device("cuda", 1) == taken[0]


@pytest.mark.parametrize(
    ("has_gpu", "has_nccl", "backend"),
    [(True, True, "cpu:gloo,cuda:nccl"), (True, False, "gloo"), (False, True, "gloo")],
)
def test_processes_talk_about_gpus_by_nccl_and_by_gloo_about_all_else(
    monkeypatch: pytest.MonkeyPatch, has_gpu: bool, has_nccl: bool, backend: str
) -> None:
    chosen: list[str] = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    for owner, name, value in (
        (torch.cuda, "is_available", lambda: has_gpu),
        (dist, "is_nccl_available", lambda: has_nccl),
        (dist, "init_process_group", lambda backend, timeout: chosen.append(backend)),
        (dist, "get_rank", lambda: 1),
        (dist, "get_world_size", lambda: 2),
        (dist, "destroy_process_group", lambda: None),
    ):
        monkeypatch.setattr(owner, name, value)
    with joined_world() as world:
        assert (world, chosen) == (World(1, 2), [backend])


# --- states that move -----------------------------------------------------------------------------


def at(device: str) -> AbstractContextManager[None]:
    """A machine with a GPU, or one that has none and knows nothing of CUDA."""
    return pretend_cuda() if device == "cuda" else nullcontext()


def kept(trainer: Trainer, folder: Path) -> Checkpoint:
    """A trainer's state by way of a file."""
    checkpoint = Checkpoint(
        config=trainer.config.flat(), vocabulary=trainer.corpus.vocabulary.characters,
        fingerprint=trainer.corpus.fingerprint, trainer=trainer.state_dict(), best_step=0,
        best_val_loss_nats=None,
    )  # fmt: skip
    checkpoints = CheckpointFolder(folder)
    checkpoints.save(checkpoint)
    return checkpoints.load(trainer.step)


def test_a_gpu_goes_on_exactly_where_it_stopped(
    gpu: None, name: str, tiny_corpus: Corpus, tmp_path: Path
) -> None:
    straight = trainer_on("cuda", name, tiny_corpus, dropout=0.2)
    steps(straight)
    resumed = trainer_on("cuda", name, tiny_corpus, dropout=0.2)
    resumed.load_state_dict(kept(straight, tmp_path).trainer)
    assert steps(resumed) == steps(straight)


@pytest.mark.parametrize(("first", "then"), [("cuda", "cpu"), ("cpu", "cuda")])
def test_a_run_goes_on_on_another_device(
    name: str, first: str, then: str, tiny_corpus: Corpus, tmp_path: Path
) -> None:
    with at(first):
        begun = trainer_on(first, name, tiny_corpus, dropout=0.0)
        numbers = steps(begun)
        checkpoint = kept(begun, tmp_path)
    tensors = [x for x in tree_leaves(checkpoint.trainer) if isinstance(x, Tensor)]
    assert {type(x) for x in tensors} == {Tensor}
    with at(then):
        resumed = trainer_on(then, name, tiny_corpus, dropout=0.0)
        resumed.load_state_dict(checkpoint.trainer)
        numbers += steps(resumed)
    straight = trainer_on("cpu", name, tiny_corpus, dropout=0.0)
    assert flat(numbers) == near(flat(steps(straight, 2 * N_STEPS)))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_best_state_waits_in_the_hosts_memory_and_stays_what_it_is(
    device: str, name: str, tiny_corpus: Corpus, tmp_path: Path
) -> None:
    with at(device):
        trainer = trainer_on(device, name, tiny_corpus)
        steps(trainer, 2)
        folder = CheckpointFolder(tmp_path)
        keeper = Keeper(folder, trainer, None)
        keeper.compare(trainer.estimate())
        assert keeper._unsaved_best is not None
        leaves = tree_leaves(keeper._unsaved_best.trainer)
        assert {type(leaf) for leaf in leaves if isinstance(leaf, Tensor)} == {Tensor}
        before = kept(trainer, tmp_path / "as it was")
        steps(trainer, 1)
        keeper.save()
        assert folder.steps() == [2, 3]
        assert_equal_states(folder.load(2).trainer, before.trainer)


def test_a_checkpoint_of_a_gpu_says_so(tiny_corpus: Corpus, tmp_path: Path) -> None:
    """Else the tests here would not notice a file that opens on a GPU only."""
    with pretend_cuda():
        kept(trainer_on("cuda", "bigram", tiny_corpus), tmp_path)
    (path,) = tmp_path.iterdir()
    with pytest.raises(RuntimeError, match="map_location"):
        torch.load(path, weights_only=True)


def test_each_kind_of_device_keeps_its_dice_while_a_run_is_elsewhere(
    tiny_corpus: Corpus, tmp_path: Path
) -> None:
    states: list[dict[str, Any]] = []
    for device in ("cpu", "cuda", "cpu", "cuda"):
        with at(device):
            trainer = trainer_on(device, "classic", tiny_corpus, dropout=0.2)
            if states:
                trainer.load_state_dict(states[-1])
            steps(trainer, 1)
            states.append(kept(trainer, tmp_path).trainer)
    on_cpu, on_gpu, back, there_again = (state["dropout"] for state in states)
    assert on_cpu.keys() == {"cpu"} and on_gpu.keys() == back.keys() == {"cpu", "cuda"}
    assert_equal_states(back["cuda"], on_gpu["cuda"])
    changed = [(on_cpu, back, "cpu"), (back, there_again, "cuda")]
    assert not any(torch.equal(one[kind], other[kind]) for one, other, kind in changed)


@pytest.mark.usefixtures("best_at_20")
@pytest.mark.parametrize(("first", "then"), [("cuda", "cpu"), ("cpu", "cuda")])
def test_a_whole_run_moves_to_another_machine(
    lab: Lab, corpus: Corpus, first: str, then: str
) -> None:
    """Its end is measured with the best weights, too, which here are not the last."""
    changes: dict[str, Any] = dict(device="auto", dropout=0.2, max_iters=30, eval_interval=10)
    config = config_of("fastest", len(corpus.vocabulary), **changes)
    run_id = lab.create_run(config, corpus)
    with at(first):
        assert preflight(config).device == first
        check_fits(config)
        train(lab, run_id, until=15)
    with at(then):
        record = lab.run(train(lab, run_id))
    assert (record.status, record.step, record.best_step) == ("finished", 30, 20)
    assert record.val_loss_nats is not None and record.best_val_loss_nats not in (
        None,
        record.val_loss_nats,
    )
    assert len(lab.store.steps(run_id)) == 30 and lab.store.health(run_id)
    for loaded in (lab.model(record, "last"), lab.snapshot(record, 8), lab.snapshot(record, 16)):
        assert {type(w) for w in loaded.model.state_dict().values()} == {Tensor}
        assert written(loaded.model, corpus)
