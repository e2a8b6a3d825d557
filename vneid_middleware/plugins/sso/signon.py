"""Web sign-on: from the authentication request to the session, and out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vneid_middleware.core import identity as identities
from vneid_middleware.core import oidc
from vneid_middleware.core import session as records
from vneid_middleware.core.cookies import MAX_LOGIN_COOKIES
from vneid_middleware.exceptions import LoginError, SealError, UpstreamError, VNeIDError
from vneid_middleware.kept import Deadline
from vneid_middleware.models import ORGANISATION, LoginTransaction, MappedClaims, ProviderClient, SignedIn, Who
from vneid_middleware.plugins.sso.accounts import Accounts
from vneid_middleware.plugins.sso.backchannel import BackchannelLogout
from vneid_middleware.plugins.sso.bulkhead import Bulkhead
from vneid_middleware.plugins.sso.exchange import Exchange, upstream
from vneid_middleware.plugins.sso.loop import LoopBreaker
from vneid_middleware.plugins.sso.provider import Provider
from vneid_middleware.plugins.sso.sessions import ProviderSessions
from vneid_middleware.plugins.sso.settlement import Outcome, Settlement
from vneid_middleware.storage import logins


class SignOn:
    """The relying party.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid = services
        self._settings = services.settings
        self.provider = Provider(services)
        self._bulkhead = Bulkhead(self._settings["server_threads"])
        self.loop = LoopBreaker(services)
        self._exchange = Exchange(services, self.provider)
        self._settlement = Settlement(services, self._bulkhead.limit)
        self._sessions = ProviderSessions(services, self.provider)
        self._accounts = Accounts(services, self.provider, self._sessions)
        self._logins = services.key_ring.box("login")
        self._mapper = _mapper(services)
        self.slot = self._bulkhead.slot
        self.client = self.web_client("/callback")
        self.begin_session = self._sessions.begin
        self._by_form = self._settings["sso.response_mode"] == "form_post"
        self.known_outcome = self._settlement.known_outcome
        self.end = self._sessions.end
        self.check_accounts = self._accounts.check
        self.backchannel = BackchannelLogout(services, self.provider, self._sessions, self._bulkhead)

    def web_client(self, callback: str) -> ProviderClient:
        """Return the portal's own client at the provider.

        Args:
            callback: path of the endpoint that the provider comes back to, below the prefix.
        """
        settings = self._settings
        secret = settings["sso.client_secret"]
        return ProviderClient(settings["sso.client_id"], secret.reveal() if secret else "", settings["sso.client_auth"],
                              self._vneid.links.own(callback), pkce=settings["sso.pkce"] == "S256")

    # -- the request ---------------------------------------------------------------------------------------------------

    def begin(self, return_to: str, level: int, asked: Mapping[str, str], cookies: Mapping[str, str],
              session_id: str = "") -> tuple[str, list[str]]:
        """Begin a login.

        Args:
            return_to: absolute URL on the portal.
            level: the level this login must reach, or 0.
            asked: ``login_hint`` and ``prompt``, passed on as they are where they are not empty.
            cookies: the login cookies that the browser sent.
            session_id: the session that the browser has now, or empty.

        Returns:
            the authentication request's URL and the ``Set-Cookie`` values.

        Raises:
            LoginError: the provider's metadata can't be had.
        """
        extra = {name: value for name, value in asked.items() if value}
        if self._by_form:
            extra["response_mode"] = "form_post"
        transaction = self.new_transaction(return_to=return_to, level=level, session_id=session_id)
        url = self.request_url(transaction, self.client, extra)
        names = self._vneid.sessions.names
        cookie = names.write(names.login(transaction.state), self._logins.seal(transaction),
                             max_age=self._settings["sso.login_ttl"], cross_site=self._by_form)
        return url, [*(names.delete(name) for name in self._surplus(cookies)), cookie]

    def new_transaction(self, *, return_to: str = "", level: int = 0, session_id: str = "") -> LoginTransaction:
        """Return a login transaction that begins now."""
        return oidc.new_transaction(return_to=return_to, level=level, now=self._vneid.now(), issuer=self.provider.issuer,
                                    session_id=session_id)

    def request_url(self, transaction: LoginTransaction, client: ProviderClient, extra: Mapping[str, str]) -> str:
        """Return the authentication request's URL.

        Args:
            extra: parameters beside those of the protocol and ``sso.max_age``.

        Raises:
            LoginError: the provider's metadata can't be had.
        """
        max_age = {"max_age": str(self._settings["sso.max_age"])} if self._settings["sso.max_age"] else {}
        return oidc.authorization_url(self._authorization_endpoint(), transaction, client_id=client.client_id,
                                      redirect_uri=client.redirect_uri, scope=self._settings["sso.scope"],
                                      pkce=client.pkce, extra={**extra, **max_age})

    def _authorization_endpoint(self) -> str:
        configured = self._settings["sso.authorization_endpoint"]
        if configured:
            return str(configured)
        with self._bulkhead.slot(), upstream():
            endpoint = self.provider.endpoint("authorization_endpoint", Deadline(min(10.0, self._bulkhead.limit)))
            if not endpoint:
                raise UpstreamError("malformed", "the provider's metadata have no authorization_endpoint")
            return endpoint

    def _surplus(self, cookies: Mapping[str, str]) -> list[str]:
        """Return the names of login cookies to drop, so that at most five stay with the one that is made now."""
        started, names = {}, self._vneid.sessions.names
        for name, value in cookies.items():
            if name in (names.loop, names.form):
                continue
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
        self.check(callback, transaction, self._settings["sso.login_ttl"])
        assert transaction is not None  # noqa: S101  check raised otherwise
        began = self._vneid.now()
        key = logins.state_key(transaction.state)
        with self._bulkhead.slot():
            if not self._settlement.claim(key):
                return self._settlement.wait(key)
            try:
                outcome = self._sign_in(callback, transaction, before, who, began)
            except BaseException as error:
                self._settlement.settle_failure(key, error)
                raise
            self._settlement.settle(key, outcome)
            return outcome

    def check(self, callback: oidc.Callback, transaction: LoginTransaction | None, login_ttl: int) -> None:
        """Check that an authorization response belongs to a living login, and to the issuer that was asked.

        Raises:
            LoginError: see :func:`vneid_middleware.core.oidc.check_callback`.
        """
        oidc.check_callback(callback, transaction, now=self._vneid.now(), login_ttl=login_ttl,
                            issuer_required=self._announces_issuer())

    def _announces_issuer(self) -> bool:
        if not self.provider.issuer:
            return False
        with upstream():
            metadata = self.provider.metadata(Deadline(min(10.0, self._bulkhead.limit)), self._bulkhead.slots)
        return metadata.get("authorization_response_iss_parameter_supported") is True

    def _sign_in(self, callback: oidc.Callback, transaction: LoginTransaction, before: records.Record | None,
                 who: Who, began: int) -> Outcome:
        found = self.identify(callback, transaction, self.client, who, began)
        replaced = records.session_id(before) if before else transaction.session_id
        identity, cookie = self._sessions.begin(found, who, replaced=replaced)
        return Outcome(found.return_to, identity.session_id, cookie, identity.authenticated_at)

    def identify(self, callback: oidc.Callback, transaction: LoginTransaction, client: ProviderClient, who: Who,
                 began: int) -> SignedIn:
        """Find out whom an authorization response stands for, and whether they may sign in.

        The caller holds a ``slot``, and has checked the response and made sure that it is used once.

        Args:
            client: whom the provider gave the code to.
            began: unix second at which the response came.

        Raises:
            LoginError: nobody signs in; the code says why.
            StorageError: nobody can say, so nobody is let in.
        """
        if callback.error:
            raise oidc.provider_error(callback.error)
        with upstream():
            answer, claims = self._exchange.claims(callback, transaction, client, Deadline(self._bulkhead.limit))
        mapped = self._mapped(claims)
        self._check_account(mapped, transaction)
        self._accounts.check_known(mapped, who)
        account, return_to = self._accounts.find(mapped, transaction.return_to)
        return SignedIn(mapped, claims, answer.id_token or "", account, return_to, began)

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


def _mapper(services: Any) -> Any:
    claims = services.settings["sso.claims"]
    if isinstance(claims, str):
        return services.roles["claims_mapper", claims]
    from vneid_middleware.plugins.sso.decoders import NamedClaims

    profile = services.roles["profile", services.settings["sso.profile"]]
    base = identities.PRESETS.get(profile.defaults.get("claims", ""), identities.OIDC)
    return NamedClaims({**base, **claims}, strict=profile.strict_personal_id)
