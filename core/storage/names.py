"""Names for runs that one can remember: `brave-hamlet`, `quiet-ophelia`; and free names."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable, Collection

_MANNERS = """
    bold brave bright calm clever eager fair fierce gentle giddy grave happy hasty honest humble
    jolly keen kind lively loyal lucky merry mild noble patient proud quick quiet rare rosy silent
    sly steady sunny swift tender valiant wary wise witty
""".split()
_PEOPLE = """
    antony ariel beatrice benedick bolingbroke bottom brutus caliban cassio cleopatra cordelia
    coriolanus cressida desdemona dogberry edgar falstaff feste ferdinand florizel gertrude
    gonzalo hal hamlet helena hermia hermione horatio hotspur iago imogen iris isabella jaques
    juliet katharina laertes lear leontes macbeth malvolio mercutio miranda nerissa oberon olivia
    ophelia orlando othello paulina perdita portia prospero puck romeo rosalind sebastian shylock
    titania touchstone troilus tybalt viola volumnia
""".split()


def memorable_name(taken: Collection[str]) -> str:
    """A name that no run has yet; a number is added once the plain ones are hard to find."""
    for attempt in range(1_000_000):
        name = f"{secrets.choice(_MANNERS)}-{secrets.choice(_PEOPLE)}"
        if attempt >= 20:
            name += f"-{attempt}"
        if name not in taken:
            return name
    raise AssertionError("a million names are taken")


def numbered(name: str, is_taken: Callable[[str], bool], at_most: int) -> str:
    """`name`, or where it is taken the same with a number; never longer than `at_most`."""
    name = name[:at_most]
    if not is_taken(name):
        return name
    ends = (f"-{number}" for number in itertools.count(2))
    candidates = (name[: at_most - len(end)] + end for end in ends)
    return next(candidate for candidate in candidates if not is_taken(candidate))


def plain_file_name(name: str) -> str:
    """A name as every system and shell takes it for a file; empty where nothing of it is left."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")


def as_text(name: str) -> str:
    """A name as it can be written down: what of a file's name is no text becomes `?`."""
    return name.encode("utf-8", "replace").decode("utf-8")


def new_run_id() -> str:
    """What a run is called by the lab itself, for its whole life."""
    return secrets.token_hex(4)
