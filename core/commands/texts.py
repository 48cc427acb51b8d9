"""Commands on corpora: which texts there are, and how one gets there."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from tqdm import tqdm

from core.commands.common import BAR, Fields, say
from core.corpus import Corpus
from core.lab import Lab


def list_corpora(lab: Lab, args: Namespace) -> Fields:
    return {"corpora": [_corpus_fields(lab.library.load(name)) for name in lab.library.names()]}


def add_corpus(lab: Lab, args: Namespace) -> Fields:
    reading = lab.library.add_file(args.name, Path(args.source), fold_rare=args.fold_rare)
    for note in reading.notes:
        say(f"{args.name}: {note}")
    return _corpus_fields(lab.library.load(args.name))


def get_corpus(lab: Lab, args: Namespace) -> Fields:
    source = Path(args.source) if args.source else None
    bar = tqdm(unit="B", unit_scale=True, **BAR | {"disable": source is not None})

    def show(received: int, total: int | None) -> None:
        bar.total = total
        bar.update(received - bar.n)

    with bar:
        lab.library.get_original(source, progress=show)
    return _corpus_fields(lab.library.load(args.name))


def _corpus_fields(corpus: Corpus) -> Fields:
    return {
        "name": corpus.name,
        "n_chars": len(corpus.text),
        "vocab_size": len(corpus.vocabulary),
        "fingerprint": corpus.fingerprint,
    }
