"""Whatever stands in an address, a page opens: with what can be, and a word about what cannot.

Each part of the address of each page gets values that nobody meant, drawn with a seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from streamlit.testing.v1 import AppTest

from core.records.records import RunRecord
from core.runs.lab import Lab
from core.settings.config import ModelKind
from lab.train_page.link import LISTS, NAMES, SWITCHES
from lab.widgets.controls import SETTINGS
from tests.addresses import PAGES
from tests.helpers import add_corpus, filled, play, trained
from tests.pages import open_page, pages  # noqa: F401

MARKUP = "![x](http://example.invalid/x.png) [l](https://example.invalid) $x^2$ <b> :red[x] **b**"
VALUES = (
    "", " ", "0", "-1", "1", "1e99", "-1e99", "1e-99", "nan", "inf", "-inf", "9" * 5000, "0x10",
    "1.5", "1_000", "٣", "true", "None", "unknown", "best", "newest", "end", "start", "\x00",
    "a\nb", "\ufffd", "\u202egnirts", "x" * 10_000, "," * 100, MARKUP, "../../etc/passwd",
    "' OR 1=1 --", "first,second,third", ",".join(["first"] * 50),
    ",".join(f"run {i}" for i in range(8)), ",".join(f"run {i % 8}" for i in range(50)),
)  # fmt: skip
PARTS: dict[str, tuple[str, ...]] = {
    "train": (*SWITCHES, *NAMES, *SETTINGS, *LISTS, "unheard_of"),
    "attention": ("run", "step", "layer", "head", "text"),
    "bigram": ("run", "step", "view", "order", "source", "other"),
    "model": ("run", "step", "part"),
}
"""What a page's address may hold; of the others, what those of its neighbours hold."""
EVERY_PART = sorted({part for parts in PARTS.values() for part in parts})
N_ADDRESSES = 4


def some_runs(lab: Lab) -> list[RunRecord]:
    corpus = add_corpus(lab, "tiny", play(4_000))
    kinds: dict[str, ModelKind] = {"first": "bigram", "second": "attention", "third": "transformer"}
    kinds |= {f"run {i}": "bigram" for i in range(8)}
    return [lab.run(trained(lab, corpus, kind, name=name)) for name, kind in kinds.items()]


def opened(page: str, address: dict[str, str]) -> AppTest:
    """The page as this address opens it, and as it is drawn once more."""
    app = open_page(page, **address)
    app.run()
    assert not app.exception
    assert app.title or app.header
    return app


def addresses(page: str, parts: Sequence[str]) -> list[dict[str, str]]:
    drawn = random.Random(page)
    n = N_ADDRESSES if page in PARTS else 1
    return [{part: drawn.choice(VALUES) for part in parts} for _ in range(n)]


@pytest.mark.parametrize("page", PAGES)
def test_no_address_is_too_odd_for_a_page(pages: Lab, page: str) -> None:  # noqa: F811
    filled(pages, some_runs)
    for address in addresses(page, PARTS.get(page, EVERY_PART)):
        opened(page, address)


@pytest.mark.parametrize(
    ("part", "odd", "said"),
    [
        ("runs", ",".join(f"run {i}" for i in range(8)), "at most 6 runs stand behind, not 8"),
        ("runs", "first,first,nobody", "there is no run 'nobody'"),
        ("runs", ",".join(f"none {i}" for i in range(90)), "and 87 more"),
        ("corpus", "unknown", "unknown"),
        ("corpus", MARKUP, "example.invalid"),
        ("n_layer", "9" * 5000, "n_layer is a whole number"),
        ("learning_rate", "nan", "learning_rate"),
        ("max_iters", "1e99", "max_iters is a whole number"),
    ],
)
def test_what_cannot_be_is_said_and_the_rest_is_taken(
    pages: Lab,  # noqa: F811
    part: str,
    odd: str,
    said: str,
) -> None:
    filled(pages, some_runs)
    app = open_page(
        "train", **{"run": "first", "scale": "log steps", "behind": "chosen", part: odd}
    )
    (warning,) = [w.value.replace("\\", "") for w in app.warning]
    assert said in warning and len(warning) < 1_000
    assert app.query_params["run"] == "first"
    assert app.query_params["scale"] == "log steps"
