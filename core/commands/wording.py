"""How a command's fields are said to a person; with `--json` they are printed as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from textwrap import indent
from typing import Any

from core.commands.tables import label_of, table_of, with_unit
from core.settings.differences import Difference, difference_text
from core.text.characters import in_quotes, quoted_character, sign_of, signs_of
from core.training.health import by_kind

Lines = Iterator[str]
_LEFT_OUT = (
    "config", "weights", "learned", "counted", "averaged", "xy", "context", "probabilities",
    "stages", "products", "scores", "value", "contribution", "output", "candidates",
)  # fmt: skip
"""Long, and for machines: `--json` has them."""
_WIDTH = 100
_QUESTIONS = {
    "is_good": "is it good?", "still_learning": "is it still learning?",
    "overfitting": "is it overfitting?",
}  # fmt: skip


def lines_of(fields: Mapping[str, Any]) -> Lines:
    """What came of a command: single values one below the other, then all that takes more room."""
    if "texts" in fields:  # the first of which is `text`
        fields = {name: value for name, value in fields.items() if name != "text"}
    if "steps" in fields:
        yield from _histories(fields["steps"], fields["heads"])
        return
    if {"context", "loss", "counted"} <= fields.keys():
        fields = _with_rows_by_context(fields)
    single = {n: v for n, v in fields.items() if n not in _LEFT_OUT and _is_single(n, v)}
    width = max((len(label_of(name)) for name in single), default=0)
    for name, value in single.items():
        yield f"{label_of(name):>{width}}  {with_unit(name, value)}"
    blocks = [(name, value) for name, value in fields.items() if name not in (*_LEFT_OUT, *single)]
    for i, (name, value) in enumerate(blocks):
        if single or i:
            yield ""
        yield from _BLOCKS.get(name, _block)(name, value)


def _with_rows_by_context(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The three lists of what context buys as one table: a row for each length of it."""
    lists = zip(fields["context"], fields["loss"], fields["counted"])
    rows = [{"context": n, "loss_nats": own, "counted_nats": count} for n, own, count in lists]
    rest = {n: v for n, v in fields.items() if n not in ("context", "loss", "counted")}
    return rest | {"what_context_buys": rows}


def _is_single(name: str, value: Any) -> bool:
    return name not in _BLOCKS and not isinstance(value, (Mapping, list, tuple))


def _block(name: str, value: Any) -> Lines:
    """Rows as a table, anything else as a list, below its name."""
    yield f"{label_of(name)}:" if value else f"no {label_of(name)}"
    if isinstance(value, Mapping):
        yield from _listed(f"{label_of(k)} {with_unit(k, v)}" for k, v in value.items())
    elif all(isinstance(row, Mapping) for row in value):
        yield from (f"  {line}" for line in table_of(value))
    else:
        yield from (f"  {with_unit(name, each)}" for each in value)


def _listed(parts: Iterator[str]) -> Lines:
    """Short things side by side, broken between two of them where the line is full."""
    line = ""
    for part in parts:
        longer = f"{line} · {part}" if line else part
        if line and len(longer) > _WIDTH:
            yield f"  {line}"
            longer = part
        line = longer
    if line:
        yield f"  {line}"


# --- what has a form of its own -------------------------------------------------------------------


def _table(name: str, value: str) -> Lines:
    yield value


def _text(name: str, value: str) -> Lines:
    yield value


def _characters(name: str, value: str) -> Lines:
    yield f"{len(value):,} characters: {' '.join(signs_of(value))}"


def _variance(name: str, value: Sequence[float]) -> Lines:
    across, up = map(_percent, value)
    yield f"of the variance of the vectors the plane keeps {across} across and {up} up"


def _texts(name: str, value: Sequence[str]) -> Lines:
    for number, text in enumerate(value, 1):
        yield f"text {number}:"
        yield indent(text, "  ")


def _references(name: str, value: Mapping[str, float]) -> Lines:
    yield "what counting reaches, nats:" if value else "what counting reaches is not known"
    yield from _listed(f"{line} {loss:.3f}" for line, loss in value.items())


def _answers(name: str, value: Mapping[str, Mapping[str, Any]]) -> Lines:
    for question, answer in value.items():
        yield f"{_QUESTIONS.get(question, label_of(question))} {answer['text']}"


def _notes(name: str, value: Sequence[Mapping[str, Any]]) -> Lines:
    yield "on its curve, with the numbers in nats:" if value else "nothing to note on its curve yet"
    for note in value:
        yield f"  {note['text']}"
        numbers = [f"{label} {with_unit('', n)}" for label, n in note["numbers_nats"].items()]
        if numbers:
            yield f"    {', '.join(numbers)}"


