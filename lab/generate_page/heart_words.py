"""What of a written text is its model's own, in sentences and a table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.findings.meaning import percent
from core.generation.originality import Originality, UsualOriginality
from core.generation.spelling import Yardstick, share_in_words
from core.text.characters import sign_of
from core.text.repeats import LEAST
from lab.wording import words
from lab.wording.plain import plain

N_PASSAGES = 5
SHOWN = 160
"""Characters of a passage that are shown."""


@dataclass(frozen=True)
class Held:
    """A text held against what its model learned from; or why that cannot be done."""

    text: str
    found: Originality | None = None
    usual: UsualOriginality | None = None
    yardstick: Yardstick | None = None
    message: str = ""

    @property
    def marks(self) -> list[tuple[int, int]]:
        """Start and length of what stands in the training text."""
        return [(p.start, p.length) for p in self.found.passages] if self.found else []


def by_heart_text(found: Originality, usual: UsualOriginality | None) -> str:
    """What stands in the training text, beside what new text of the same kind has."""
    if not found.passages:
        said = f"No stretch of {LEAST} characters or more stands in the training text."
    else:
        first = found.passages[0]
        said = (
            f"The longest stretch that stands word for word in the training text has "
            f"{words.count(first.length)} characters, there at character "
            f"{words.count(first.at)}. {percent(found.by_heart_share)} of the text lies in such "
            f"stretches of {LEAST} characters or more, underlined above."
        )
    if usual is None:
        return said
    longest = f"one of {words.count(usual.longest)} characters or more" if usual.longest else "none"
    pieces = "half of its pieces of this length have"
    if usual.n_pieces == 1:
        pieces = "its one piece of this length has"
    return (
        f"{said} New text has such stretches, too: {percent(usual.by_heart_share)} of the "
        f"validation text lies in them, and {pieces} {longest}."
    )


def words_text(text: str, yardstick: Yardstick | None) -> str:
    """How much of a text is spelled as the corpus spells; nothing for one not in words."""
    if yardstick is None:
        return ""
    return (
        f"{percent(share_in_words(text, yardstick.lexicon))} of its characters stand in words of "
        f"the corpus; of the validation text {percent(yardstick.corpus_share)}, of text by counted "
        f"pairs {percent(yardstick.pairs_share)}."
    )


def repetition_text(found: Originality, usual: UsualOriginality | None) -> str:
    """How much of a text stands in it before already, and how that is measured."""
    said = (
        f"{percent(found.repeated_share)} of it repeats itself: that many characters lie in "
        f"stretches of {LEAST} which stand earlier in the same text"
    )
    if usual is None:
        return f"{said}."
    return f"{said}. Of validation text as long it is {percent(usual.repeated_share)}."


def summary_table(texts: Sequence[tuple[str, Held]]) -> dict[str, list[str]]:
    """A line for each text, by its name, and one for new text of the same kind and length."""
    lines = [_summary(name, held) for name, held in texts if held.found]
    lines += [_usual_summary(held) for _, held in texts[:1] if held.usual]
    return {heading: [line[i] for line in lines] for i, heading in enumerate(_SUMMARY)}


_SUMMARY = (
    "text", "longest passage, characters", "in the training text at", "word for word",
    "in words of the corpus", "repeats itself",
)  # fmt: skip


def _summary(name: str, held: Held) -> list[str]:
    found = held.found
    assert found is not None
    in_words = share_in_words(held.text, held.yardstick.lexicon) if held.yardstick else None
    return [
        plain(name), words.count(found.longest) if found.longest else f"none of {LEAST} or more",
        words.count(found.passages[0].at) if found.passages else "–",
        percent(found.by_heart_share), "–" if in_words is None else percent(in_words),
        percent(found.repeated_share),
    ]  # fmt: skip


def _usual_summary(held: Held) -> list[str]:
    usual = held.usual
    assert usual is not None
    longest = f"{words.count(usual.longest)} or more" if usual.longest else f"none of {LEAST}"
    return [
        "validation text as long", f"{longest} in half of such texts", "–",
        percent(usual.by_heart_share),
        percent(held.yardstick.corpus_share) if held.yardstick else "–",
        percent(usual.repeated_share),
    ]  # fmt: skip


def passages_table(text: str, found: Originality) -> dict[str, list[str]]:
    """The longest passages, a line for each."""
    shown = found.passages[:N_PASSAGES]
    return {
        "characters": [words.count(passage.length) for passage in shown],
        "in the training text at": [words.count(passage.at) for passage in shown],
        "passage": [_as_read(text[p.start : p.start + p.length]) for p in shown],
    }


def _as_read(passage: str) -> str:
    signs = "".join(c if c == " " else sign_of(c) for c in passage[:SHOWN].strip(" "))
    return plain(signs.replace("↵", "↵ ") + "…" * (len(passage) > SHOWN))
