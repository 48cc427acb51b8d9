"""Commands that look inside a run's model: `inspect …`.

Layers, heads and places count from 1. Probabilities, losses and weights are not rounded.
"""

from __future__ import annotations

from argparse import Namespace

from torch import Tensor
from tqdm import tqdm

from core.commands.common import BAR, Fields, say
from core.errors import CheckpointError, ConfigError, PromptError
from core.interpretability.attention import attention_weights
from core.interpretability.averaged import averaged_transitions
from core.interpretability.context import counted_by_context, loss_by_context
from core.interpretability.divergence import mean_divergence
from core.interpretability.embeddings import character_vectors, principal_plane
from core.interpretability.examples import Example, where_it_mattered
from core.interpretability.habits import (
    HeadHabits,
    head_habits,
    heads_worth,
    windows_to_look_at,
)
from core.interpretability.head_arithmetic import Cell, cell_arithmetic
from core.interpretability.history import head_histories
from core.interpretability.lens import layer_logits
from core.interpretability.parts import Part
from core.interpretability.training_step import ToldGuess, TrainingStep, tell_step, told_guess
from core.interpretability.transitions import transition_probabilities
from core.records.records import RunRecord
from core.runs.lab import Lab, LoadedModel
from core.runs.private_copy import PrivateCopy
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus, Vocabulary
from core.text.reference import bigram_probabilities
from core.text.windows import sample_windows
from core.training.evaluation import split_loss, windows_loss

N_WINDOWS_FOR_MATRIX = 256
"""Windows of the training split that guesses are averaged over, unless the user says otherwise."""
N_WINDOWS_FOR_EXAMPLES = 256
"""Windows of the validation split in which the guesses are looked for that a head was for."""


def inspect_attention(lab: Lab, args: Namespace) -> Fields:
    record, loaded = _model(lab, args)
    text = _seen(loaded, args.text, at_least=2)
    weights = attention_weights(loaded.model, loaded.vocabulary, text)
    if not len(weights):
        raise ConfigError(f"The {record.model} model has no attention to look at.")
    heads = _habits(loaded, lab.corpus_of(record))
    return _said(record, loaded, args, {
        "text": text, "weights": weights.tolist(),
        "heads": [
            {
                "layer": h.layer, "head": h.head, "name": h.name, "score": h.score,
                "entropy_nats": h.entropy_nats,
            }
            for h in heads
        ],
    })  # fmt: skip


def inspect_heads(lab: Lab, args: Namespace) -> Fields:
    record, loaded = _model(lab, args)
    corpus = lab.corpus_of(record)
    model, T = loaded.model, loaded.model.config.block_size
    if args.windows is None:
        n = (len(corpus.val) - 1) // T * T
        windows = corpus.val[: n + 1].unfold(0, T + 1, T)
    else:
        _, windows = sample_windows(corpus, T, args.windows)
    on_windows = windows_loss(model, windows)
    full = split_loss(model, corpus.val) if args.windows is None else on_windows
    worths = heads_worth(model, windows, on_windows)
    named = {(h.layer, h.head): h for h in _habits(loaded, corpus)}
    return _said(record, loaded, args, {
        "n_windows": len(windows), "full_val_loss": full,
        "heads": [
            {
                "layer": w.layer, "head": w.head, "name": named[w.layer, w.head].name,
                "score": named[w.layer, w.head].score, "val_loss": w.val_loss_nats,
                "delta": w.delta_nats,
            }
            | _examples(loaded, corpus, Part("head", w.layer, w.head), args.examples)
            for w in worths
        ],
    })  # fmt: skip


def inspect_cell(lab: Lab, args: Namespace) -> Fields:
    record, loaded = _model(lab, args)
    text = _seen(loaded, args.text, at_least=1)
    cell = Cell(args.layer, args.head, args.query, args.key)
    found = cell_arithmetic(loaded.model, loaded.vocabulary, text, cell)
    return _said(record, loaded, args, {
        "text": text, "layer": cell.layer, "head": cell.head,
        "query": cell.query_place, "key": cell.key_place,
        "dot": found.dot, "scale": found.scale, "score": found.score,
        "is_allowed": found.is_allowed, "weight": found.weight,
        "share_of_output": found.share_of_output,
        "stages": [
            {"name": stage.name, "query": stage.query.tolist(), "key": stage.key.tolist()}
            for stage in found.stages
        ],
        "products": found.products.tolist(), "scores": found.scores.tolist(),
        "weights": found.weights.tolist(), "value": found.value.tolist(),
        "contribution": found.contribution.tolist(), "output": found.output.tolist(),
        "opening": found.opening,
    })  # fmt: skip


