"""The code under test, broken on purpose: each target must find what is broken for it."""

from __future__ import annotations

from typing import Any, NamedTuple
from unittest.mock import patch

from fuzz.targets import TARGETS, attempt


class Fault(NamedTuple):
    """Something that is replaced by something worse."""

    target: str
    place: str
    """What is replaced: module and name."""
    replacement: Any

    def __str__(self) -> str:
        return f"{self.target}-{self.place.rpartition('.')[2]}"

    def shows_in(self, data: bytes) -> bool:
        """Tell whether the target fails on this input while the fault is there."""
        with patch(self.place, self.replacement):
            try:
                attempt(TARGETS[self.target], data)
            except Exception:
                return True
        return False


def anything(*given: Any, **named: Any) -> Any:
    """Believe everything."""
    return None


def no_verification(*given: Any, **named: Any) -> bool:
    """Take every signature for good."""
    return True


FAULTS = tuple(Fault(*given) for given in (
    ("return_to", "fuzz.redirects.safe_return_to", lambda value, public_url: public_url + value),
    ("return_to", "vneid_middleware.core.redirects._is_plain", no_verification),
    ("cookie_header", "vneid_middleware.core.cookies.MAX_SESSION_VALUES", 100),
    ("id_token", "vneid_middleware.core.id_token._check_nonce", anything),
    ("id_token", "vneid_middleware.core.id_token.check_audience", anything),
    ("id_token", "vneid_middleware.core.id_token.check_times", anything),
    ("logout_token", "vneid_middleware.core.logout_token.check_issuer", anything),
    ("lookup_answer", "vneid_middleware.core.lookup_answer._check_binding", anything),
    ("token_text", "jwt.algorithms.ECAlgorithm.verify", no_verification),
    ("session_record", "vneid_middleware.core.session.is_live", no_verification),
    ("callback_check", "vneid_middleware.core.oidc.CLOCK_SKEW", 10_000),
    ("token_response", "vneid_middleware.core.oidc._is_lifetime", no_verification),
    ("userinfo", "vneid_middleware.text.is_personal_number", no_verification),
    ("json_object", "vneid_middleware.core.jose._check_tree", anything),
    ("key_set", "vneid_middleware.core.jose._MIN_RSA_BITS", 0),
    ("loas", "vneid_middleware.core.assurance._spoils", lambda *given: False),
    ("access_decision", "fuzz.access.decide", lambda requirements, identity: ("allow", 0, "")),
    ("encrypted", "fuzz.counter.decrypt", lambda token, key: b"eyJhbGciOiJFUzI1NiJ9.e30.c2ln"),
    ("name", "vneid_middleware.text._clean", lambda letter: letter),
    ("own_path", "vneid_middleware.core.redirects._PATH_CHARACTERS", "?#/"),
))
