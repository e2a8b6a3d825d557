"""Our access tokens in the Authorization header: how they are told from the host's own credentials (RFC 6750)."""

from __future__ import annotations

PREFIX = "vneid_at_"
"""What each of our access tokens begins with: found by one substring test, also by scanners for leaked secrets."""
MAX_TOKEN = 8192


def token_of(authorization: str) -> str | None:
    """Return what an Authorization header holds of ours.

    Returns:
        the token without its prefix; empty when one of ours is there in a form that does not count (two of them, another
        scheme); None when the header is somebody else's, and not ours to touch.
    """
    words = authorization.replace(",", " ").split()
    ours = [word for word in words if word.startswith(PREFIX)]
    if not ours:
        return None
    if len(words) != 2 or words[0].lower() != "bearer" or len(ours[0]) > MAX_TOKEN:
        return ""
    return ours[0].removeprefix(PREFIX)


def challenge(error: str, *, level: int = 0) -> str:
    """Return a ``WWW-Authenticate`` value.

    Args:
        error: of RFC 6750 section 3.1, or ``insufficient_user_authentication`` of RFC 9470 section 3.
        level: the assurance level that a new sign-in has to reach, told as ``acr_values``.
    """
    needed = f', acr_values="{level}"' if level else ""
    return f'Bearer error="{error}"{needed}'
