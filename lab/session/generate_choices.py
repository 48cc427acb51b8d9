"""What a session has chosen on the Generate page: its controls, which stand in its address too.

The values of widgets, which are kept while other pages are on the screen.
"""

from __future__ import annotations

from core.settings.config import SampleConfig
from lab.session.entry import Entry

_USUAL = SampleConfig()

PROMPT = Entry("generate_prompt", "")
TEMPERATURE = Entry("generate_temperature", _USUAL.temperature)
LENGTH = Entry("generate_length", _USUAL.max_new_tokens)
TOP_P = Entry("generate_top_p", _USUAL.top_p)
SEED = Entry("generate_seed", _USUAL.seed)
N_SAMPLES = Entry("generate_n_samples", 1)
"""Texts of each run."""
BESIDE: Entry[list[str] | tuple[str, ...]] = Entry("generate_beside", ())
"""Ids of the runs that write beside the one that the session looks at."""
BESIDE_TOUCHED = Entry("generate_beside_touched", False)
"""Whether they were chosen, so that they are no longer chosen for the reader."""
GO = Entry("generate_go", False)
"""Whether to write without another press of the button."""


def top_k_of(vocab_size: int) -> Entry[int]:
    """Its own for each size: a number that was right may be too large for another corpus."""
    return Entry(f"generate_top_k_{vocab_size}", _USUAL.top_k)
