"""What can go wrong on the user's side, as one small tree.

    LabError
    ├── ConfigError      a setting, or a combination of settings, that cannot be
    ├── CorpusError      a text that cannot be learned from, or that is not there
    ├── PromptError      a prompt with characters that the model has never seen
    ├── RunError         a run that is not there, is busy, or cannot do what was asked
    ├── CheckpointError  a saved state that cannot be read
    ├── StorageError     a disk that is full, or a file that may not be written or read
    ├── RegistryDamaged  a registry that cannot be read (`core.runs.rebuilding` makes it anew)
    ├── ExchangeError    a model that cannot go to another program, or come from one
    ├── DivergedError    a run whose loss is no longer a number (`core.training.trainer`)
    └── Failed           a command whose run ended as failed (`core.commands.training`)

Every message is one or two sentences for a person: what was expected, what came, what to do. The
command line prints it and exits with 2; a page shows it in place. Anything else that is raised is
a bug and may crash loudly.
"""

from __future__ import annotations


class LabError(Exception):
    """Something that the user can put right; the message says how."""


class ConfigError(LabError):
    """A setting, or a combination of settings, that cannot be."""


class CorpusError(LabError):
    """A text that cannot be learned from, or that is not there."""


class EncodingError(CorpusError):
    """A text in another encoding than UTF-8.

    `likely` holds the encodings that it may be in, the likeliest first, and `finding` the sentence
    that says so, without what to do about it: whoever can advise better adds that.
    """

    def __init__(self, what: str, likely: tuple[str, ...]) -> None:
        self.likely = likely
        self.finding = f"{what} is not in UTF-8 but, it seems, in {likely[0]}."
        super().__init__(
            f"{self.finding} If that is right, take it with --encoding {likely[0]} or on the "
            "Corpus page."
        )


class PromptError(LabError):
    """A prompt with characters outside the vocabulary.

    `unknown` holds those characters, each once, in the order in which they appear.
    """

    def __init__(self, message: str, unknown: str) -> None:
        super().__init__(message)
        self.unknown = unknown


class RunError(LabError):
    """A run that is not there, is busy elsewhere, or cannot do what was asked."""


class CheckpointError(LabError):
    """A saved state that is missing, cut short, or of another version.

    `trouble` is the sentence that says what is wrong, without what to do about it.
    """

    def __init__(self, trouble: str, advice: str = "") -> None:
        self.trouble = trouble
        super().__init__(f"{trouble} {advice}".rstrip())


class StorageError(LabError):
    """A disk that is full, or a file that may not be written or read.

    `is_full` tells the first from the others: with room again, the same succeeds.
    """

    def __init__(self, message: str, *, is_full: bool = False) -> None:
        super().__init__(message)
        self.is_full = is_full


class RegistryDamaged(LabError):
    """A registry that cannot be read; whoever opens the lab next has it rebuilt."""


class ExchangeError(LabError):
    """A model that a format has no place for, or a file that cannot be taken in."""


MAX_QUOTED = 80
"""Characters: no more of what somebody typed can be read in a sentence."""


def quoted(given: object, at_most: int = MAX_QUOTED) -> str:
    """What came instead of what was expected, for a message: as Python writes it, or its beginning.

    A text is in quotes, and so is its beginning.
    """
    if isinstance(given, str):
        return repr(given) if len(given) <= at_most else f"{given[:at_most]!r}…"
    try:
        shown = repr(given)
    except ValueError:
        return "a number of thousands of digits"
    return shown if len(shown) <= at_most else f"{shown[:at_most]}…"