def _examples(loaded: LoadedModel, corpus: Corpus, part: Part, n: int | None) -> Fields:
    """The field of a head that holds the guesses it was for; nothing where none were asked for."""
    if n is None:
        return {}
    _, windows = sample_windows(corpus, loaded.model.config.block_size, N_WINDOWS_FOR_EXAMPLES)
    found = where_it_mattered(loaded.model, loaded.vocabulary, windows, part, n)
    return {"examples": [_example_fields(example) for example in found]}


def _example_fields(example: Example) -> Fields:
    return {
        "text": example.text, "character": example.character,
        "probability_with": example.probability_with,
        "probability_without": example.probability_without, "looked_at": example.looked_at,
    }  # fmt: skip


def inspect_history(lab: Lab, args: Namespace) -> Fields:
    record = lab.run(args.run)
    corpus, config = lab.corpus_of(record), record.config.model
    if not config.n_head:
        raise ConfigError(f"The {record.model} model has no heads.")
    steps = SnapshotFolder(lab.home.run_folder(record.id)).steps()
    if not steps:
        raise CheckpointError(f"{record.name} has no snapshots, so its heads have no history.")
    measured = []
    for step in tqdm(steps, unit=" snapshots", **BAR):
        loaded = lab.snapshot(record, step)
        measured.append(_habits(loaded, corpus, args.windows))
    return {
        "run": record.id, "steps": steps,
        "heads": [
            {
                "layer": h.layer, "head": h.head, "names": list(h.names),
                "scores": [each.score for each in h.measured],
                "entropy_nats": [each.entropy_nats for each in h.measured],
            }
            for h in head_histories(steps, measured)
        ],
    }  # fmt: skip


def inspect_lens(lab: Lab, args: Namespace) -> Fields:
    record, loaded = _model(lab, args)
    text = _seen(loaded, args.text, at_least=1)
    logits = layer_logits(loaded.model, loaded.vocabulary.encode(text)[None])[:, 0]  # L, T, V
    probabilities, guesses = logits.softmax(dim=-1).max(dim=-1)
    return _said(record, loaded, args, {
        "text": text,
        "layers": [
            {"layer": layer, "guesses": list(loaded.vocabulary.decode(tokens)), "probabilities": p}
            for layer, (tokens, p) in enumerate(zip(guesses, probabilities.tolist()), 1)
        ],
    })  # fmt: skip


def inspect_matrix(lab: Lab, args: Namespace) -> Fields:
    record, loaded = _model(lab, args)
    if args.windows is not None and not args.averaged:
        raise ConfigError("--windows says how many windows --averaged is to read: give both.")
    corpus, V = lab.corpus_of(record), loaded.model.config.vocab_size
    learned = transition_probabilities(loaded.model)
    counted = bigram_probabilities(corpus.train, V)
    n_windows = args.windows or N_WINDOWS_FOR_MATRIX
    averaged = _averaged(loaded, corpus, counted, n_windows) if args.averaged else {}
    return _said(record, loaded, args, {
        "characters": loaded.vocabulary.characters,
        "learned": learned.tolist(), "counted": counted.tolist(),
        "divergence_nats": mean_divergence(counted, learned, corpus.train),
    } | averaged)  # fmt: skip


def _averaged(loaded: LoadedModel, corpus: Corpus, counted: Tensor, n_windows: int) -> Fields:
    """The guesses in context, averaged by the character that stands there.

    On the training split, as the counts are of it; a row that nothing is known of is None.
    """
    windows, _ = sample_windows(corpus, loaded.model.config.block_size, n_windows)
    found = averaged_transitions(loaded.model, windows)
    rows = zip(found.probabilities.tolist(), found.n_places.tolist())
    return {
        "averaged": [row if n_places else None for row, n_places in rows],
        "n_windows": found.n_windows,
        "averaged_divergence_nats": mean_divergence(counted, found.probabilities, corpus.train),
        "context_nats": found.context_nats,
    }


def inspect_embeddings(lab: Lab, args: Namespace) -> Fields:
    record, loaded = _model(lab, args)
    plane = principal_plane(character_vectors(loaded.model))
    return _said(record, loaded, args, {
        "characters": loaded.vocabulary.characters,
        "xy": plane.xy.tolist(), "variance": list(plane.variance),
    })  # fmt: skip


def inspect_context(lab: Lab, args: Namespace) -> Fields:
    record, loaded = _model(lab, args)
    corpus = lab.corpus_of(record)
    losses = loss_by_context(loaded.model, corpus.val).tolist()
    counted = counted_by_context(corpus)[: len(losses)]
    return _said(record, loaded, args, {
        "context": list(range(1, len(losses) + 1)),
        "loss": losses, "counted": counted + [None] * (len(losses) - len(counted)),
    })  # fmt: skip


