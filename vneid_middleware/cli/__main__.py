"""``python -m vneid_middleware.cli``."""

import sys

from vneid_middleware.cli import main

sys.exit(main())
