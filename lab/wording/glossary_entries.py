"""The glossary: each word of the field with its formula and the picture that shows it. Pure.

The first sentence of a word is the line behind the question marks, where it has one there
(`glossary.TERMS`), and that of its setting, where it is one; nothing is said twice. The groups, and
the words in them, stand in the order in which a learner meets them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from core.settings.config import help_line
from lab.wording.glossary import TERMS

Group = Literal[
    "The text, and what counting knows",
    "A model and its guess",
    "Inside a model",
    "Training",
    "Measuring",
    "Writing",
]
GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True)
class Picture:
    """Where a word can be seen: a page of the lab, in a view that its address opens."""

    page: str
    shows: str
    """What one sees there, as a link says it."""
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GlossaryEntry:
    """A word of the field, and all that the glossary says of it."""

    term: str
    group: Group
    line: str
    """As it would follow a colon."""
    more: str
    """A sentence that adds to the line; empty where that says it all."""
    formula: str
    """In LaTeX; empty where there is none."""
    picture: Picture


CORPUS = Picture("corpus", "The text and its characters")
COUNTED = Picture("bigram", "The counted table", {"view": "counted"})
LEARNED = Picture("bigram", "The learned table", {"view": "learned"})
CURVE = Picture("train", "The curve of a run")
HEADS = Picture("attention", "Where each head looks")
ODDS = Picture("generate", "How each character was drawn")
STREAM = Picture("model", "The stream past all layers", {"part": "stream"})
LOGITS = Picture("model", "The scores of one guess", {"part": "logits"})

_Told = tuple[str, str, str, Picture]
"""Term, formula, a further sentence, picture."""
_TOLD: dict[Group, tuple[_Told, ...]] = {
    "The text, and what counting knows": (
        ("token", "", "Other models take pieces of words.", CORPUS),
        ("vocabulary", r"V = |\{\text{distinct characters}\}|", "", CORPUS),
        ("uniform", r"p(c) = \tfrac{1}{V}, \quad L = \ln V", "", CURVE),
        ("unigram", r"p(c) = \frac{n(c) + 1}{N + V}",
         "n(c) counts how often c comes among the N characters of the training text.", CORPUS),
        ("bigram", r"p(c \mid b) = \frac{n(bc) + 1}{n(b) + V}", "", COUNTED),
        ("n-gram", r"p(c \mid h) = \frac{n(hc) + t(h)\, p(c \mid h')}{n(h) + t(h)}",
         "Where a context h is rare, the shorter one h' helps out; t(h) is how many different "
         "characters followed h (Witten and Bell).", Picture("corpus", "What counting reaches")),
    ),
    "A model and its guess": (
        ("parameters", "", "Training changes them and nothing else.",
         Picture("model", "All parts with their parameters", {"part": "stream"})),
        ("block size", "", "", HEADS),
        ("embedding", r"x_i = E[c_i] + P[i]", "E has a row for each character, P one for each "
         "place.", Picture("model", "A character as a vector", {"part": "characters"})),
        ("logits", r"z = W x + b", "", LOGITS),
        ("softmax", r"p_c = \frac{e^{z_c}}{\sum_k e^{z_k}}", "",
         Picture("model", "The odds of one guess", {"part": "probabilities"})),
    ),
    "Inside a model": (
        ("layer", r"x \leftarrow x + \mathrm{Attention}(x), \quad "
         r"x \leftarrow x + \mathrm{MLP}(x)", "The first reads characters, each later one what "
         "those before it found.", Picture("model", "All layers on one map")),
        ("width", "", "", STREAM),
        ("residual stream", r"x \leftarrow x + \mathrm{Attention}(x), \quad "
         r"x \leftarrow x + \mathrm{MLP}(x)", "So each layer only has to add what is missing.",
         STREAM),
        ("query", r"q_i = x_i W_Q", "", HEADS),
        ("key", r"k_j = x_j W_K", "", HEADS),
        ("value", r"v_j = x_j W_V", "", HEADS),
        ("attention head",
         r"a_{ij} = \mathrm{softmax}_j \frac{q_i \cdot k_j}{\sqrt{D}}, "
         r"\quad o_i = \sum_j a_{ij} v_j",
         "D is how many numbers a query has.", Picture(
             "attention", "One head, large", {"layer": "1", "head": "1"})),
        ("causal mask", r"a_{ij} = 0 \ \text{where} \ j > i", "",
         Picture("ladder", "What a model does without it")),
        ("MLP", r"\mathrm{MLP}(x) = W_2\, \mathrm{GELU}(W_1 x)",
         "Four times as wide inside as the stream.",
         Picture("model", "The units of an MLP", {"part": "mlp:1"})),
    ),
    "Training": (
        ("step", r"w \leftarrow w - \eta\, g",
         "What a run costs grows with its steps and with what each of them reads.",
         Picture("train", "One training step, told")),
        ("batch", "", "", Picture("train", "One training step, told")),
        ("gradient", r"g = \frac{\partial L}{\partial w}", "",
         Picture("train", "One training step, told")),
        ("learning rate", r"w \leftarrow w - \eta\, g",
         "AdamW, which trains most models here, also gives each weight a scale of its own.", CURVE),
        ("warm-up", "", "Without it the first steps of a large rate can throw a run off its way.",
         CURVE),
        ("gradient norm", r"\lVert g \rVert = \sqrt{\textstyle\sum_w g_w^2}", "",
         Picture("train", "How a run fares inside")),
        ("dead units", "", "", Picture("train", "How a run fares inside")),
        ("dropout", "", "While a model is measured, or writes, nothing is zeroed.", CURVE),
        ("overfitting", "", "More text, a smaller model or dropout help against it.", CURVE),
        ("checkpoint", "", "", Picture("train", "All runs", {"view": "runs"})),
        ("seed", "", "The same seed and settings give the same run, bit for bit.",
         Picture("train", "The buttons of a run")),
        ("FLOPs", "", "", Picture("compare", "Runs at equal work")),
        ("throughput", "", "", Picture("compare", "Runs in numbers")),
    ),
    "Measuring": (
        ("loss", r"L = -\frac{1}{N} \sum_i \ln p(c_i \mid c_{<i})", "", CURVE),
        ("validation loss", "", "The last tenth of a text is kept for it.", CURVE),
        ("estimate", "", "Two estimates compare well with each other, and less well with the whole "
         "split, of which they see a sample.", CURVE),
        ("nats", r"-\ln p", "", CURVE),
        ("bits", r"-\log_2 p = \frac{-\ln p}{\ln 2}", "",
         Picture("compare", "A passage, character by character")),
        ("surprise", r"-\log_2 p(c_i \mid c_{<i})", "",
         Picture("compare", "A passage, character by character")),
        ("perplexity", r"e^{L}", "", Picture("compare", "Runs in numbers")),
        ("entropy", r"H = -\sum_c p_c \ln p_c", "", COUNTED),
        ("divergence", r"D = \sum_c p_c \ln \frac{p_c}{q_c}", "",
         Picture("bigram", "Learned less counted", {"view": "difference"})),
    ),
    "Writing": (
        ("temperature", r"p_c \propto e^{z_c / T}", "", ODDS),
        ("top-k", "", "", ODDS),
        ("top-p", r"\sum_{c\ \text{kept}} p_c \ge p", "", ODDS),
    ),
}  # fmt: skip
_ONLY_HERE: dict[str, str] = {
    "token": "the unit that a model reads and writes, a number of its own for each: here one "
    "character",
    "vocabulary": "all characters that a text has, each once; a model can write no other",
    "parameters": "the numbers that a model consists of",
    "block size": help_line("block_size"),
    "embedding": "the list of numbers, a vector, that stands for a character inside a model; it is "
    "learned like all others",
    "residual stream": "the vector of each character on its way through a model, to which every "
    "layer adds",
    "value": "the numbers that a character hands over to those that look at it",
    "causal mask": "keeps each character from looking at those that come after it, which it is to "
    "guess",
    "MLP": "a part of a layer that works on each character by itself, between two looks at the "
    "others",
    "layer": "one round of looking back and thinking: attention, then an MLP, each of which adds "
    "to what is there",
    "width": "how many numbers stand for one character inside a model",
    "step": "one pass over a batch, after which all weights are moved a little",
    "learning rate": help_line("learning_rate"),
    "warm-up": help_line("warmup_iters"),
    "dropout": help_line("dropout"),
    "estimate": "a loss measured now and then while a run trains, always on the same sample of the "
    "text, so that it takes little time",
    "overfitting": "learning the training text by heart: the loss on it still falls while that on "
    "other text rises",
}
"""Words that no question mark explains: they stand for settings or parts that pages show."""


def _entry(group: Group, told: _Told) -> GlossaryEntry:
    term, formula, more, picture = told
    line = TERMS.get(term) or _ONLY_HERE[term]
    return GlossaryEntry(term, group, line, more, formula, picture)


ENTRIES: tuple[GlossaryEntry, ...] = tuple(
    _entry(group, told) for group in GROUPS for told in _TOLD[group]
)
"""All of them, in the order of the glossary."""


def entries_like(search: str) -> list[GlossaryEntry]:
    """The entries in which what was typed stands, in any case; all of them where nothing was.

    Where it stands in a term itself, only those.
    """
    wanted = " ".join(search.lower().split())
    by_name = [entry for entry in ENTRIES if wanted in entry.term.lower()]
    return by_name or [e for e in ENTRIES if wanted in f"{e.line} {e.more}".lower()]


def entry_named(term: str) -> GlossaryEntry | None:
    """The entry of a term, in any case; None where there is none."""
    return next((entry for entry in ENTRIES if entry.term.lower() == term.lower()), None)
