"""How small a difference is nothing, and what else the rules about a loss curve are set to.

Here a learner finds every number behind a note or an answer. What rounds to nothing on the screen
is `core.findings.meaning.is_said_as_zero`'s.
"""

from __future__ import annotations

NOISE_NATS = 0.03
"""Two validation estimates of one run that lie closer together say the same."""
OVERFITTING_NATS = NOISE_NATS
"""Validation has turned up when it lies so far above its best; training has fallen by as much."""
OVERFITTING_ESTIMATES = 3
"""So many estimates in a row must show it, because one may be a bad moment."""
FLAT_NATS = 0.01
"""A validation estimate that falls by less over a stretch is flat."""
STRETCH_SHARE = 0.25
"""The stretch that is flat or not: this share of the estimates, the last ones."""
STRETCH_ESTIMATES = 3
"""The stretch has at least so many estimates."""
JUST_BEGUN_SHARE = 0.2
"""Before this share of its steps a run has just begun, and may be flat for no bad reason."""
DIVERGING_NATS = 0.3
"""A clear rise, of the losses of steps or of both estimates."""
DIVERGING_STEPS = 20
"""Step losses are compared as medians over at least so many recorded steps."""
DIVERGING_SHARE = 0.05
"""And over this share of all, since luck finds a low stretch sooner or later among many."""
CROSSED = ("unigram", "bigram", "5-gram")
"""The counted lines of which it is told when the curve passes them."""
NEAR_A_LINE_NATS = 0.02
"""A model whose loss is no further from a counted line writes about as well as counting does."""
