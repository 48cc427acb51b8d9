"""Which part of a long text is mapped."""

from __future__ import annotations

import pytest

from lab.attention_page.maps import MAX_MAPPED, first_mapped


@pytest.mark.parametrize("n_characters", [2, 128, 129, 200, 256])
def test_every_row_is_on_the_map_with_half_a_map_before_it(n_characters: int) -> None:
    for place in range(n_characters):
        start = first_mapped(n_characters, place)
        assert 0 <= start <= max(0, n_characters - MAX_MAPPED)
        assert start <= place < start + MAX_MAPPED
        assert start == 0 or place - start >= MAX_MAPPED // 2


def test_it_begins_at_the_end() -> None:
    assert first_mapped(256, 255) == 128 and first_mapped(256, 150) == 64
    assert first_mapped(256, 100) == 0 and first_mapped(40, 39) == 0
