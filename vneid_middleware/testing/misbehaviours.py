"""What the provider of the kit can do wrong, or merely otherwise, by name.

Where a module of the OpenID Foundation's relying-party tests does the same, the name is the module's, without
``oidcc-client-test-`` before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vneid_middleware.simulator.switches import FAULTS, FAULTY, LOGOUT_FAULTS


@dataclass(frozen=True)
class Misbehaviour:
    """One way not to be the plainest of providers.

    Attributes:
        about: what it is, in words.
        switches: what it sets at the simulator.
        refused: whether a login must end without a session.
        of_id_token: whether it shows in an id_token alone, which the VNeID profiles don't have by themselves.
    """

    about: str
    switches: Mapping[str, str]
    refused: bool = True
    of_id_token: bool = False


def _in_id_token(about: str, fault: str = "none", *, refused: bool = True, **switches: str) -> Misbehaviour:
    return Misbehaviour(about, {"fault.id_token": fault, **switches}, refused, of_id_token=True)


def _endpoints() -> Iterator[tuple[str, Misbehaviour]]:
    for endpoint in FAULTY:
        for fault in FAULTS[1:]:
            yield f"{endpoint}-{fault}", Misbehaviour(f"the {endpoint} endpoint: {fault}", {f"fault.{endpoint}": fault},
                                                     refused=fault != "slow")


def _logout_tokens() -> Iterator[tuple[str, Misbehaviour]]:
    for fault in LOGOUT_FAULTS[1:]:
        yield f"rp-backchannel-rpinitlogout-{fault}", Misbehaviour(f"the logout token: {fault}", {"fault.logout_token": fault},
                                                                  refused=False)


MISBEHAVIOURS: Mapping[str, Misbehaviour] = {
    "invalid-iss": _in_id_token("another iss", "wrong-iss"),
    "missing-sub": _in_id_token("no sub", "no-sub"),
    "invalid-aud": _in_id_token("another aud", "wrong-aud"),
    "missing-aud": _in_id_token("no aud", "no-aud"),
    "missing-iat": _in_id_token("no iat", "no-iat"),
    "nonce-invalid": _in_id_token("another nonce", "wrong-nonce"),
    "nonce-missing": _in_id_token("no nonce", "no-nonce"),
    "expired": _in_id_token("exp has passed", "expired"),
    "at-hash-invalid": _in_id_token("at_hash of another access token", "wrong-at-hash"),
    "auth-time-missing": _in_id_token("no auth_time, which matters with sso.max_age alone", "no-auth-time"),
    "auth-time-old": _in_id_token("an auth_time of ten days ago, which matters with sso.max_age alone", "old-auth-time"),
    "idtoken-sig-none": _in_id_token("alg none and no signature", "alg-none"),
    "invalid-sig-rs256": _in_id_token("RS256 by a key that is not published, under the id of one that is", "wrong-signature"),
    "invalid-sig-es256": _in_id_token("the same by ES256", "wrong-signature", algorithm="ES256"),
    "invalid-sig-hs256": _in_id_token("HS256 under the client secret", "hs256"),
    "idtoken-sig-ps256": _in_id_token("signed by PS256", algorithm="PS256", refused=False),
    "idtoken-sig-es256": _in_id_token("signed by ES256", algorithm="ES256", refused=False),
    "kid-unknown": _in_id_token("a kid that is not published", "unknown-kid"),
    "kid-absent-single-jwks": _in_id_token("no kid, and one key that can be meant", kid="off", other_keys="of-other-kinds",
                                           refused=False),
    "kid-absent-multiple-jwks": _in_id_token("no kid, and several keys that can be meant", kid="off",
                                             other_keys="of-the-same-kind"),
    "signing-key-rotation-just-before-signing": _in_id_token("a new key for every id_token", new_key="before-signing",
                                                             refused=False),
    "discovery-issuer-mismatch": Misbehaviour("metadata of another issuer", {"metadata_issuer": "another"}),
    "userinfo-invalid-sub": Misbehaviour("userinfo of another subject than the id_token", {"fault.id_token": "other-subject"},
                                         of_id_token=True),
    "userinfo-signed": Misbehaviour("userinfo as a signed JWT, which nobody asked for", {"userinfo": "signed"}),
    "aggregated-claims": Misbehaviour("userinfo with claims that somebody else signed", {"claim_sources": "aggregated"},
                                      refused=False),
    "distributed-claims": Misbehaviour("userinfo that says where to get more claims", {"claim_sources": "distributed"},
                                       refused=False),
    "no-access-token": Misbehaviour("a token answer without an access token", {"fault.id_token": "no-access-token"}),
    "token-type-invalid": Misbehaviour("an access token of another type than Bearer", {"fault.id_token": "wrong-token-type"}),
    "rp-init-logout-other-state": Misbehaviour("back from the logout with another state", {"logout_state": "another"},
                                               refused=False),
    "rp-init-logout-no-state": Misbehaviour("back from the logout without a state", {"logout_state": "none"}, refused=False),
    **dict(_logout_tokens()),
    **dict(_endpoints()),
}
