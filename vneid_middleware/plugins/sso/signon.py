"""Web sign-on: from the authentication request to the session, and out again."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from vneid_middleware import text
from vneid_middleware.core import identity as identities
from vneid_middleware.core import oidc
from vneid_middleware.core import session as records
from vneid_middleware.core.cookies import MAX_LOGIN_COOKIES
from vneid_middleware.core.id_token import IdTokenError, verify_id_token
from vneid_middleware.events import LoggedOut, LoginSucceeded
from vneid_middleware.exceptions import AuditError, LoginError, SealError, StorageError, UpstreamError, VNeIDError
from vneid_middleware.models import ORGANISATION, Identity, LoginTransaction, MappedClaims
from vneid_middleware.plugins.sso.provider import Deadline, Provider
from vneid_middleware.storage import logins
from vneid_middleware.storage import sessions as stored

log = logging.getLogger("vneid_middleware")

LOGIN_DEADLINE = 30.0
SINGLE_THREAD_DEADLINE = 5.0
"""Seconds for all calls of one login; with one thread the whole portal waits for them."""
REPLAY_FOR = 60
"""Seconds in which a second callback of the same login is given the first one's session."""
_POLL = 0.05


class Outcome(NamedTuple):
    """Where a login ended: what every callback with its ``state`` answers."""

    return_to: str
    session_id: str
    session_cookie: str
    settled_at: int


class Who(NamedTuple):
    """What of the request goes into events."""

    request_id: str
    remote_addr: str
    user_agent: str


