"""Names for runs that one can remember: `brave-hamlet`, `quiet-ophelia`."""

from __future__ import annotations

import secrets
from collections.abc import Collection

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
