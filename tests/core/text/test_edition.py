"""The shipped corpus data/shakespeare.txt, its stated figures and the script that builds it."""

import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.helpers import ROOT

CORPUS = ROOT / "data" / "shakespeare.txt"
README = ROOT / "data" / "README.md"
BUILDER = ROOT / "data" / "build_shakespeare.py"
ORIGINAL = ROOT.parent / "shared" / "data" / "tinyshakespeare" / "input.txt"

TINY_SHAKESPEARE_VOCABULARY = set(
    "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)


@pytest.fixture(scope="module")
def builder() -> Iterator[ModuleType]:
    """Load the builder script as a module: data/ is a folder of files, not a package."""
    name = "build_shakespeare"
    spec = importlib.util.spec_from_file_location(name, BUILDER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by its name while it is being loaded.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[name]


@pytest.fixture(scope="module")
def text() -> str:
    """Return the shipped corpus, decoded without any change of its line ends."""
    return CORPUS.read_bytes().decode("ascii")


def stated(name: str) -> str:
    """Return the value that the table in data/README.md gives for ``name``."""
    match = re.search(rf"^\| {re.escape(name)} \| `?(.+?)`? \|$", README.read_text("utf-8"), re.M)
    assert match is not None, f"data/README.md states no figure called {name!r}"
    return match[1]


def blocks_of(corpus: str) -> list[str]:
    """Return what stands between the blank lines of a corpus."""
    return [block.strip("\n") for block in corpus.split("\n\n")]


# The shipped file


def test_readme_states_the_sha256() -> None:
    assert hashlib.sha256(CORPUS.read_bytes()).hexdigest() == stated("sha256")


def test_readme_states_the_size(text: str) -> None:
    assert len(text) == int(stated("Characters"))
    assert text.count("\n") == int(stated("Lines"))


def test_readme_states_the_vocabulary(text: str) -> None:
    assert len(set(text)) == int(stated("Vocabulary"))
    missing = TINY_SHAKESPEARE_VOCABULARY - set(text)
    assert missing == set(stated("Missing from the 65").replace(" ", ""))


def test_readme_states_the_split(text: str) -> None:
    training = int(len(text) * 0.9)
    assert training == int(stated("Training tokens"))
    assert len(text) - training == int(stated("Validation tokens"))


def test_length_is_close_to_the_original(text: str) -> None:
    assert 1_123_000 <= len(text) <= 1_126_500


def test_vocabulary_is_within_the_original(text: str) -> None:
    assert len(TINY_SHAKESPEARE_VOCABULARY) == 65
    assert set(text) <= TINY_SHAKESPEARE_VOCABULARY


def test_file_ends_with_one_line_end(text: str) -> None:
    assert text.endswith("\n") and not text.endswith("\n\n")


def test_one_blank_line_between_speeches(text: str) -> None:
    assert "\n\n\n" not in text


def test_every_block_is_a_speaker_and_a_speech(text: str) -> None:
    speaker = re.compile(r"[A-Z][A-Za-z,& -]*:")
    for block in blocks_of(text):
        first, *lines = block.split("\n")
        assert speaker.fullmatch(first), f"no speaker in {block!r}"
        assert lines, f"no speech in {block!r}"
        assert all(line == line.strip() and line for line in lines), f"stray spaces in {block!r}"


def test_no_markup_headings_or_directions_are_left(text: str) -> None:
    assert not set("[]()_*#\\\r\t") & set(text)
    marks = re.compile(r"^(ACT|SCENE) [IVX]+\b|^(Enter|Exit|Exeunt|Re-enter)\b", re.M)
    assert marks.search(text) is None


def test_plays_stand_in_the_order_of_the_original(text: str) -> None:
    openings = [
        "Before we proceed any further, hear me speak.",
        "Now is the winter of our discontent",
        "Old John of Gaunt, time-honour'd Lancaster,",
        "Two households, both alike in dignity,",
        "I wonder how the king escaped our hands.",
        "If you shall chance, Camillo, to visit Bohemia, on",
        "Of government the properties to unfold,",
        "I'll pheeze you, in faith.",
        "Boatswain!",
    ]
    positions = [text.index(opening) for opening in openings]
    assert positions == sorted(positions)


def test_coverage_of_the_original(text: str) -> None:
    if not ORIGINAL.is_file():
        pytest.skip("the original Tiny Shakespeare is not beside this repository")
    originals = set(blocks_of(ORIGINAL.read_text("ascii")))
    coverage = len(originals & set(blocks_of(text))) / len(originals)
    assert coverage >= 0.97
    assert f"{coverage:.1%}" == stated("Coverage of the original").replace(" ", "")


# The builder, on made-up snippets in the wheel's notation


def parsed(builder: ModuleType, markdown: str) -> list[str]:
    """Return the blocks that the builder makes of one play's Markdown."""
    return [str(speech) for speech in builder.parse_play(markdown)]


def test_speeches_become_blocks(builder: ModuleType) -> None:
    markdown = (
        "# A Play\n\n## ACT I\n\n### SCENE I. A wood.\n\n_Enter two Owls_\n\n"
        "**First Owl**  \nWho speaks?  \nWho listens?\n\n**OWL & FOX**  \nWe do.\n"
    )
    assert parsed(builder, markdown) == [
        "First Owl:\nWho speaks?\nWho listens?",
        "OWL & FOX:\nWe do.",
    ]


def test_directions_inside_a_speech_are_dropped(builder: ModuleType) -> None:
    markdown = (
        "**OWL**  \n_\\[Aside to FOX]_  \nHush!  \n_\\[Within]_  \nWho?\n\n"
        "_Enter a bear, with drum\nand colours_\n\nA bear!\n\n_Exit_\n"
    )
    assert parsed(builder, markdown) == ["OWL:\nHush!\nWho?\nA bear!"]


def test_direction_with_a_stray_underscore_is_dropped(builder: ModuleType) -> None:
    markdown = "**OWL**  \nHoo.\n\n_Burthen _\\[softly, within_\n\nHoo, hoo.\n"
    assert parsed(builder, markdown) == ["OWL:\nHoo.\nHoo, hoo."]


def test_words_supplied_by_an_editor_stay(builder: ModuleType) -> None:
    markdown = "**OWL**  \nAnd _\\[Tawny,]_  \nso they call me.\n"
    assert parsed(builder, markdown) == ["OWL:\nAnd Tawny,\nso they call me."]


def test_text_without_a_speaker_is_dropped(builder: ModuleType) -> None:
    markdown = "**OWL**  \nHoo.\n\n### SCENE II. A wood in\n\nYorkshire.\n\n**FOX**  \nYes.\n"
    assert parsed(builder, markdown) == ["OWL:\nHoo.", "FOX:\nYes."]


def test_speaker_without_a_speech_is_dropped(builder: ModuleType) -> None:
    assert parsed(builder, "**OWL**  \n_Hoots_\n\n**FOX**  \nYes.\n") == ["FOX:\nYes."]


def test_escapes_are_undone(builder: ModuleType) -> None:
    assert parsed(builder, "**OWL**  \n'Hoo'\\--so he says--\n") == ["OWL:\n'Hoo'--so he says--"]


def test_torn_names_are_joined(builder: ModuleType) -> None:
    markdown = "**OWL**  \nHoo.\n\nGhost\n\n**of Old Fox**  \nDespair!\n"
    assert parsed(builder, markdown) == ["OWL:\nHoo.", "Ghost of Old Fox:\nDespair!"]


def test_crowds_without_bold_names_get_their_own_speech(builder: ModuleType) -> None:
    markdown = "**FOX**  \nWho?  \nOwls, & C We, sir.  \nALL OWL-MEN Here.\n"
    assert parsed(builder, markdown) == ["FOX:\nWho?", "Owls, &C:\nWe, sir.", "ALL OWL-MEN:\nHere."]


def test_singers_get_their_own_speech(builder: ModuleType) -> None:
    markdown = "**FOX**  \nSing.\n\nOWL'S song.  \nHoo.\n\n_Boy sings_\n\nHa.\n\n_Sings_\n\nHee.\n"
    assert parsed(builder, markdown) == ["FOX:\nSing.", "OWL:\nHoo.", "Boy:\nHa.\nHee."]


def test_bold_words_that_are_no_name_stay_in_the_verse(builder: ModuleType) -> None:
    markdown = "**OWL**  \nHe lives,\n\n**As long as you or I**  \nyet must die.\n"
    assert parsed(builder, markdown) == ["OWL:\nHe lives,\nAs long as you or I yet must die."]


def test_text_is_cut_after_a_whole_speech(builder: ModuleType) -> None:
    play = "**OWL**  \nHoo.\n\n**FOX**  \nYes.\n"
    whole = "OWL:\nHoo.\n\nFOX:\nYes.\n"
    assert builder.build_edition([play], len(whole)) == whole
    assert builder.build_edition([play], len(whole) - 1) == "OWL:\nHoo.\n"
    assert builder.build_edition([play, play]) == whole + "\n" + whole


def test_strange_characters_are_refused(builder: ModuleType) -> None:
    with pytest.raises(builder.BuildError, match="'@'"):
        builder.build_edition(["**OWL**  \nHoo @ night.\n"])


@pytest.mark.parametrize("content", [None, b"not a wheel"])
def test_missing_or_wrong_wheel_is_explained(
    builder: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
) -> None:
    wheel, out = tmp_path / "some.whl", tmp_path / "out.txt"
    if content is not None:
        wheel.write_bytes(content)
    assert builder.main(["--wheel", str(wheel), "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == ([] if content is None else [wheel])


def test_file_is_replaced_as_a_whole(builder: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.write_text("old")
    builder.write_atomically("new\n", out)
    assert out.read_bytes() == b"new\n"
    assert list(tmp_path.iterdir()) == [out]
