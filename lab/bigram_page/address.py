"""What the page's address says beside its run: `?view=…&order=…&source=…&other=…`."""

from __future__ import annotations

from core.errors import LabError
from core.interpretability.orders import ORDERS
from core.records.records import RunRecord
from lab.session import address
from lab.session.address import Part, one_of
from lab.session.bigram_choices import OTHER, SOURCE, SOURCES, SWITCHES, TABLE_VIEWS
from lab.session.state import the_lab

_CHOICES: dict[str, tuple[str, ...]] = {
    "view": TABLE_VIEWS,
    "order": ORDERS,
    "source": SOURCES,
}


def read_address() -> str:
    """Choose what the address says, the first time; why some of it cannot be, in a sentence.

    It quotes what came from outside: show it as plain text.
    """
    parts = [Part(name, held, one_of(_CHOICES[name])) for name, held in SWITCHES.items()]
    return address.read_address("bigram", [*parts, Part("other", OTHER, _id_of_other)])


def _id_of_other(name: str) -> str:
    """Of the run of this name, if its model is another one. Raises ValueError."""
    try:
        run = the_lab().run(name)
    except LabError as error:
        raise ValueError(f"names no run here: {str(error).rstrip('.')}") from error
    if run.model == "bigram":
        raise ValueError(f"is another model, and {run.name} is itself a bigram table")
    return run.id


def write_address(other: RunRecord | None) -> None:
    """Let the address say what is shown; `other` is the run of the other model, if one is."""
    address.write_address(
        {name: None if held.get() == held.default else held.get()
         for name, held in SWITCHES.items()}
        | {"other": other.name if other and SOURCE.get() != "table" else None}
    )  # fmt: skip
