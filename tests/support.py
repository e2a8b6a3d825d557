"""The browser and the server of the tests are those of the kit that everybody tests with."""

from __future__ import annotations

from vneid_middleware.testing.browser import NAVIGATION, Answer, Browser
from vneid_middleware.testing.server import serving

__all__ = ["NAVIGATION", "Answer", "Browser", "serving"]