class SignOn:
    """The relying party.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid = services
        self._settings = services.settings
        self.provider = Provider(services)
        threads = self._settings["server_threads"]
        self._slots = max(1, threads // 2)
        self._limit = SINGLE_THREAD_DEADLINE if threads == 1 else LOGIN_DEADLINE
        self._logins = services.key_ring.box("login")
        self._outcomes = services.key_ring.box("login-outcome")
        self._hints = services.key_ring.box("logout-hint")
        self._decoder = services.roles["response_decoder", self._settings["sso.response"]]
        self._mapper = _mapper(services)
        self._redirect_uri = services.links.own("/callback")

    # -- the request ---------------------------------------------------------------------------------------------------

    def begin(self, return_to: str, level: int, login_hint: str, cookies: Mapping[str, str]) -> tuple[str, list[str]]:
        """Begin a login.

        Args:
            return_to: absolute URL on the portal.
            level: the level this login must reach, or 0.
            login_hint: passed on as it is, or empty.
            cookies: the login cookies that the browser sent.

        Returns:
            the authentication request's URL and the ``Set-Cookie`` values.

        Raises:
            LoginError: the provider's metadata can't be had.
        """
        endpoint = self._authorization_endpoint()
        transaction = oidc.new_transaction(return_to=return_to, level=level, now=self._vneid.now(),
                                           issuer=self.provider.issuer)
        extra = {"login_hint": login_hint} if login_hint else {}
        if self._settings["sso.max_age"]:
            extra["max_age"] = str(self._settings["sso.max_age"])
        url = oidc.authorization_url(endpoint, transaction, client_id=self._settings["sso.client_id"],
                                     redirect_uri=self._redirect_uri, scope=self._settings["sso.scope"],
                                     pkce=self._settings["sso.pkce"] == "S256", extra=extra)
        names = self._vneid.sessions.names
        cookie = names.write(names.login(transaction.state), self._logins.seal(transaction),
                             max_age=self._settings["sso.login_ttl"])
        return url, [*(names.delete(name) for name in self._surplus(cookies)), cookie]

    def _authorization_endpoint(self) -> str:
        configured = self._settings["sso.authorization_endpoint"]
        if configured:
            return str(configured)
        with self._slot(), _upstream():
            endpoint = self.provider.endpoint("authorization_endpoint", Deadline(min(10.0, self._limit)))
            if not endpoint:
                raise UpstreamError("malformed", "the provider's metadata have no authorization_endpoint")
            return endpoint

    def _surplus(self, cookies: Mapping[str, str]) -> list[str]:
        """Return the names of login cookies to drop, so that at most five stay with the one that is made now."""
        started = {}
        for name, value in cookies.items():
            transaction = self._open_login(value)
            started[name] = transaction.started_at if transaction else 0
        oldest_first = sorted(started, key=lambda name: started[name])
        return oldest_first[:max(0, len(oldest_first) - (MAX_LOGIN_COOKIES - 1))]

    def transaction(self, state: str, cookies: Mapping[str, str]) -> LoginTransaction | None:
        """Return the login transaction of ``state`` in this browser, or None."""
        return self._open_login(cookies.get(self._vneid.sessions.names.login(state), ""))

    def _open_login(self, value: str) -> LoginTransaction | None:
        try:
            return LoginTransaction(*self._logins.open(value)) if value else None
        except (SealError, TypeError):
            return None

    # -- the answer ----------------------------------------------------------------------------------------------------

    def finish(self, callback: oidc.Callback, transaction: LoginTransaction | None, before: records.Record | None,
               who: Who) -> Outcome:
        """Turn an authorization response into a session, once: every further callback of the same login waits for the
        first one and ends where that did.

        Args:
            callback: the authorization response.
            transaction: what this browser's cookie holds for its ``state``.
            before: the session that the browser already has, which ends when the new one begins.
            who: for the audit.

        Raises:
            LoginError: no session; the code names the page.
            StorageError, AuditError: nothing can be kept, so nobody is let in.
        """
        oidc.check_callback(callback, transaction, now=self._vneid.now(), login_ttl=self._settings["sso.login_ttl"],
                            issuer_required=self._announces_issuer())
        assert transaction is not None  # noqa: S101  check_callback raised otherwise
        key = logins.state_key(transaction.state)
        with self._slot():
            if not self._claim(key, transaction):
                return self._wait(key)
            try:
                outcome = self._sign_in(callback, transaction, before, who)
            except BaseException as error:
                self._settle_failure(key, error)
                raise
            self._settle(key, ["session", *outcome])
            return outcome

    def known_outcome(self, state: str, record: records.Record) -> Outcome | None:
        """Return where the login of ``state`` ended, if it ended in the session that this browser has now."""
        key = logins.state_key(state)
        with self._vneid.storage.read() as connection:
            _, sealed = logins.outcome(connection, key)
        kind, *rest = self._open_outcome(key, sealed) if sealed else ("none",)
        if kind != "session":
            return None
        outcome = Outcome(*rest)
        return outcome if outcome.session_id == records.session_id(record) else None

    def _announces_issuer(self) -> bool:
        if not self.provider.issuer:
            return False
        with _upstream():
            metadata = self.provider.metadata(Deadline(min(10.0, self._limit)))
        return metadata.get("authorization_response_iss_parameter_supported") is True

    def _claim(self, key: str, transaction: LoginTransaction) -> bool:
        now = self._vneid.now()
        with self._vneid.storage.begin() as connection:
            return logins.claim(connection, key, now=now, expires_at=now + self._settings["sso.login_ttl"])

    def _wait(self, key: str) -> Outcome:
        end = time.monotonic() + self._limit
        while True:
            with self._vneid.storage.read() as connection:
                _, sealed = logins.outcome(connection, key)
            if sealed:
                return self._replayed(self._open_outcome(key, sealed))
            if time.monotonic() >= end:
                raise LoginError("provider_timeout", "another callback of this login has not ended", status=504)
            time.sleep(_POLL)

    def _replayed(self, content: list[Any]) -> Outcome:
        kind, *rest = content
        if kind != "session":
            code, status = rest
            raise LoginError(code, "another callback of this login ended so", status=status)
        outcome = Outcome(*rest)
        if not 0 <= self._vneid.now() - outcome.settled_at <= REPLAY_FOR:
            raise LoginError("login_used", "this login was finished a while ago", status=400)
        return outcome

    def _open_outcome(self, key: str, sealed: str) -> list[Any]:
        try:
            return list(self._outcomes.open(sealed, key.encode()))
        except SealError:
            return ["failure", "login_used", 400]

    def _settle(self, key: str, content: list[Any]) -> None:
        with self._vneid.storage.begin() as connection:
            logins.settle(connection, key, self._outcomes.seal(content, key.encode()))

    def _settle_failure(self, key: str, error: BaseException) -> None:
        code, status = (error.code, error.status) if isinstance(error, LoginError) else ("internal_error", 500)
        try:
            self._settle(key, ["failure", code, status])
        except StorageError:
            log.warning("the end of a failed login could not be kept")

    # -- the exchange --------------------------------------------------------------------------------------------------

    def _sign_in(self, callback: oidc.Callback, transaction: LoginTransaction, before: records.Record | None,
                 who: Who) -> Outcome:
        if callback.error:
            raise oidc.provider_error(callback.error)
        deadline = Deadline(self._limit)
        with _upstream():
            answer, claims = self._exchange(callback, transaction, deadline)
        mapped = self._mapped(claims)
        self._check_account(mapped, transaction)
        return self._open_session(mapped, claims, answer, transaction, before, who)

    def _exchange(self, callback: oidc.Callback, transaction: LoginTransaction,
                  deadline: Deadline) -> tuple[oidc.TokenResponse, dict[str, Any]]:
        settings = self._settings
        headers, body = oidc.token_request(
            code=callback.code, redirect_uri=self._redirect_uri, client_id=settings["sso.client_id"],
            client_secret=settings["sso.client_secret"].reveal() if settings["sso.client_secret"] else "",
            client_auth=settings["sso.client_auth"], assertion=self._assertion(deadline),
            code_verifier=transaction.code_verifier if settings["sso.pkce"] == "S256" else None,
            encrypt_key=callback.encrypt_key if settings["sso.response"] != "plain" else "")
        answer = oidc.parse_token_response(
            self._decoder.decode(self.provider.token(headers, body, deadline), self._vneid),
            id_token_required=settings["sso.id_token"] == "required")
        id_claims = self._id_token_claims(answer, transaction, deadline)
        raw = self.provider.userinfo(answer.access_token, deadline)
        userinfo = {} if raw is None else self._decoder.decode(raw, self._vneid)
        self._check_agreement(id_claims, userinfo)
        return answer, identities.merge_claims(id_claims, userinfo)

    def _assertion(self, deadline: Deadline) -> str:
        if self._settings["sso.client_auth"] != "private_key_jwt":
            return ""
        import json

        now, client_id = self._vneid.now(), self._settings["sso.client_id"]
        claims = {"iss": client_id, "sub": client_id, "aud": self.provider.endpoint("token_endpoint", deadline),
                  "iat": now, "exp": now + 60, "jti": secrets.token_urlsafe(16)}
        return str(self._vneid.keys.sign("sso.signing_key", json.dumps(claims).encode(), {"typ": "JWT"}))

    def _id_token_claims(self, answer: oidc.TokenResponse, transaction: LoginTransaction,
                         deadline: Deadline) -> dict[str, Any]:
        if answer.id_token is None or not self.provider.reads_id_tokens:
            return {}
        key_set = self.provider.keys(deadline)
        try:
            return self._verified(answer, transaction, key_set)
        except IdTokenError as error:
            if not error.key_set_may_be_stale:
                raise
            # the keys may have been changed a moment ago: look once more
            newer = self.provider.newer_keys(deadline, key_set)
            if newer is key_set:
                raise
            return self._verified(answer, transaction, newer)

    def _verified(self, answer: oidc.TokenResponse, transaction: LoginTransaction, key_set: Any) -> dict[str, Any]:
        return verify_id_token(
            answer.id_token or "", key_set=key_set, issuer=self.provider.issuer, client_id=self._settings["sso.client_id"],
            nonce=transaction.nonce, algorithms=self._settings["sso.id_token_algs"], now=self._vneid.now(),
            access_token=answer.access_token, max_age=self._settings["sso.max_age"],
            require_nonce=self._settings["sso.id_token"] == "required")

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

    def _mapped(self, claims: Mapping[str, Any]) -> MappedClaims:
        try:
            mapped: MappedClaims = self._mapper.map(claims, self._vneid.now())
        except VNeIDError as error:
            raise LoginError("claims_invalid", error.detail, status=502) from error
        return mapped

    def _check_account(self, mapped: MappedClaims, transaction: LoginTransaction) -> None:
        if mapped.account_type == ORGANISATION and not self._settings["sso.organisations"]:
            raise LoginError("organisation_refused", "an organisation signed in; see sso.organisations", status=403)
        needed = max(self._settings["sso.minimum_level"], transaction.level)
        if mapped.level < needed:
            raise LoginError("level_too_low", f"level {mapped.level}, needed {needed}", status=403, level=needed)

    # -- the session ---------------------------------------------------------------------------------------------------

    def _open_session(self, mapped: MappedClaims, claims: Mapping[str, Any], answer: oidc.TokenResponse,
                      transaction: LoginTransaction, before: records.Record | None, who: Who) -> Outcome:
        vneid, now = self._vneid, self._vneid.now()
        identity = Identity(mapped.subject, self.provider.issuer_or_origin(), mapped.personal_id, mapped.full_name,
                            mapped.birth_date, mapped.account_type, mapped.level, claims, now, secrets.token_urlsafe(24))
        _, cookie = vneid.sessions.begin(identity, now)
        row = self._row(identity, now, answer)
        with vneid.storage.begin() as connection:
            stored.add(connection, row, now=now)
        replaced = records.session_id(before) if before else ""
        vneid.tell(LoginSucceeded(**who._asdict(), who=described(row), level=identity.level,
                                  session_id=identity.session_id, replaced_session_id=replaced))
        if before:
            vneid.sessions.revocations.end_session(replaced)
            vneid.sessions.store.forget(replaced)
        return Outcome(transaction.return_to, identity.session_id, cookie, now)

    def _row(self, identity: Identity, now: int, answer: oidc.TokenResponse) -> dict[str, Any]:
        ring = self._vneid.key_ring
        hint = {"id_token": answer.id_token} if answer.id_token and self.provider.reads_id_tokens else {}
        return {
            "session_id": identity.session_id,
            "subject_key": ring.keyed_hashes("subject", f"{identity.issuer}\n{identity.subject}")[0],
            "personal_key": ring.keyed_hashes("personal", identity.personal_id)[0],
            "account": text.mask(identity.personal_id),
            "account_type": identity.account_type,
            "level": identity.level,
            "started_at": now,
            "expires_at": now + self._settings["session.max_age"],
            "hint": self._hints.seal(hint, identity.session_id.encode()) if hint else None,
        }

    def end(self, record: records.Record, who: Who) -> str | None:
        """End a session here and return the URL that ends it at the provider, or None where there is none.

        Raises:
            StorageError: it has ended in this process only.
        """
        vneid, session_id = self._vneid, records.session_id(record)
        identity = records.identity_of(record)
        url = self._logout_url(session_id)
        vneid.sessions.revocations.end_session(session_id)
        vneid.sessions.store.forget(session_id)
        ring = vneid.key_ring
        row = {"subject_key": ring.keyed_hashes("subject", f"{identity.issuer}\n{identity.subject}")[0],
               "account": text.mask(identity.personal_id), "account_type": identity.account_type}
        vneid.tell_anyway(LoggedOut(**who._asdict(), who=described(row), session_id=session_id))
        return url

    def _logout_url(self, session_id: str) -> str | None:
        try:
            endpoint = self.provider.endpoint("logout_endpoint", Deadline(3))
        except VNeIDError as error:
            log.warning("the provider's logout endpoint is not known: %s", error)
            return None
        if not endpoint:
            return None
        parameters = [("client_id", self._settings["sso.client_id"]),
                      (self._settings["sso.logout_redirect_parameter"], self._vneid.links.own("/logged-out"))]
        hint = self._hint(session_id).get("id_token")
        if hint:
            parameters.insert(0, ("id_token_hint", hint))
        return oidc.logout_url(endpoint, parameters)

    def _hint(self, session_id: str) -> Mapping[str, Any]:
        try:
            with self._vneid.storage.read() as connection:
                sealed = stored.hint(connection, session_id)
            return dict(self._hints.open(sealed, session_id.encode())) if sealed else {}
        except (StorageError, SealError) as error:
            log.warning("the logout hint of a session can't be read: %s", error.code)
            return {}

    # -- the bulkhead --------------------------------------------------------------------------------------------------

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """Hold one of the threads that may wait for the provider; the others are for the portal's own pages."""
        slots: threading.BoundedSemaphore = self.__dict__.setdefault("_semaphore", threading.BoundedSemaphore(self._slots))
        if not slots.acquire(blocking=False):
            raise LoginError("too_many_logins", "all threads that may wait for the provider are waiting", status=503)
        try:
            yield
        finally:
            slots.release()


def described(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event says of an account."""
    return {"subject_hash": row["subject_key"], "personal_id": row["account"], "account_type": row["account_type"]}


@contextmanager
def _upstream() -> Iterator[None]:
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
    if error.evidence.get("provider_code") == "invalid_grant":
        return LoginError("code_refused", f"{error.detail} (invalid_grant)", status=502)
    if status >= 500 or status == 429:
        return LoginError("provider_unavailable", error.detail, status=502)
    hint = "; is this server's address on the provider's list?" if status == 401 else ""
    return LoginError("provider_error", f"{error}{' ' + error.evidence.get('provider_code', '')}{hint}", status=502)


def _mapper(services: Any) -> Any:
    claims = services.settings["sso.claims"]
    if isinstance(claims, str):
        return services.roles["claims_mapper", claims]
    from vneid_middleware.plugins.sso.decoders import NamedClaims

    profile = services.roles["profile", services.settings["sso.profile"]]
    base = identities.PRESETS.get(profile.defaults.get("claims", ""), identities.OIDC)
    return NamedClaims({**base, **claims}, strict=profile.strict_personal_id)
