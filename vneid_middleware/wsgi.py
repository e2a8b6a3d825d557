"""For servers that want a Python callable: ``vneid_middleware.wsgi:application`` loads the ini named by ``VNEID_INI``."""

from __future__ import annotations

import os
from typing import Any


def _load() -> Any:
    from paste.deploy import loadapp

    from vneid_middleware.exceptions import ConfigurationError

    name = os.environ.get("VNEID_INI", "")
    if not name:
        raise ConfigurationError(["VNEID_INI: the environment variable is not set. Set it to the path of the ini file."])
    return loadapp("config:" + os.path.abspath(name))


application = _load()
