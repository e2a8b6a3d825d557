"""The log of a command that runs until it is stopped: to stderr, one line for each thing that happened."""

from __future__ import annotations

import logging
import sys


def begin_log() -> None:
    """Write what happens to stderr, from now on."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # it tells each step of making the tables, where only what goes wrong is of use
    logging.getLogger("alembic").setLevel(logging.WARNING)
