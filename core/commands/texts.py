"""The command `corpus`: which texts there are, how one gets there, and figures of one."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from shlex import quote

from tqdm import tqdm

from core.commands.common import BAR, Fields, say
from core.errors import CorpusError, EncodingError
from core.library.encodings import decode, first_lines
from core.library.fetching import read_bytes
from core.library.texts import binned_name, size_bytes
from core.runs.lab import Lab
from core.text.corpus import Corpus
from core.text.statistics import finite, statistics_of


def list_corpora(lab: Lab, args: Namespace) -> Fields:
    for trouble in lab.library.troubles():
        say(trouble)
    return {
        "corpora": [_corpus_fields(corpus) for corpus in lab.library.load_all()],
        "in_bin": [
            {"in_bin": binned_name(path), "bytes": size_bytes(path)}
            for path in lab.library.in_bin()
        ],
    }


def corpus_stats(lab: Lab, args: Namespace) -> Fields:
    corpus = lab.library.load(args.name)
    found = statistics_of(corpus)
    words = found.words
    if found.n_searched < len(corpus.text):
        say(f"Repeats are those of the first {found.n_searched:,} characters.")
    return _corpus_fields(corpus) | {
        "n_train": corpus.n_train,
        "n_val": len(corpus.text) - corpus.n_train,
        "n_words": words.n_words,
        "n_distinct_words": len(words.by_rank),
        "n_words_once": words.n_once,
        "zipf_exponent": words.zipf_exponent,
        "entropies": [
            {
                "context": order.context,
                "train_nats": finite(order.train.entropy_nats),
                "val_nats": finite(order.val.entropy_nats),
                "cross_nats": finite(order.cross_nats),
                "n_contexts": order.train.n_contexts,
                "n_contexts_once": order.train.n_once,
            }
            for order in found.orders
        ],
        "repeats": [
            {
                "length": repeat.length,
                "places": list(repeat.places),
                "text": corpus.text[repeat.places[0] :][: repeat.length],
            }
            for repeat in found.repeats
        ],
        "words": [
            {"rank": rank, "word": word, "times": times}
            for rank, (word, times) in enumerate(words.by_rank[:_WORDS_NAMED], 1)
        ],
    }


_WORDS_NAMED = 20


def add_corpus(lab: Lab, args: Namespace) -> Fields:
    path = Path(args.source)
    raw = read_bytes(path)  # once: a pipe has nothing to give a second time
    try:
        reading = lab.library.add(
            args.name, raw, path.name, encoding=args.encoding, fold_rare=args.fold_rare
        )
    except EncodingError as error:
        raise CorpusError(_offer(args, raw, error)) from None
    for note in reading.notes:
        say(f"{args.name}: {note}")
    if reading.is_little:
        n = len(reading.text)
        say(f"{args.name}: {n:,} characters are little; a model will soon know them by heart")
    return _corpus_fields(lab.library.load(args.name))


def _offer(args: Namespace, raw: bytes, error: EncodingError) -> str:
    """How a text in another encoding would read, and the command that takes it so."""
    encoding = error.likely[0]
    line = next(iter(first_lines(decode(raw, args.source, encoding), at_most=1, width=60)), "")
    reads = f" A line of it would read ‘{line.strip()}’." * bool(line)
    fold = " --fold_rare" * args.fold_rare
    return (
        f"{error.finding}{reads} If that is right: python -m core corpus add {args.name} "
        f"--from {quote(args.source)} --encoding {encoding}{fold}"
    )


def delete_corpus(lab: Lab, args: Namespace) -> Fields:
    corpus = lab.library.load(args.name)
    runs = lab.bin_corpus(args.name)
    restore = f"python -m core corpus restore {quote(args.name)}"
    say(f"{args.name} is in the bin; `{restore}` brings it back.")
    if runs:
        names = ", ".join(run.name for run in runs[:5]) + " and others" * (len(runs) > 5)
        say(f"Runs that learned from {args.name}, and that cannot go on without it: {names}.")
    return _corpus_fields(corpus)


def restore_corpus(lab: Lab, args: Namespace) -> Fields:
    return _corpus_fields(lab.library.load(lab.library.restore(args.name)))


def empty_corpus_bin(lab: Lab, args: Namespace) -> Fields:
    return {"freed_bytes": lab.library.empty_bin()}


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
