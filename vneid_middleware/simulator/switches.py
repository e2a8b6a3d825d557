"""Every switch and fault of the simulator, with its values; the first is the default."""

from __future__ import annotations

from vneid_middleware.simulator.counter_keys import ALGORITHMS, SPOILT_SIGNATURES

SIGN_ON: dict[str, tuple[str, ...]] = {
    "id_token": ("off", "on"),
    "claims": ("guide-2023", "gateway-2026", "oidc"),
    "sub": ("off", "on"),
    "response": ("plain", "rsa-aes"),
    "encrypted_code": ("off", "on"),
    "loas": ("normal", "guide-sample", "missing", "garbage"),
    "logout_parameter": ("redirect_uri", "post_logout_redirect_uri"),
    "pkce": ("verified", "required", "ignored"),
    "nonce": ("honoured", "ignored"),
    "iss": ("off", "on"),
    "kid": ("on", "off"),
    "algorithm": ("RS256", "PS256", "ES256"),
    "other_keys": ("none", "of-other-kinds", "of-the-same-kind"),
    "new_key": ("never", "before-signing"),
    "metadata_issuer": ("own", "another"),
    "userinfo": ("json", "signed"),
    "claim_sources": ("none", "aggregated", "distributed"),
    "logout_state": ("returned", "another", "none"),
    "deep_link_secret": ("required", "optional"),
}
COUNTER: dict[str, tuple[str, ...]] = {
    "consent": ("ask", "always", "never", "silent"),
    "qr_mode": ("poll", "blocking", "webhook"),
    "qr_response": ("jws", "plain", "jwe"),
    "qr_alg": ALGORITHMS,
    "qr_iss": ("off", "on"),
    "qr_aud": ("off", "on"),
    "qr_repeats": ("nothing", "request_id", "qr_id", "both"),
    "qr_used_code": ("03", "02"),
    "qr_webhook": ("retried", "once", "twice", "early", "never"),
    "qr_account": ("none", "basic", "bearer", "c06"),
    "lgsp_life": ("hour", "seconds", "dies-early"),
}
WALLET: dict[str, tuple[str, ...]] = {
    "pull_form": ("jws", "bearer"),
    "pull_alg": ALGORITHMS,
    "push_account": ("none", "basic", "bearer", "c06"),
    "push_share": ("100", "75", "50", "25", "10", "5", "1"),
}
SWITCHES = {**SIGN_ON, **COUNTER, **WALLET}
"""What nobody outside knows of VNeID, with every variant."""

FAULTS = ("none", "slow", "hang", "drip", "500", "503", "html", "wrong-type", "invalid-json", "empty", "huge", "gzip-bomb",
          "broken-off", "redirect")
PLATFORM_FAULTS = (*FAULTS, "own-error", "down")
"""``own-error``: the platform refuses; ``down``: it can't reach the service behind it. Both in the platform's own words."""

TOKEN_FAULTS = ("none", "wrong-signature", "alg-none", "hs256", "wrong-nonce", "no-nonce", "wrong-iss", "wrong-aud", "no-sub",
                "no-iat", "expired", "wrong-at-hash", "unknown-kid", "other-subject", "other-number", "wrong-token-type",
                "no-access-token", "no-aud", "no-auth-time", "old-auth-time")

LOGOUT_FAULTS = ("none", "alg-none", "wrong-alg", "wrong-signature", "unknown-kid", "wrong-type", "wrong-iss", "wrong-aud",
                 "no-event", "wrong-event", "event-no-object", "with-nonce", "no-jti", "no-iat", "no-exp", "expired", "old",
                 "future", "lives-long", "no-sub-no-sid")
"""What can be wrong with a logout token: with one that is sent by program, and with those that the end of a session sends."""

ANSWER_FAULTS = ("none", *SPOILT_SIGNATURES, "expired", "old-iat", "future-iat", "text-iat", "no-iat", "no-exp",
                 "other-request-id", "no-request-id", "other-qr-id", "no-qr-id", "swapped", "replayed", "wrong-aud", "wrong-iss",
                 "extra-fields", "missing-number", "missing-name", "bad-number", "bad-date", "bad-gender", "long-name", "markup",
                 "control-characters", "unknown-code", "number-code", "no-code", "no-data", "malformed-envelope", "other-form",
                 "no-transaction", "other-transaction")
"""What can be wrong with an answer at the counter."""

FAULTY = ("token", "userinfo", "jwks", "discovery")
"""The endpoints of sign-on that misbehave."""
SIGN_ON_FAULTS = {**dict.fromkeys(FAULTY, FAULTS), "id_token": TOKEN_FAULTS, "logout_token": LOGOUT_FAULTS}
COUNTER_FAULTS = {"answer": ANSWER_FAULTS, "qr": FAULTS, "qr_jwks": FAULTS, "ndxp": (*PLATFORM_FAULTS, "own-error-200"),
                  "xroad": (*PLATFORM_FAULTS, "other-id"), "lgsp": (*PLATFORM_FAULTS, "own-error-xml", "throttled"),
                  "lgsp_token": PLATFORM_FAULTS}
PULL_FAULTS = ("none", *SPOILT_SIGNATURES, "replayed", "wrong-aud", "expired", "old-iat", "future-iat", "no-jti", "no-iat",
               "no-exp", "unknown-caller", "no-typed-data", "typed-data-list", "no-number", "broken-body", "wrong-type")
"""What can be wrong with a question for a document."""

RANDOM_PUSH_FAULTS = ("408", "425", "429", "500", "503", "closed", "taken-closed", "taken-500", "broken-off", "invalid-json",
                      "malformed-envelope", "other-code", "other-change")
"""What ``random`` draws from: all of it is to be tried again."""
PUSH_STATUSES = ("400", "401", "403", "404", "408", "409", "425", "429")
PUSH_FAULTS = (*FAULTS, *PUSH_STATUSES, "409-older", "closed", "taken-closed", "taken-500", "forgets", "malformed-envelope",
               "other-code", "other-change", "random")
"""How the taking of a change can go wrong, beside the ways of every endpoint."""
WALLET_FAULTS = {"pull": PULL_FAULTS, "push": PUSH_FAULTS, "documents_jwks": FAULTS}
FAULT_VALUES = {**SIGN_ON_FAULTS, **COUNTER_FAULTS, **WALLET_FAULTS}
"""What ``fault.NAME`` may be."""
