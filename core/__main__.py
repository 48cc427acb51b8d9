"""Where `python -m core` begins: all of it is `core.command_line`'s.

Loading torch takes a second, in which Ctrl-C is answered too.
"""

from __future__ import annotations

import os
import signal
import sys


def _stop(*_: object) -> None:
    print("Stopped.", file=sys.stderr, flush=True)
    os._exit(130)  # in the middle of an import, an exception could end anywhere


if __name__ == "__main__":
    before = signal.signal(signal.SIGINT, _stop)
    from core.command_line import main

    signal.signal(signal.SIGINT, before)
    sys.exit(main())
