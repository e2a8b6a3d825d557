"""Our cookies: their names, how they are written, and how they are told from the host's.

``__Host-`` (RFC 6265bis section 4.1.3.2) keeps subdomains and plain http from setting them; browsers accept the prefix
on https only, so a portal on loopback http goes without.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

MAX_LOGIN_COOKIES = 5
"""Logins under way in one browser; older ones are dropped, so that the Cookie header stays small."""
MAX_SESSION_VALUES = 3
"""Cookies of the session's name that are looked at: the first valid one counts."""


@dataclass(frozen=True)
class CookieNames:
    """Names of our cookies for one portal.

    Args:
        session: the session cookie's whole name.
        secure: the portal is on https.
    """

    session: str
    secure: bool

    @classmethod
    def of(cls, name: str, *, secure: bool) -> CookieNames:
        """Return the names for ``session.cookie_name``."""
        return cls(f"__Host-{name}" if secure else name, secure)

    @property
    def login_prefix(self) -> str:
        """What the name of a login transaction's cookie begins with."""
        return self.session + "-login-"

    @property
    def form(self) -> str:
        """Name of the cookie that ties kept forms to this browser."""
        return self.session + "-form"

    @property
    def loop(self) -> str:
        """Name of the cookie that counts logins right after one another."""
        return self.login_prefix + "loop"

    def login(self, state: str) -> str:
        """Return the name of the cookie that holds the login transaction of ``state``."""
        return self.login_prefix + hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def write(self, name: str, value: str, *, max_age: int | None = None, cross_site: bool = False) -> str:
        """Return a ``Set-Cookie`` value.

        Args:
            max_age: seconds; without it the cookie ends with the browser.
            cross_site: the provider comes back with a POST (``form_post``), which takes ``SameSite=None``.
        """
        parts = [f"{name}={value}", "Path=/", "HttpOnly"]
        if max_age is not None:
            parts.append(f"Max-Age={max_age}")
        if self.secure:
            parts.append("Secure")
        parts.append("SameSite=None" if cross_site and self.secure else "SameSite=Lax")
        return "; ".join(parts)

    def delete(self, name: str) -> str:
        """Return a ``Set-Cookie`` value that removes a cookie."""
        return self.write(name, "", max_age=0)

    def split(self, header: str) -> tuple[list[str], dict[str, str], str]:
        """Take a ``Cookie`` header apart.

        Returns:
            the values under the session's name, our other cookies by name in the order they came, and the header
            without either: what the host may see.
        """
        session, login, form = self.session, self.login_prefix, self.form
        sessions: list[str] = []
        others: dict[str, str] = {}
        rest = []
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == session:
                sessions.append(value)
            elif name.startswith(login) or name == form:
                others[name] = value
            elif name or value:
                rest.append(part.strip())
        return sessions[:MAX_SESSION_VALUES], others, "; ".join(rest)
