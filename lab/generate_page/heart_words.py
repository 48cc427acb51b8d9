"""What of a written text is its model's own, in sentences and a table. Pure."""

from __future__ import annotations

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


def by_heart_text(found: Originality, usual: UsualOriginality | None) -> str:
    """What stands in the training text, beside what new text of the same kind has."""
    if not found.passages:
        said = f"No stretch of {LEAST} characters or more stands in the training text."
    else:
        first = found.passages[0]
        said = (
            f"The longest stretch that stands word for word in the training text has "
            f"{words.count(first.length)} characters, there at character "
            f"{words.count(first.at)}. {_share(found.by_heart_share)} of the text lies in such "
            f"stretches of {LEAST} characters or more, underlined above."
        )
    if usual is None:
        return said
    longest = f"one of {words.count(usual.longest)} characters or more" if usual.longest else "none"
    pieces = "half of its pieces of this length have"
    if usual.n_pieces == 1:
        pieces = "its one piece of this length has"
    return (
        f"{said} New text has such stretches, too: {_share(usual.by_heart_share)} of the "
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
        f"{_share(found.repeated_share)} of it repeats itself: that many characters lie in "
        f"stretches of {LEAST} which stand earlier in the same text"
    )
    if usual is None:
        return f"{said}."
    return f"{said}. Of validation text as long it is {_share(usual.repeated_share)}."


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


def _share(share: float) -> str:
    return percent(share) if share else "0 %"
