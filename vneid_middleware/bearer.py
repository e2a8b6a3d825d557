"""Bearer keys of programs: the ini holds their digests, so that nobody can use what they read there."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

CHALLENGE = 'Bearer realm="vneid"'


def holder(authorization: str, digests: Mapping[str, str]) -> str | None:
    """Return whose key an ``Authorization`` header holds; None for nobody's.

    Args:
        digests: name to SHA-256 of the key, as lower-case hex.
    """
    kind, _, key = authorization.partition(" ")
    if kind.lower() != "bearer":
        return None
    digest = hashlib.sha256(key.strip().encode("utf-8", "surrogateescape")).hexdigest()
    # all are compared, so that the time does not tell which one was close
    found = [name for name, known in digests.items() if hmac.compare_digest(known, digest)]
    return found[0] if found else None
