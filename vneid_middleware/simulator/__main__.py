"""``python -m vneid_middleware.simulator``."""

import argparse
import sys

from vneid_middleware.simulator import add_arguments, run

parser = argparse.ArgumentParser(prog="vneid simulator", description="The VNeID side, for portals without credentials.")
add_arguments(parser)
sys.exit(run(parser.parse_args()))
