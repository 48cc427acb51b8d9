"""The words of the field that a learner meets on the pages, each in one line. Pure; no screen.

A page explains them where they stand: `help=explained(text)` puts the lines for the words in that
text behind its question mark, which opens under the pointer and by keyboard. Each word there is a
link to its entry in the glossary, which says the same line, and more (`glossary_entries`). Settings
have lines of their own (`core.settings.config.help_line`); those of them that are words of the
field say the same here.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from core.settings.config import help_line

TERMS: dict[str, str] = {
    "loss": "how surprised a model is on average by the character that really comes; 0 would be "
    "always certain and right",
    "validation loss": "the loss on the part of the text that no model learns from, so that "
    "learning by heart does not count",
    "nats": "unit of the loss: −ln of the probability that the right character was given; a loss "
    "of ln 7 = 1.95 nats is as unsure as among 7 characters, all equally likely",
    "bits": "the same in powers of two: 1 nat is 1.443 bits; what a compressor would need for each "
    "character",
    "surprise": "what one character costs a model, in bits: −log₂ of the probability that it had "
    "given it. 1 bit is a probability of a half, 3 bits of an eighth, 0 is certainty",
    "perplexity": "among how many equally likely characters one would be as unsure: e to the power "
    "of the loss in nats",
    "uniform": "a guess that gives all characters the same probability: where an untrained model "
    "begins",
    "unigram": "a guess that knows how frequent each character is, and nothing of those before it",
    "bigram": "a guess from the one character before; counted, with one added to each count, it is "
    "about the best of a bigram table, but for luck on an estimate's sample",
    "n-gram": "a guess from counts of what follows the last n − 1 characters; a 5-gram looks at 4",
    "FLOPs": "multiplications and additions of the training so far: for each character, 6 per "
    "weight in a matrix product, and for attention 12 × layers × width × block size",
    "throughput": "how many characters are trained on in a second, over the training steps alone",
    "batch": "the stretches of text that one step learns from",
    "checkpoint": "all of a model's numbers, saved after some step",
    "query": "the numbers by which a character says what it looks for; the better they match a "
    "key, the more is taken from there",
    "key": "the numbers by which a character says what it has to offer to those that look",
    "attention head": "one way of looking back, with queries and keys of its own",
    "logits": "a model's scores for what may come next, one for each character and of any size; "
    "softmax makes probabilities of them",
    "softmax": "makes probabilities of scores: e to the power of each, divided by their sum",
    "entropy": "how widely something is spread: 0 where all is at one place, most where all places "
    "have the same share",
    "divergence": "how much more a guess costs on average by these probabilities than by those of "
    "the text (Kullback-Leibler); 0 where they are the same",
    "gradient": "for each weight, how steeply the loss of a batch rises with it; a step goes the "
    "other way",
    "gradient norm": "how strongly a step's batch pulls at the weights, all of them together",
    "dead units": "units of a layer that answer to no character of a batch, and so learn little",
    "temperature": help_line("temperature"),
    "top-k": help_line("top_k"),
    "top-p": help_line("top_p"),
    "seed": help_line("seed"),
}
"""Each term with its line, as it would follow a colon."""

_ALSO = {
    "n-gram": r"n-grams?|[3-9]-grams?",
    "bigram": r"bigrams?",
    "query": r"query|queries",
    "key": r"keys?",
    "nats": r"nats?",
    "bits": r"bits?(?: per character)?",
    "checkpoint": r"checkpoints?",
    "batch": r"batch(?:es)?",
    "loss": r"loss(?:es)?",
    "validation loss": r"validation loss(?:es)?",
    "attention head": r"attention heads?",
    "entropy": r"entrop(?:y|ies)",
    "logits": r"logits?",
    "divergence": r"divergences?",
    "gradient": r"gradients?",
}
"""Other forms of a term, as regular expressions."""
_PATTERNS = {
    term: re.compile(rf"(?<![\w-])(?:{_ALSO.get(term, re.escape(term))})(?![\w-])", re.IGNORECASE)
    for term in TERMS
}


def terms_in(text: str) -> list[str]:
    """The terms that occur in a text, in the order of the glossary."""
    return [term for term, pattern in _PATTERNS.items() if pattern.search(text)]


def heading_of(term: str) -> str:
    """A term as it begins a line."""
    return f"{term[0].upper()}{term[1:]}"


def address_of(term: str) -> str:
    """Where the glossary opens and marks a term: an address beside that of any page."""
    return f"glossary?term={quote(term)}"


def line_of(term: str) -> str:
    """A term, as a link to its entry, and its explanation in one line of Markdown."""
    return f"**[{heading_of(term)}]({address_of(term)})**: {TERMS[term]}."


def explained(*texts: str) -> str | None:
    """The lines of all terms that occur in these texts, as Markdown for a `help=`; None: none."""
    return "\n\n".join(map(line_of, terms_in(" ".join(texts)))) or None
