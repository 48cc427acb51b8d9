"""The science of the lab: models, training, and ways to look inside. Knows nothing of screens."""

from __future__ import annotations

import os

# How long a thread of torch's waits in a busy loop for more work before it sleeps. A lab shares its
# cores with a browser, and long waiting makes a step several times as slow beside other work; not
# waiting at all makes it a quarter slower on an idle machine. This is in between. It is read once,
# when torch loads its OpenMP library, so it has to be said before that.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")
