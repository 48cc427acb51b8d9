"""Commands on runs that are there: `eval`, `generate`, `runs`, `export`, `import`."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from dataclasses import asdict, fields
from pathlib import Path

from tqdm import tqdm

from core.commands.common import (
    BAR,
    Fields,
    flags,
    listed,
    progress_bar,
    run_fields,
    say,
    say_rate_ahead,
)
from core.errors import EncodingError, ExchangeError, PromptError
from core.exchange.archive import is_run_file, open_run_file
from core.exchange.export_import import export_run, import_run
from core.exchange.formats.nanogpt import nanogpt_commands
from core.generation.sampling import generate, generate_together
from core.interpretability.parts import attention_of, part_named, without
from core.library.fetching import read_bytes
from core.library.intake import MAX_TEXT_BYTES, characters_in
from core.records.records import RunRecord
from core.runs.branch import branch_run
from core.runs.lab import Lab, LoadedModel
from core.settings.config import SampleConfig
from core.training.evaluation import split_loss


def evaluate(lab: Lab, args: Namespace) -> Fields:
    record = lab.run(args.run)
    corpus = lab.corpus_of(record)
    loaded = _chosen_model(lab, record, args)
    off = [part_named(name) for name in args.off.split(",")] if args.off is not None else []
    if args.without_attention:
        off += attention_of(loaded.model)
    model = without(loaded.model, off)
    say(f"{record.name}, {loaded.origin}" + f", without {', '.join(map(str, off))}" * bool(off))
    fields = {"run": record.id, "iter": loaded.step, "val_loss": split_loss(model, corpus.val)}
    return fields | ({"full_val_loss": split_loss(loaded.model, corpus.val)} if off else {})


def _chosen_model(lab: Lab, record: RunRecord, args: Namespace) -> LoadedModel:
    if args.at is None:
        return lab.model(record, args.checkpoint)
    return lab.snapshot(record, args.at)


def write_text(lab: Lab, args: Namespace) -> Fields:
    record = lab.run(args.run)
    loaded = _chosen_model(lab, record, args)
    names = [f.name for f in fields(SampleConfig)]
    given = {n: getattr(args, n) for n in names if getattr(args, n) is not None}
    config = SampleConfig(**given)
    prompt = args.prompt if args.prompt_file is None else _prompt_in(args.prompt_file)
    if args.drop_unknown:
        prompt = loaded.vocabulary.drop_unknown(prompt)
    try:
        # One untimed character warms the caches up, so that the rate is that of writing.
        next(generate(loaded.model, loaded.vocabulary, prompt, config))
    except PromptError as error:
        raise PromptError(f"{error} --drop_unknown leaves it out.", error.unknown) from None
    say(f"{record.name}, {loaded.origin}")
    started = time.perf_counter()
    steps = generate_together(loaded.model, loaded.vocabulary, prompt, config, args.n_samples)
    texts = list(zip(*tqdm(steps, total=config.max_new_tokens, unit=" characters", **BAR)))
    elapsed_s = time.perf_counter() - started
    written = ["".join(token.character for token in text) for text in texts]
    result: Fields = {
        "text": written[0],
        "tokens_per_s": args.n_samples * config.max_new_tokens / elapsed_s,
    }
    if args.n_samples > 1:
        result["texts"] = written
    if args.records:
        result["records"] = [[asdict(token) for token in text] for text in texts]
    return result


def _prompt_in(source: str) -> str:
    """The text in a file, or on standard input, read as a corpus is; its last newline stays."""
    raw = sys.stdin.buffer.read(MAX_TEXT_BYTES + 1) if source == "-" else read_bytes(Path(source))
    what = "Standard input" if source == "-" else Path(source).name
    try:
        reading = characters_in(raw, what)
    except EncodingError as error:
        raise PromptError(f"{error.finding} Save it as UTF-8.", "") from None
    for note in reading.notes:
        say(f"The prompt: {note}")
    return reading.text


def list_runs(lab: Lab, args: Namespace) -> Fields:
    return listed(lab, lab.runs())


def rename(lab: Lab, args: Namespace) -> Fields:
    return listed(lab, [lab.rename_run(args.run, args.name)])


def branch(lab: Lab, args: Namespace) -> Fields:
    parent = lab.run(args.run)
    at = parent.step if args.at is None else args.at
    changes = flags(args)
    with progress_bar(0, at) as bar:

        def show(step: int) -> None:
            bar.update(step - bar.n)

        record = branch_run(lab, parent, at, changes, name=args.name, progress=show)
    if changes.keys() & {"max_iters", "learning_rate"}:
        say_rate_ahead(lab, record, named="learning_rate" in changes)
    return listed(lab, [record])


def export(lab: Lab, args: Namespace) -> Fields:
    record = lab.run(args.run)
    folder = Path(args.out)
    files = export_run(lab, record, args.format, folder, args.checkpoint, say)
    if args.format == "nanogpt":
        at_its_end = lab.model_step(record, args.checkpoint) >= record.max_iters
        say("To go on there, from beside a checkout of nanoGPT:")
        for line in nanogpt_commands(folder, files, 2 * record.max_iters if at_its_end else None):
            say(f"  {line}")
    return {"run": record.id, "files": [str(path) for path in files]}


def import_model(lab: Lab, args: Namespace) -> Fields:
    path = Path(args.file)
    if not is_run_file(path):
        return run_fields(lab, import_run(lab, path, args.corpus, args.name))
    if args.corpus:
        raise ExchangeError(f"{path.name} brings the text of its run along; leave out --corpus.")
    return run_fields(lab, open_run_file(lab, path, args.name))