def inspect_step(lab: Lab, args: Namespace) -> Fields:
    record = lab.run(args.run)
    copy = PrivateCopy.of_run(lab, record, args.at)
    taken_from = copy.trainer.step
    told = tell_step(copy.trainer)
    guess = told_guess(told, *_place_in_batch(told, args.window, args.place))
    say(f"{record.name}, a private copy of step {taken_from:,}: the run itself is left alone")
    return {
        "run": record.id, "iter": told.step, "learning_rate": told.learning_rate,
        **_batch_fields(told), **_guess_fields(told, guess, copy.trainer.corpus.vocabulary),
        "parts": [
            {
                "layer": part.layer or None, "part": part.part, "n_params": part.n_params,
                "grad_norm": part.grad_norm, "weight_norm": part.weight_norm,
                "update_norm": part.update_norm, "update_ratio": part.update_ratio,
            }
            for part in told.parts
        ],
    }  # fmt: skip


def _place_in_batch(told: TrainingStep, window: int | None, place: int | None) -> tuple[int, int]:
    """The window and the place that were named, from 1; a typical one for what was not. From 0.

    Raises ConfigError for what the batch does not have.
    """
    B, T = told.inputs.shape
    usual = told.typical
    for what, wanted, n in (("window", window, B), ("place", place, T)):
        if wanted is not None and wanted > n:
            raise ConfigError(
                f"This step reads {B:,} windows of {T:,} characters, so --{what} goes from 1 to "
                f"{n:,}, not {wanted:,}."
            )
    return (
        usual[0] if window is None else window - 1,
        usual[1] if place is None else place - 1,
    )


def _batch_fields(told: TrainingStep) -> Fields:
    B, T = told.inputs.shape
    return {
        "n_windows": B, "n_places": T,
        "step_loss_nats": told.step_loss_nats,
        "batch_loss_before_nats": told.loss_before_nats,
        "batch_loss_after_nats": told.loss_after_nats,
        "grad_norm": told.grad_norm, "clip_factor": told.clip_factor,
    }  # fmt: skip


def _guess_fields(told: TrainingStep, guess: ToldGuess, vocabulary: Vocabulary) -> Fields:
    """One guess: what it was made from, by which layers, what it cost, before and after."""
    best, tokens = guess.layers.max(dim=-1)
    of_target = guess.layers[:, guess.target].tolist()
    every = zip(
        vocabulary.characters, guess.before.tolist(), guess.logits_grad.tolist(),
        guess.after.tolist(),
    )  # fmt: skip
    return {
        "window": guess.window + 1, "place": guess.place + 1,
        "text": vocabulary.decode(told.inputs[guess.window, : guess.place + 1]),
        "target": vocabulary.characters[guess.target],
        "loss_before_nats": guess.loss_before_nats, "loss_after_nats": guess.loss_after_nats,
        "layers": [
            {"layer": layer, "guess": character, "probability": p, "target_probability": right}
            for layer, (character, p, right) in enumerate(
                zip(vocabulary.decode(tokens), best.tolist(), of_target), 1
            )
        ],
        "candidates": [
            {"character": c, "before": p, "logit_gradient": gradient, "after": after}
            for c, p, gradient, after in every
        ],
    }  # fmt: skip


def _model(lab: Lab, args: Namespace) -> tuple[RunRecord, LoadedModel]:
    """The run and its model, of the nearest snapshot where a step is named."""
    record = lab.run(args.run)
    if args.at is None:
        loaded = lab.model(record, args.checkpoint)
    else:
        loaded = lab.nearest_snapshot(record, args.at)
    return record, loaded


def _said(record: RunRecord, loaded: LoadedModel, args: Namespace, fields: Fields) -> Fields:
    """The fields of a command, after which model they are of has been said: once all went well."""
    is_other = args.at is not None and args.at != loaded.step
    nearest = f", the nearest to step {args.at:,}" if is_other else ""
    say(f"{record.name}, {loaded.origin}{nearest}")
    return {"run": record.id, "iter": loaded.step} | fields


def _seen(loaded: LoadedModel, text: str, at_least: int) -> str:
    """What the model sees of a text. Raises PromptError where that is too little."""
    if len(text) < at_least:
        raise PromptError(
            f"The text has {len(text)} character{'s' * (len(text) != 1)}, and {at_least} are the "
            "least that there is something to see in. Give a longer --text.", "",
        )  # fmt: skip
    block_size = loaded.model.config.block_size
    return text[-block_size:]


def _habits(loaded: LoadedModel, corpus: Corpus, n_windows: int | None = None) -> list[HeadHabits]:
    T = loaded.model.config.block_size
    if T < 2:
        raise ConfigError("Heads that see one character have no choice, and so no habits.")
    if n_windows is None:
        windows = windows_to_look_at(loaded.model, corpus)
    else:
        _, windows = sample_windows(corpus, T, n_windows)
    return head_habits(loaded.model, loaded.vocabulary, windows[:, :-1])
