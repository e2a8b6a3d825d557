"""``python -m vneid_middleware.simulator``."""

import argparse
import sys

from vneid_middleware.cli.words import argparse_speaks, say
from vneid_middleware.simulator import add_arguments, run

with argparse_speaks():
    parser = argparse.ArgumentParser(prog="vneid simulator",
                                     description=say("The VNeID side, for portals without credentials."))
    add_arguments(parser)
    words = parser.parse_args()
sys.exit(run(words))
