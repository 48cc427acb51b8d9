"""What runs make of a text, and what of it stands in their training text: `score`, `memorised`."""

from __future__ import annotations

from argparse import Namespace

from core.commands.common import Fields, say
from core.errors import PromptError, RunError
from core.interpretability.scoring import score
from core.runs.lab import Lab
from core.text.corpus import Corpus
from core.text.repeats import covered_share, verbatim_passages


def score_text(lab: Lab, args: Namespace) -> Fields:
    if len(args.text) < 2:
        raise PromptError(
            "The first character has nothing before it to be guessed from: give a --text of two or "
            "more.", "",
        )  # fmt: skip
    loaded = [(record := lab.run(name), lab.model(record, args.checkpoint)) for name in args.run]
    runs = []
    for record, each in loaded:
        try:
            tokens = each.vocabulary.encode(args.text)
        except PromptError as error:
            raise PromptError(f"{record.name} cannot read it. {error}", error.unknown) from None
        bits = score(each.model, tokens).bits
        say(f"{record.name}, {each.origin}: {float(bits.mean()):.3f} bits per character")
        runs.append({"run": record.id, "bits": bits.tolist(), "total_bits": float(bits.sum())})
    return {"text": args.text, "runs": runs}


def memorised(lab: Lab, args: Namespace) -> Fields:
    corpus = _corpus_of(lab, args.run)
    train = corpus.text[: corpus.n_train]
    passages = verbatim_passages(args.text, train, args.least)
    share = covered_share(passages, len(args.text))
    say(
        f"{100 * share:.1f} % of the text stands in the training split of {corpus.name}, in "
        f"passages of {args.least} characters or more."
    )
    return {"passages": [{"start": p.start, "length": p.length, "at": p.at} for p in passages]}


def _corpus_of(lab: Lab, name: str) -> Corpus:
    """The text of a run, else the text of that name. Raises RunError where there is neither."""
    try:
        record = lab.run(name)
    except RunError as error:
        if name in lab.library.names():
            return lab.library.load(name)
        raise RunError(f"{error} Nor is there a corpus of that name.") from None
    return lab.corpus_of(record)