def _since(name: str, value: Mapping[str, Any] | None) -> Lines:
    if value is None:
        yield "there is no run before it to compare with"
        return
    changes = [
        difference_text(Difference(setting, before, after))
        for setting, (before, after) in value["settings"].items()
    ]
    if not changes:
        yield f"the same settings as {value['name']}"
        return
    yield f"set differently from {value['name']}, as both are set now:"
    yield from _listed(iter([*changes, value["reading"]]))


def _events(name: str, value: Sequence[Mapping[str, Any]]) -> Lines:
    yield "what happened:"
    for event in value:
        yield f"  step {event['iter']:,}  {event['text']}"


def _samples(name: str, value: Sequence[Mapping[str, Any]]) -> Lines:
    written = [sample for sample in value if sample["text"]]
    if not written:
        yield "it has written nothing yet"
    for sample in written:
        yield f"what it wrote at step {sample['iter']:,}:"
        yield indent(sample["text"], "  ", lambda line: True)


def _repeats(name: str, value: Sequence[Mapping[str, Any]]) -> Lines:
    yield "what stands in it more than once, the longest first:" if value else "nothing repeats"
    for repeat in value:
        places = ", ".join(f"{place:,}" for place in repeat["places"])
        yield f"  {repeat['length']:,} characters, at {places}:"
        yield f"    {''.join(signs_of(repeat['text']))}"


def _in_bin(name: str, value: Sequence[Mapping[str, Any]]) -> Lines:
    texts = (f"{each['in_bin']} ({with_unit('bytes', each['bytes'])})" for each in value)
    yield f"in the bin: {', '.join(texts) or 'nothing'}"


def _health(name: str, value: Mapping[str, float]) -> Lines:
    yield "how it is inside:" if value else "how it is inside was not measured"
    for sign, parts in by_kind(value).items():
        yield f"  {label_of(sign)}"
        said = (f"{part or 'all'} {with_unit('', reading)}" for part, reading in parts.items())
        yield from (f"  {line}" for line in _listed(said))


def _heads(name: str, value: Sequence[Mapping[str, Any]]) -> Lines:
    names = {"score": "habit_score"}  # a share; the score of a cell is none
    rows = [{names.get(n, n): v for n, v in head.items() if n != "examples"} for head in value]
    yield from _block(name, rows)
    for head in value:
        for example in head.get("examples", ()):
            text, place = example["text"], example["looked_at"]
            seen = [*map(sign_of, text[:place]), f"[{sign_of(text[place])}]"]
            seen += map(sign_of, text[place + 1 :])
            yield (
                f"  {head['layer']}.{head['head']}  {''.join(seen)} then "
                f"{quoted_character(example['character'])}: "
                f"{_percent(example['probability_with'])}, "
                f"without the head {_percent(example['probability_without'])}"
            )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _histories(steps: Sequence[int], heads: Sequence[Mapping[str, Any]]) -> Lines:
    """Each head's names in a row, with the step at which each was first seen."""
    for head in heads:
        known, said = "", []
        for step, name, score in zip(steps, head["names"], head["scores"]):
            if name != known:
                said.append(f"{step:,} {name} {score:.2f}")
            known = name
        yield f"{head['layer']}.{head['head']}  from step {', '.join(said)}"


def _records(name: str, value: Sequence[Sequence[Mapping[str, Any]]]) -> Lines:
    for number, text in enumerate(value, 1):
        yield f"how text {number} was drawn:"
        rows = [
            {
                "character": quoted_character(each["character"]),
                "probability": each["probability"],
                "rank": each["rank"],
                "believed": _candidates(each["believed"]),
                "offered": _candidates(each["offered"]),
            }
            for each in text
        ]
        yield from (f"  {line}" for line in table_of(rows))


def _candidates(candidates: Sequence[Sequence[Any]]) -> str:
    return " ".join(f"{in_quotes(character)} {100 * p:.0f} %" for character, p in candidates)


def _challenges(name: str, value: Sequence[Mapping[str, Any]]) -> Lines:
    for number, each in enumerate(value):
        if number:
            yield ""
        best = each["best_in_words"]
        by = f"best: {best}, by {each['run_name']}" if best else "no run has tried"
        state = "done" if each["is_met"] else "not yet"
        yield f"{each['name']} ({each['challenge']}): {state}; {by}"
        if each["outcome_in_words"]:
            yield f"  {each['outcome_in_words']}"
        yield f"  {each['task']}"
        yield f"  Rule: {each['rule']}"


_BLOCKS: dict[str, Callable[[str, Any], Lines]] = {
    "table": _table, "text": _text, "texts": _texts, "references_nats": _references,
    "answers": _answers, "notes": _notes, "since": _since, "events": _events,
    "heads": _heads, "samples": _samples, "health": _health, "records": _records, "in_bin": _in_bin,
    "repeats": _repeats, "challenges": _challenges, "variance": _variance,
    "characters": _characters,
}  # fmt: skip
