"""Addresses: what is written is read again, and nonsense is left out and said."""

from __future__ import annotations

import pytest

from lab.train_page.link import SWITCHES, Link, read_link, write_link

FULL = Link(
    switches=SWITCHES | {"model": "attention", "axis": "FLOPs", "scale": "log loss"},
    names={"corpus": "my text", "run": "bold-hamlet", "recipe": "fast"},
    settings={"block_size": 16, "learning_rate": 0.003, "schedule": "linear", "seed": 7},
    runs=("owl", "fox"),
    hidden=("recipe", "n_layer"),
)


@pytest.mark.parametrize("link", [Link(), FULL])
def test_a_link_is_read_as_it_was_written(link: Link) -> None:
    assert read_link(write_link(link)) == (link, [])


def test_what_is_as_always_makes_no_address_longer() -> None:
    assert write_link(Link()) == {}
    assert write_link(FULL)["hide"] == "recipe,n_layer"


def test_an_address_from_before_may_call_the_modern_block_fast() -> None:
    assert read_link({"block": "fast"}) == (Link(settings={"block": "modern"}), [])


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"block_size": "many"}, "block_size is a whole number, not 'many'"),
        ({"model": "gpt"}, "model is one of bigram, attention, transformer, not 'gpt'"),
        ({"hide": "n_layer,everything"}, "hide cannot hide 'everything'"),
        ({"colour": "red"}, "this page has no colour to set"),
    ],
)
def test_what_cannot_be_is_left_out_and_said(query: dict[str, str], complaint: str) -> None:
    assert read_link(query | {"seed": "3"}) == (Link(settings={"seed": 3}), [complaint])
