"""The science of the lab: models, training, and ways to look inside. Knows nothing of screens."""

from __future__ import annotations

import os

# Threads that wait for work must sleep, not spin: a lab shares its cores with a browser, and two
# spinning workers on two busy cores take several times as long for a step. Read once, when torch
# loads its OpenMP library, so it has to be said before that.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
