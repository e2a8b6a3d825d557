"""The kit that portals and plugins are tested with: a provider that misbehaves on demand, a browser, and servers on loopback.

Nothing here is active unless a test imports it; it needs no more than the plain installation. See docs/testing.md.
"""

from __future__ import annotations

from vneid_middleware.testing.browser import Answer, Browser, sign_in
from vneid_middleware.testing.misbehaviours import MISBEHAVIOURS, Misbehaviour
from vneid_middleware.testing.portal import wrapped
from vneid_middleware.testing.provider import MisbehavingProvider
from vneid_middleware.testing.server import serving

__all__ = ["MISBEHAVIOURS", "Answer", "Browser", "MisbehavingProvider", "Misbehaviour", "serving", "sign_in", "wrapped"]
