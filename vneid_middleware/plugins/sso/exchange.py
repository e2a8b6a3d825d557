"""From the authorization code to verified claims."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from vneid_middleware.core import identity as identities
from vneid_middleware.core import oidc
from vneid_middleware.core.claims import TokenError
from vneid_middleware.core.id_token import verify_id_token
from vneid_middleware.exceptions import AuditError, LoginError, StorageError, UpstreamError, VNeIDError
from vneid_middleware.kept import Deadline
from vneid_middleware.models import LoginTransaction, ProviderClient
from vneid_middleware.plugins.sso.provider import Provider


class Exchange:
    """Asks the provider's token and userinfo endpoints, and believes nothing that does not hold.

    Args:
        services: everything of the middleware.
        provider: whom to ask.
    """

    def __init__(self, services: Any, provider: Provider) -> None:
        self._vneid = services
        self._settings = services.settings
        self._provider = provider
        self._decoder = services.roles["response_decoder", self._settings["sso.response"]]

    def claims(self, callback: oidc.Callback, transaction: LoginTransaction, client: ProviderClient,
               deadline: Deadline) -> tuple[oidc.TokenResponse, dict[str, Any]]:
        """Return the token response and the merged claims that a code stands for.

        Raises:
            UpstreamError: the provider can't be reached, or refuses.
            VNeIDError: its answer does not hold.
        """
        settings = self._settings
        headers, body = oidc.token_request(
            code=callback.code, redirect_uri=client.redirect_uri, client_id=client.client_id,
            client_secret=client.client_secret, client_auth=client.client_auth, assertion=self._assertion(client, deadline),
            code_verifier=transaction.code_verifier if client.pkce else None,
            encrypt_key=callback.encrypt_key if settings["sso.response"] != "plain" else "")
        answer = oidc.parse_token_response(
            self._decoder.decode(self._provider.token(headers, body, deadline), self._vneid),
            id_token_required=settings["sso.id_token"] == "required")
        id_claims = self._id_token_claims(answer, transaction, client, deadline)
        raw = self._provider.userinfo(answer.access_token, deadline)
        userinfo = {} if raw is None else self._decoder.decode(raw, self._vneid)
        self._check_agreement(id_claims, userinfo)
        return answer, identities.merge_claims(id_claims, userinfo)

    def _assertion(self, client: ProviderClient, deadline: Deadline) -> str:
        if client.client_auth != "private_key_jwt":
            return ""
        now, client_id = self._vneid.now(), client.client_id
        claims = {"iss": client_id, "sub": client_id, "aud": self._provider.endpoint("token_endpoint", deadline),
                  "iat": now, "exp": now + 60, "jti": secrets.token_urlsafe(16)}
        return str(self._vneid.keys.sign("sso.signing_key", json.dumps(claims).encode(), {"typ": "JWT"}))

    def _id_token_claims(self, answer: oidc.TokenResponse, transaction: LoginTransaction, client: ProviderClient,
                         deadline: Deadline) -> dict[str, Any]:
        if answer.id_token is None or not self._provider.reads_id_tokens:
            return {}
        return self._provider.verified(lambda key_set: self._verified(answer, transaction, client, key_set), deadline)

    def _verified(self, answer: oidc.TokenResponse, transaction: LoginTransaction, client: ProviderClient,
                  key_set: Any) -> dict[str, Any]:
        try:
            return verify_id_token(
                answer.id_token or "", key_set=key_set, issuer=self._provider.issuer, client_id=client.client_id,
                nonce=transaction.nonce if client.nonce else None, algorithms=self._settings["sso.id_token_algs"],
                now=self._vneid.now(),
                access_token=answer.access_token, max_age=self._settings["sso.max_age"],
                require_nonce=client.nonce and self._settings["sso.id_token"] == "required")
        except TokenError as error:
            if "seconds" not in error.evidence:
                raise
            ahead = f"by its Date header this machine's clock is {self._provider.clock_offset:+.0f} s off the provider's"
            raise TokenError(error.code, f"{error.detail}; {ahead}", **error.evidence) from None

    def _check_agreement(self, id_claims: Mapping[str, Any], userinfo: Mapping[str, Any]) -> None:
        """OpenID Connect Core 5.3.2: userinfo of another subject must not be used. VNeID's may have no ``sub``."""
        if not id_claims or not userinfo:
            return
        required = self._settings["sso.id_token"] == "required"
        if userinfo.get("sub", None if required else id_claims["sub"]) != id_claims["sub"]:
            raise VNeIDError("subject_mismatch", "userinfo is of another subject than the id_token")
        for name in ("SoDinhDanh", "citizenPid"):
            if name in id_claims and name in userinfo and id_claims[name] != userinfo[name]:
                raise VNeIDError("subject_mismatch", f"userinfo and id_token disagree about {name}")


@contextmanager
def upstream() -> Iterator[None]:
    """Turn what the provider did wrong into the page that the citizen sees."""
    try:
        yield
    except (LoginError, StorageError, AuditError):
        raise
    except UpstreamError as error:
        raise _login_error(error) from error
    except VNeIDError as error:
        raise LoginError("answer_invalid", str(error), status=502, cause=error.code) from error


def _login_error(error: UpstreamError) -> LoginError:
    if error.code == "timeout":
        return LoginError("provider_timeout", error.detail, status=504)
    if error.code in ("connection", "tls"):
        return LoginError("provider_unreachable", f"{error.code}: {error.detail}", status=504)
    status = error.evidence.get("status", 0)
    if error.code == "busy":
        return LoginError("provider_unavailable", error.detail, status=502)
    if error.evidence.get("provider_code") == "invalid_grant":
        return LoginError("code_refused", f"{error.detail} (invalid_grant)", status=502)
    if status >= 500 or status == 429:
        return LoginError("provider_unavailable", error.detail, status=502)
    hint = "; is this server's address on the provider's list?" if status == 401 else ""
    return LoginError("provider_error", f"{error}{' ' + error.evidence.get('provider_code', '')}{hint}", status=502)
