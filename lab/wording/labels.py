"""What the pages call the settings of a run, and how they say that one is another. Pure.

Here are the names; what a setting does, in a sentence, stands at its field in
`core.settings.config`, from where pages and command line take it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from core.records.course import Course
from core.records.records import Change
from core.settings.config import ModelKind, help_line
from core.settings.differences import Difference, difference_text

MODEL_NAMES: dict[ModelKind, str] = {
    "bigram": "Bigram table",
    "attention": "Self-attention",
    "transformer": "Transformer",
}
MODEL_SHORT_NAMES: dict[ModelKind, str] = {
    "bigram": "Bigram",
    "attention": "Attention",
    "transformer": "Transformer",
}
"""Where there is little room, as in a switch. Tables and legends have the kind as it is typed."""
LABELS = {
    "block_size": "Block size",
    "n_head": "Heads",
    "n_layer": "Layers",
    "n_embd": "Width",
    "learning_rate": "Learning rate",
    "max_iters": "Steps",
    "batch_size": "Batch size",
    "dropout": "Dropout",
    "block": "Block",
    "ideas": "Ideas",
    "optimizer": "Optimiser",
    "ngrams": "n-gram tables",
    "logit_cap": "Largest logit",
    "head_gates": "Gates on heads",
    "pair_embedding": "Vectors for pairs",
    "schedule": "Schedule",
    "seed": "Seed",
    "threads": "CPU threads",
    "corpus": "Corpus",
    "preset": "Start from",
    "recipe": "Recipe",
    "level": "Simple or all",
    "model": "Model",
    "weight_decay": "Weight decay",
    "grad_clip": "Gradient clipping",
    "vocab_size": "Distinct characters",
    "bias": "Biases",
    "min_lr": "Final learning rate",
    "warmup_iters": "Warm-up steps",
    "lr_decay_iters": "Decay ends at step",
    "muon_lr": "Learning rate of Muon",
    "table_lr": "Learning rate of the tables",
    "beta1": "AdamW beta 1",
    "beta2": "AdamW beta 2",
    "eval_interval": "Steps between estimates",
    "eval_iters": "Batches of an estimate",
    "device": "Device",
    "dtype": "Number format (dtype)",
    "status": "Status",
}
"""What every page calls a setting. The name in the code, and on the command line, is its gloss."""
UNITS = {"block_size": "characters", "batch_size": "windows", "n_embd": "numbers"}
"""What those settings count whose name does not say it."""
SETTINGS_NAMED = 2
"""Settings that are named of one change on a run's way: there is little room on a chart."""


def label_with_unit(name: str) -> str:
    """What a setting is called, with what it counts: "Block size (characters)"."""
    return label_of(name) + _unit_of(name)


def with_unit(name: str) -> str:
    """The same in the middle of a sentence: "block size (characters)"."""
    return in_a_sentence(name) + _unit_of(name)


def value_with_unit(name: str, value: float) -> str:
    """A value of a setting with what it counts: "64 characters"; for the control that sets it."""
    return f"{value:,.6g} {UNITS[name]}" if name in UNITS else f"{value:,.6g}"


def _unit_of(name: str) -> str:
    return f" ({UNITS[name]})" if name in UNITS else ""


def label_of(name: str) -> str:
    """What a setting is called beside its control."""
    return LABELS.get(name, name)


def in_a_sentence(name: str) -> str:
    """What a setting is called in running text: CPU stays CPU, and AdamW AdamW."""
    label = label_of(name)
    is_name = label.split()[0][1:].lower() != label.split()[0][1:]
    return label if is_name else label[:1].lower() + label[1:]


def gloss(name: str) -> str:
    """What a setting is called in the code, and what moving it does; for the help of its control.

    Markdown: the name stands as code.
    """
    said = help_line(name)
    return f"`{name}`: {said}."


def in_labels(message: str) -> str:
    """A message of the core as a page says it: settings by their labels.

    Only names that cannot be words are replaced; those without an underscore read as they are.
    """

    def called(found: re.Match[str]) -> str:
        begins = not found.start() or message[: found.start()].endswith(". ")
        return label_of(found[0]) if begins else in_a_sentence(found[0])

    return _CODE_NAMES.sub(called, message)


_CODE_NAMES = re.compile(rf"\b(?:{'|'.join(name for name in LABELS if '_' in name)})\b")


def plain_seed(difference: Difference) -> Difference:
    """A seed is a name and no quantity: its thousands are not set apart."""
    if difference.name != "seed":
        return difference
    return replace(difference, before=str(difference.before), after=str(difference.after))


def change_text(difference: Difference) -> str:
    """One difference in words: "block size 32 -> 64"."""
    return difference_text(replace(plain_seed(difference), name=in_a_sentence(difference.name)))


def settings_text(change: Change, course: Course) -> str:
    """What was changed on a run's way, in words: "learning rate 0.001 -> 0.0003"."""
    pairs = list(course.telling(change).items())[:SETTINGS_NAMED]
    return ", ".join(change_text(Difference(name, old, new)) for name, (old, new) in pairs)
