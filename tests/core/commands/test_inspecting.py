"""What `inspect` and `eval --off` say, in the names and numbers that scripts rely on."""

from __future__ import annotations

import math

import pytest
import torch

from core.exchange.export_import import export_run, import_run
from core.interpretability.habits import head_habits
from core.interpretability.parts import Part, without
from core.interpretability.training_step import tell_step, told_guess
from core.runs.lab import Lab
from core.runs.private_copy import PrivateCopy
from core.settings.config import ModelKind
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus
from core.text.reference import bigram_probabilities
from core.text.windows import sample_windows
from core.training.evaluation import split_loss
from tests.helpers import CommandLine, trained

TEXT = "OWL: to"


@pytest.fixture
def cli(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def run(lab: Lab, corpus: Corpus, kind: ModelKind) -> str:
    trained(lab, corpus, kind, name="owl")
    return "owl"


@pytest.fixture
def owl(lab: Lab, corpus: Corpus) -> str:
    trained(lab, corpus, "transformer", name="owl")
    return "owl"


def snapshot_steps(lab: Lab, name: str) -> list[int]:
    return SnapshotFolder(lab.home.run_folder(lab.run(name).id)).steps()


def test_attention_of_a_text_and_the_names_of_heads(cli: CommandLine, lab: Lab, owl: str) -> None:
    fields = cli.ok("inspect", "attention", owl, "--text", TEXT)
    config = lab.run(owl).config.model
    assert fields["run"] == lab.run(owl).id and fields["iter"] == lab.run(owl).best_step
    assert fields["text"] == TEXT
    weights = torch.tensor(fields["weights"])
    assert weights.shape == (config.n_layer, config.n_head, len(TEXT), len(TEXT))
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:-1]))
    every = [(layer, head) for layer in (1, 2) for head in (1, 2)]
    assert [(head["layer"], head["head"]) for head in fields["heads"]] == every
    for head in fields["heads"]:
        assert head.keys() == {"layer", "head", "name", "score", "entropy_nats"}
        assert 0 <= head["score"] <= 1 and 0 <= head["entropy_nats"] <= math.log(config.block_size)


def test_a_step_takes_the_nearest_snapshot_and_says_which(
    cli: CommandLine, lab: Lab, owl: str
) -> None:
    steps = snapshot_steps(lab, owl)
    assert {0, 16, 20} <= {*steps} and 18 not in steps
    fields = cli.ok("inspect", "attention", owl, "--text", TEXT, "--at", 17)
    assert fields["iter"] == 16
    assert "snapshot, step 16, the nearest to step 17" in cli.stderr
    cli.ok("inspect", "matrix", owl, "--at", 20)
    assert "snapshot, step 20" in cli.stderr and "nearest" not in cli.stderr


def test_heads_by_what_their_loss_costs(cli: CommandLine, lab: Lab, owl: str) -> None:
    fields = cli.ok("inspect", "heads", owl, "--checkpoint", "last")
    corpus, model = lab.corpus_of(lab.run(owl)), lab.model(lab.run(owl), "last").model
    assert fields["full_val_loss"] == pytest.approx(split_loss(model, corpus.val))
    deltas = [head["delta"] for head in fields["heads"]]
    assert deltas == sorted(deltas, reverse=True) and len(deltas) == 4
    few = cli.ok("inspect", "heads", owl, "--windows", 3)
    assert few["n_windows"] == 3 < fields["n_windows"]


