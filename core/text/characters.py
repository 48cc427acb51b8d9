"""How one character is shown, and what it is called, wherever it stands for itself.

Some characters take no ink (spaces, controls, joiners), some sit on their neighbour (accents that
combine). On an axis, in a table or in a sentence each of them gets a sign of its own instead, one
character wide; what it is exactly is said by its code point and its name.

Pure: knows Unicode and nothing of the lab. Sources: the categories and names of Unicode's character
database; signs after its block "Control Pictures" and, for the no-break space, ISO/IEC 9995-7.
"""

from __future__ import annotations

import re
import unicodedata

DOTTED_CIRCLE = "\N{DOTTED CIRCLE}"
"""What a mark sits on where nothing stands before it."""
NO_SHAPE = "\N{DOTTED SQUARE}"
"""For what takes no ink and has no sign of its own, and for what has no meaning."""

_SIGNS = {
    " ": "\N{OPEN BOX}",
    "\n": "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}",
    "\t": "\N{RIGHTWARDS ARROW TO BAR}",
    "\N{NO-BREAK SPACE}": "\N{SHOULDERED OPEN BOX}",
    "\x7f": "\N{SYMBOL FOR DELETE}",
    "\N{BRAILLE PATTERN BLANK}": "\N{BOTTOM SQUARE BRACKET}",
}
_SIGNS_OF_CATEGORY = {
    "Zs": "\N{BOTTOM SQUARE BRACKET}",  # spaces of other widths
    "Zl": "\N{SYMBOL FOR NEWLINE}",
    "Zp": "\N{SYMBOL FOR NEWLINE}",
    "Cc": NO_SHAPE,
    "Cf": NO_SHAPE,  # joiners, directions, the soft hyphen, the byte-order mark
    "Co": NO_SHAPE,
    "Cn": NO_SHAPE,
    "Cs": NO_SHAPE,
}
_NO_INK = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
"""Letters and marks that Unicode has for form's sake: joiners, fillers, inherent vowels."""
_PICTURES = 0x2400
"""SYMBOL FOR NULL; the pictures of the other controls below the space follow it."""
_CONTROLS = (
    "null,start of heading,start of text,end of text,end of transmission,enquiry,acknowledge,bell,"
    "backspace,tab,new line,line tabulation,form feed,carriage return,shift out,shift in,"
    "data link escape,device control one,device control two,device control three,"
    "device control four,negative acknowledge,synchronous idle,end of transmission block,cancel,"
    "end of medium,substitute,escape,file separator,group separator,record separator,unit separator"
).split(",")
_NAMES_OF_CATEGORY = {"Cc": "control character", "Co": "private use", "Cn": "not assigned"}


def sign_of(character: str) -> str:
    """A sign that stands for a character and can be seen, one character wide.

    Most characters are their own sign; a mark is shown on a dotted circle.
    """
    if character in _SIGNS:
        return _SIGNS[character]
    if character < " ":
        return chr(_PICTURES + ord(character))
    if character in _NO_INK or _selects_a_variant(character):
        return NO_SHAPE
    category = unicodedata.category(character)
    if category.startswith("M"):
        return DOTTED_CIRCLE + character
    return _SIGNS_OF_CATEGORY.get(category, character)


def signs_of(text: str) -> list[str]:
    """The sign of each character of a text."""
    return [sign_of(character) for character in text]


def printable(text: str) -> str:
    """A text without what drives a terminal or turns its lines around; signs stand for that.

    New lines and tabs stay. What others have written is shown, on a screen too, and not obeyed.
    """
    return _DRIVING.sub(lambda found: sign_of(found[0]), text)


_DRIVING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters, other ends of lines, and what embeds or overrides a direction of writing."""


def name_of(character: str) -> str:
    """Code point and Unicode name in small letters: "U+00A0 no-break space"."""
    code = ord(character)
    if code < len(_CONTROLS):
        name = _CONTROLS[code]
    elif code == 0x7F:
        name = "delete"
    else:
        unnamed = _NAMES_OF_CATEGORY.get(unicodedata.category(character), "")
        name = unicodedata.name(character, unnamed).lower()
    return f"U+{code:04X} {name}".rstrip()


def quoted_character(character: str) -> str:
    """A character in quotes, with its name unless it is one of the 94 that every keyboard has."""
    quoted = f"‘{sign_of(character)}’"
    return quoted if "!" <= character <= "~" else f"{quoted} {name_of(character)}"


def in_quotes(character: str) -> str:
    """The same for a sentence, where a letter is clear without its name, and so is a space."""
    sign = sign_of(character)
    is_clear = sign == character or character in " \n\t"
    return f"‘{sign}’" + ("" if is_clear else f" ({name_of(character)})")


def is_mark(character: str) -> bool:
    """Whether it sits on the character before it."""
    return sign_of(character).startswith(DOTTED_CIRCLE) and character != DOTTED_CIRCLE


def is_wide(character: str) -> bool:
    """Whether its sign takes two places in a monospace font, as Chinese characters do."""
    return unicodedata.east_asian_width(sign_of(character)[-1]) in "WF"


def _selects_a_variant(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
