"""The portal's own keys while one replaces the other."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from support import Browser
from vneid_middleware.application import assemble
from vneid_middleware.settings import Source

from .conftest import register

PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


def write(folder: Path, name: str) -> tuple[str, str]:
    """Return the name of a file with a new private key, and the public half."""
    key = rsa.generate_private_key(65537, 2048)
    pem = folder / f"{name}.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pem.chmod(0o600)
    return str(pem), key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: write(folder, name) for name in ("new", "old", "older")}


def gateway(journey: Any, *names: str) -> Any:
    j = journey("gateway-2026", **{"sso.decryption_key": "\n".join(names)})
    j.switch(response="rsa-aes", claims="gateway-2026", encrypted_code="on")
    return j


@pytest.mark.threat("A-091")
def test_answers_under_either_key_open_during_the_overlap(journey, pairs):
    j = gateway(journey, pairs["new"][0], pairs["old"][0])
    for name in ("old", "new"):
        register(j.simulator, j.portal, public_key=pairs[name][1])
        assert j.sign_in("nguyet", browser=Browser()).json()["name"] == "Nguyễn Thị Ánh Nguyệt"


@pytest.mark.threat("A-091")
@pytest.mark.parametrize("configured", [("new",), ("new", "old")])
def test_a_key_that_was_taken_away_opens_nothing(journey, pairs, configured):
    j = gateway(journey, *(pairs[name][0] for name in configured))
    register(j.simulator, j.portal, public_key=pairs["older"][1])
    answer = j.sign_in("nguyet")
    assert answer.status == 502
    assert not j.session()["authenticated"]
    assert j.audit()[-1]["what"]["code"] == "answer_invalid"


@pytest.mark.threat("A-091")
def test_all_public_halves_are_published_and_nothing_private(journey, pairs):
    j = journey("oidc", **{"sso.decryption_key": f"{pairs['new'][0]}\n{pairs['old'][0]}", "sso.signing_key": pairs["older"][0]})
    answer = j.browser.get(j.portal + "/vneid/.well-known/jwks.json", {"Accept": "application/json"})
    keys = json.loads(answer.text)["keys"]
    assert sorted(key["use"] for key in keys) == ["enc", "enc", "sig"]
    assert len({key["kid"] for key in keys}) == 3
    assert not any(f'"{member}"' in answer.text for member in PRIVATE)
    for name in pairs:
        numbers = load_pem_private_key(Path(pairs[name][0]).read_bytes(), None).private_numbers()
        for secret in (numbers.d, numbers.p, numbers.q):
            raw = secret.to_bytes((secret.bit_length() + 7) // 8, "big")
            assert base64.urlsafe_b64encode(raw).rstrip(b"=").decode() not in answer.text


@pytest.mark.threat("A-091")
def test_the_first_signing_key_signs(journey, pairs):
    import jwt

    j = journey("oidc", **{"sso.signing_key": f"{pairs['new'][0]}\n{pairs['old'][0]}"})
    signed = j.app.services.keys.sign("sso.signing_key", b"{}", {"typ": "JWT"})
    assert jwt.PyJWS().decode(signed, pairs["new"][1], algorithms=["RS256"]) == b"{}"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.PyJWS().decode(signed, pairs["old"][1], algorithms=["RS256"])


def problems(folder: Path, **given: str) -> list[str]:
    settings = {"public_url": "https://portal.example", "secret": "abcdefghijklmnopqrstuvwxyz0123456789", "plugins": "sso",
                "storage": f"sqlite:///{folder}/v.db", "sso.client_id": "x", "sso.client_secret": "y",
                **{name.replace("__", "."): value for name, value in given.items()}}
    return [str(problem) for problem in assemble(Source(settings)).problems]


def test_mistakes_in_a_list_of_keys_are_told(tmp_path, pairs):
    new, old = pairs["new"][0], pairs["old"][0]
    open_to_all = tmp_path / "open.pem"
    open_to_all.write_bytes(Path(old).read_bytes())
    open_to_all.chmod(0o644)
    assert problems(tmp_path, sso__decryption_key=f"{new}\n{old}") == []
    for given, told in (
        ({"sso__decryption_key": f"{new}\n{new}"}, "names a file twice"),
        ({"sso__decryption_key": f"{new}\n{tmp_path}/none.pem"}, "there is none at"),
        ({"sso__decryption_key": f"{new}\n{open_to_all}"}, "can be read by others"),
        ({"sso__decryption_key": f"{new}\n{old}", "sso__signing_key": old}, "is the same key as sso.signing_key"),
        ({"sso__decryption_key": new, "sso__signing_key": f"{old}\n{new}"}, "is the same key as sso.signing_key"),
    ):
        (problem,) = problems(tmp_path, **given)
        assert problem.startswith("sso.decryption_key: ")
        assert told in problem