def test_examples_are_added_to_each_head_and_nothing_else_changes(
    cli: CommandLine, lab: Lab, owl: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.interpretability.examples.MIN_PROBABILITY", 1e-4)  # it knows little
    plain = cli.ok("inspect", "heads", owl, "--windows", 3)
    fields = cli.ok("inspect", "heads", owl, "--windows", 3, "--examples", 2)
    examples = [head.pop("examples") for head in fields["heads"]]
    assert fields == plain
    assert any(examples) and all(len(each) <= 2 for each in examples)
    for example in (example for each in examples for example in each):
        assert [*example] == [
            "text", "character", "probability_with", "probability_without", "looked_at",
        ]  # fmt: skip
        assert example["text"] + example["character"] in lab.corpus_of(lab.run(owl)).text
        assert 1 >= example["probability_with"] > example["probability_without"] >= 0
        assert 0 <= example["looked_at"] < len(example["text"])
    assert cli.code("inspect", "heads", owl, "--windows", 3, "--examples", 1) == 0
    assert "without the head" in cli.stdout


def test_the_history_of_heads_is_what_each_snapshot_says(
    cli: CommandLine, lab: Lab, owl: str
) -> None:
    fields = cli.ok("inspect", "history", owl, "--windows", 3)
    assert [*fields] == ["run", "steps", "heads"]
    record = lab.run(owl)
    assert fields["run"] == record.id and fields["steps"] == snapshot_steps(lab, owl)
    assert [(h["layer"], h["head"]) for h in fields["heads"]] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    _, windows = sample_windows(lab.corpus_of(record), record.config.model.block_size, 3)
    for place, step in enumerate(fields["steps"]):
        loaded = lab.snapshot(record, step)
        measured = head_habits(loaded.model, loaded.vocabulary, windows[:, :-1])
        for head, expected in zip(fields["heads"], measured):
            assert head["names"][place] == expected.name
            assert head["scores"][place] == expected.score
            assert head["entropy_nats"][place] == expected.entropy_nats


def test_the_history_for_a_person_is_a_line_for_each_head(cli: CommandLine, owl: str) -> None:
    assert cli.code("inspect", "history", owl, "--windows", 3) == 0
    lines = cli.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["1.1", "1.2", "2.1", "2.2"]
    assert all("from step 0 " in line for line in lines)


def test_eval_with_parts_off(cli: CommandLine, lab: Lab, owl: str) -> None:
    corpus, model = lab.corpus_of(lab.run(owl)), lab.model(lab.run(owl), "last").model
    full = cli.ok("eval", owl)
    assert full.keys() == {"run", "iter", "val_loss"}
    for names, parts in (
        ("1.1", [Part("head", 1, 1)]),
        ("1.2,2.1", [Part("head", 1, 2), Part("head", 2, 1)]),
        ("attention:2", [Part("attention", 2)]),
        ("mlp:1", [Part("mlp", 1)]),
        ("positions", [Part("positions")]),
    ):
        fields = cli.ok("eval", owl, "--off", names)
        assert fields["full_val_loss"] == full["val_loss"]
        assert fields["val_loss"] == split_loss(without(model, parts), corpus.val)
        assert fields["val_loss"] != full["val_loss"]


def test_the_lens_ends_in_what_the_model_guesses(cli: CommandLine, lab: Lab, owl: str) -> None:
    layers = cli.ok("inspect", "lens", owl, "--text", TEXT)["layers"]
    assert [layer["layer"] for layer in layers] == [1, 2]
    loaded = lab.model(lab.run(owl))
    with torch.no_grad():
        logits = loaded.model(loaded.vocabulary.encode(TEXT)[None])[0]
    best = logits.softmax(dim=-1).max(dim=-1)
    assert "".join(layers[-1]["guesses"]) == loaded.vocabulary.decode(best.indices)
    assert layers[-1]["probabilities"] == pytest.approx(best.values.tolist(), abs=1e-6)


CELL = ("--text", TEXT, "--layer", 2, "--head", 1, "--query", 5, "--key", 3)


def test_a_cell_is_worked_out_in_numbers(cli: CommandLine, lab: Lab, owl: str) -> None:
    fields = cli.ok("inspect", "cell", owl, *CELL)
    assert fields["iter"] == lab.run(owl).best_step
    assert [fields[name] for name in ("layer", "head", "query", "key")] == [2, 1, 5, 3]
    attention = torch.tensor(cli.ok("inspect", "attention", owl, "--text", TEXT)["weights"])
    assert fields["weights"] == pytest.approx(attention[1, 0, 4].tolist(), abs=1e-6)
    assert fields["weight"] == fields["weights"][2] and fields["is_allowed"]
    (met,) = fields["stages"]
    assert fields["products"] == pytest.approx([q * k for q, k in zip(met["query"], met["key"])])
    assert fields["dot"] == pytest.approx(sum(fields["products"]), abs=1e-6)
    assert fields["scores"][2] == fields["score"]
    assert fields["score"] == pytest.approx(fields["dot"] * fields["scale"], abs=1e-6)
    taken = [fields["weight"] * number for number in fields["value"]]
    assert fields["contribution"] == pytest.approx(taken, abs=1e-6)
    assert len(fields["output"]) == lab.run(owl).config.model.head_size
    assert cli.code("inspect", "cell", owl, *CELL) == 0
    assert "query times key" in cli.stdout and len(cli.stdout.splitlines()) < 20


def test_the_matrix_is_of_every_model_beside_the_counts(
    cli: CommandLine, lab: Lab, run: str, corpus: Corpus
) -> None:
    fields = cli.ok("inspect", "matrix", run)
    V = len(corpus.vocabulary)
    assert fields["characters"] == corpus.vocabulary.characters
    learned, counted = torch.tensor(fields["learned"]), torch.tensor(fields["counted"])
    for matrix in (learned, counted):
        assert matrix.shape == (V, V)
        torch.testing.assert_close(matrix.sum(dim=1), torch.ones(V))
    expected = bigram_probabilities(corpus.train, V)
    torch.testing.assert_close(counted.double(), expected, atol=1e-6, rtol=1e-6)
    rows = (expected * (expected / learned.double()).log()).sum(dim=1)
    often = torch.bincount(corpus.train, minlength=V) / len(corpus.train)
    assert fields["divergence_nats"] == pytest.approx(float((rows * often).sum()), abs=1e-5)


def test_the_matrix_averaged_over_contexts(
    cli: CommandLine, lab: Lab, run: str, corpus: Corpus
) -> None:
    plain = cli.ok("inspect", "matrix", run)
    fields = cli.ok("inspect", "matrix", run, "--averaged", "--windows", 5)
    extra = {"averaged", "n_windows", "averaged_divergence_nats", "context_nats"}
    assert fields.keys() == plain.keys() | extra
    assert all(fields[name] == plain[name] for name in plain)
    assert fields["n_windows"] == 5
    model = lab.model(lab.run(run)).model
    windows, _ = sample_windows(corpus, model.config.block_size, 5)
    there = set(windows[:, :-1].flatten().tolist())
    for token, row in enumerate(fields["averaged"]):
        assert (row is not None) == (token in there)
        assert row is None or sum(row) == pytest.approx(1)
    assert fields["averaged_divergence_nats"] > 0
    if lab.run(run).model == "bigram":
        for token in there:
            assert fields["averaged"][token] == pytest.approx(fields["learned"][token], abs=1e-6)
        assert fields["context_nats"] == pytest.approx(0, abs=1e-6)


def test_characters_in_two_dimensions(cli: CommandLine, run: str, corpus: Corpus) -> None:
    fields = cli.ok("inspect", "embeddings", run)
    assert fields["characters"] == corpus.vocabulary.characters
    assert torch.tensor(fields["xy"]).shape == (len(corpus.vocabulary), 2)
    first, second = fields["variance"]
    assert 1 >= first >= second >= 0 and first + second <= 1 + 1e-9


def test_the_loss_by_context_beside_counted_ngrams(cli: CommandLine, lab: Lab, run: str) -> None:
    fields = cli.ok("inspect", "context", run)
    block_size = lab.run(run).config.model.block_size
    assert fields["context"] == list(range(1, block_size + 1))
    assert len(fields["loss"]) == len(fields["counted"]) == block_size
    assert all(loss > 0 for loss in fields["loss"] + fields["counted"][:4])
    assert fields["counted"][4:] == [None] * (block_size - 4)


def test_an_imported_model_is_inspected_too(
    cli: CommandLine, lab: Lab, owl: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("out")
    (path, *_) = export_run(lab, lab.run(owl), "safetensors", folder, "last")
    record = import_run(lab, path, "tiny", "parrot")
    ours = cli.ok("inspect", "heads", owl, "--checkpoint", "last")["heads"]
    theirs = cli.ok("inspect", "heads", record.name)["heads"]
    assert [h["delta"] for h in theirs] == pytest.approx([h["delta"] for h in ours], abs=1e-6)
    assert "no step at all" in cli.refused("inspect", "context", record.name, "--at", 5)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("inspect attention owl --text O", "has 1 character, and 2 are the least"),
        ("inspect lens owl --text=", "has 0 characters"),
        ("inspect cell owl --text OWL --layer 3 --head 1 --query 2 --key 1", "no layer 3"),
        ("inspect cell owl --text OWL --layer 1 --head 1 --query 2", "--key"),
        ("inspect attention owl --text O@L", "has no ‘@’"),
        ("inspect heads owl --windows 0", "a whole number from 1"),
        ("inspect matrix owl --averaged --windows 0", "a whole number from 1"),
        ("inspect matrix owl --windows 5", "give both"),
        ("inspect heads owl --examples 0", "a whole number from 1"),
        ("inspect history nobody", "nobody"),
        ("eval owl --off 3.1", "2 layers of 2 heads"),
        ("eval owl --off nose", "names no part"),
        ("eval owl --off=", "names no part"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    cli: CommandLine, owl: str, command: str, says: str
) -> None:
    assert says in cli.refused(*command.split())


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("inspect attention table --text OWL", "no attention"),
        ("inspect heads table", "no heads"),
        ("inspect history table", "no heads"),
        ("inspect lens table --text OWL", "no layers"),
        ("inspect cell table --text OWL --layer 1 --head 1 --query 1 --key 1", "no attention"),
        ("eval table --off 1.1", "one table"),
    ],
)
def test_a_table_has_no_inside(
    cli: CommandLine, lab: Lab, corpus: Corpus, command: str, says: str
) -> None:
    trained(lab, corpus, "bigram", name="table")
    assert says in cli.refused(*command.split())


@pytest.mark.parametrize("what", ["heads", "matrix", "embeddings", "context"])
def test_a_person_gets_what_can_be_read(cli: CommandLine, owl: str, what: str) -> None:
    assert cli.code("inspect", what, owl) == 0
    if what == "matrix":
        assert cli.code("inspect", what, owl, "--averaged") == 0
    assert max(map(len, cli.stdout.splitlines())) < 200 and len(cli.stdout.splitlines()) < 60


# --- one training step ----------------------------------------------------------------------------


def test_a_step_is_told_with_the_numbers_of_the_next_one(
    cli: CommandLine, lab: Lab, run: str
) -> None:
    record = lab.run(run)
    fields = cli.ok("inspect", "step", run)
    assert f"a private copy of step {record.step}: the run itself is left alone" in cli.stderr
    told = tell_step(PrivateCopy.of_run(lab, record).trainer)
    guess = told_guess(told, *told.typical)
    assert (fields["run"], fields["iter"]) == (record.id, record.step + 1)
    assert fields["learning_rate"] == told.learning_rate
    assert fields["step_loss_nats"] == told.step_loss_nats
    assert fields["batch_loss_before_nats"] == pytest.approx(told.loss_before_nats)
    assert fields["batch_loss_after_nats"] == pytest.approx(told.loss_after_nats)
    assert (fields["grad_norm"], fields["clip_factor"]) == (told.grad_norm, told.clip_factor)
    assert (fields["window"], fields["place"]) == (guess.window + 1, guess.place + 1)
    assert fields["loss_before_nats"] == pytest.approx(guess.loss_before_nats)
    assert fields["loss_after_nats"] == pytest.approx(guess.loss_after_nats)
    assert [part["grad_norm"] for part in fields["parts"]] == [p.grad_norm for p in told.parts]
    assert [part["update_norm"] for part in fields["parts"]] == [p.update_norm for p in told.parts]
    assert {part["layer"] for part in fields["parts"]} <= {None, 1, 2}
    assert [layer["layer"] for layer in fields["layers"]] == [*range(1, len(guess.layers) + 1)]
    assert fields["layers"][-1]["target_probability"] == pytest.approx(
        math.exp(-guess.loss_before_nats)
    )
    (right,) = (c for c in fields["candidates"] if c["character"] == fields["target"])
    assert right["before"] == pytest.approx(math.exp(-guess.loss_before_nats))
    assert right["after"] == pytest.approx(math.exp(-guess.loss_after_nats))
    assert right["logit_gradient"] == pytest.approx(float(guess.logits_grad[guess.target]))
    assert sum(c["logit_gradient"] for c in fields["candidates"]) == pytest.approx(0, abs=1e-5)
    assert lab.run(run) == record


def test_any_guess_of_the_batch_can_be_followed(cli: CommandLine, lab: Lab, owl: str) -> None:
    fields = cli.ok("inspect", "step", owl, "--window", 2, "--place", 3)
    told = tell_step(PrivateCopy.of_run(lab, lab.run(owl)).trainer)
    vocabulary = lab.corpus_of(lab.run(owl)).vocabulary
    assert (fields["window"], fields["place"]) == (2, 3)
    assert fields["text"] == vocabulary.decode(told.inputs[1, :3])
    assert fields["target"] == vocabulary.decode(told.targets[1, 2:3])
    assert (fields["n_windows"], fields["n_places"]) == told.inputs.shape
    last = cli.ok("inspect", "step", owl, "--window", 4, "--place", 8)
    assert (last["window"], last["place"]) == (4, 8)


def test_a_step_can_be_told_from_the_start(cli: CommandLine, owl: str) -> None:
    fields = cli.ok("inspect", "step", owl, "--at", 0)
    assert fields["iter"] == 1
    uniform = math.log(len(fields["candidates"]))
    assert fields["batch_loss_before_nats"] == pytest.approx(uniform, abs=0.05)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("--at 7", "has kept no checkpoint of step 7"),
        ("--window 5", "--window goes from 1 to 4, not 5"),
        ("--place 9", "--place goes from 1 to 8, not 9"),
        ("--place 0", "a whole number from 1"),
    ],
)
def test_a_step_that_cannot_be_told_is_refused_in_one_line(
    cli: CommandLine, owl: str, flags: str, says: str
) -> None:
    assert says in cli.refused("inspect", "step", "owl", *flags.split())


def test_a_person_reads_a_step_on_one_screen(cli: CommandLine, owl: str) -> None:
    assert cli.code("inspect", "step", owl) == 0
    lines = cli.stdout.splitlines()
    assert len(lines) < 60 and max(map(len, lines)) < 120
    assert any("layer 1" in line or "attention" in line for line in lines)
    assert "candidates" not in cli.stdout and "nats" in cli.stdout
