"""Sign-on of apps: from the transaction to the access token."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from contextlib import suppress
from typing import Any, NamedTuple

from vneid_middleware.core import mobile, oidc
from vneid_middleware.core import session as records
from vneid_middleware.core.mobile import APP, WEB, AppRequestError, Redemption, Start
from vneid_middleware.events import LoginRefused
from vneid_middleware.exceptions import AuditError, LoginError, SealError, StorageError
from vneid_middleware.models import Identity, LoginTransaction, MappedClaims, PartialDate, ProviderClient, SignedIn, Who
from vneid_middleware.storage import mobile_sign_ons as stored

log = logging.getLogger("vneid_middleware")


class Begun(NamedTuple):
    """What an app is given to go on with."""

    transaction: str
    url: str

    def __repr__(self) -> str:
        return "<Begun>"


class Pending(NamedTuple):
    """A sign-on under way, opened."""

    asked: Start
    login: LoginTransaction


class Granted(NamedTuple):
    """What an app gets in the end."""

    access_token: str
    expires_in: int
    identity: Identity
    sign_up: str
    """URL of the sign-up page of who has no account at the portal; empty otherwise."""

    def __repr__(self) -> str:
        return "<Granted>"


class AppSignOn:
    """Signs apps in, with the help of the component ``sso``.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid, self._settings = services, services.settings
        self._box = services.key_ring.box("mobile-sign-on")

    @property
    def _sso(self) -> Any:
        # a component, which may have been made after this one
        return self._vneid["sso"]

    # -- the app asks --------------------------------------------------------------------------------------------------

    def begin(self, asked: Start, address: str) -> Begun:
        """Begin a sign-on.

        Args:
            asked: checked.
            address: the caller's.

        Raises:
            AppRequestError: 429, see ``mobile.rate_limit``.
            LoginError: the provider's metadata can't be had.
            StorageError: nothing can be kept.
        """
        login, transaction, now = self._sso.new_transaction(), mobile.new_secret(), self._vneid.now()
        url = self._deep_link() if asked.mode == APP else self._sso.request_url(login, self._web_client(), {})
        key = stored.hashed(transaction)
        with self._vneid.storage.begin() as connection:
            begun = stored.begin(
                connection, key, state_key=stored.hashed(login.state), address_key=self._address_key(address),
                content=self._box.seal([asked, login], key.encode()), now=now, expires_at=now + mobile.TRANSACTION_TTL,
                limit=self._settings["mobile.rate_limit"])
        if not begun:
            raise AppRequestError("temporarily_unavailable", "too many sign-ons begin at this address", status=429)
        return Begun(transaction, url)

    def _address_key(self, address: str) -> str:
        # who has one IPv6 address has 2 to the 64 of them
        with suppress(ValueError):
            if ipaddress.ip_address(address).version == 6:
                address = str(ipaddress.ip_network(f"{address}/64", strict=False))
        return str(self._vneid.key_ring.keyed_hashes("address", address)[0])

    def _web_client(self) -> ProviderClient:
        client: ProviderClient = self._sso.web_client("/mobile/callback")
        return client

    def _deep_link(self) -> str:
        secret = self._settings["mobile.client_secret"].reveal() if self._settings["mobile.deep_link_secret"] else ""
        return mobile.deep_link(self._settings["mobile.client_id"], secret)

    def _app_client(self, callback: str) -> ProviderClient:
        """Return the deep link's client. The link carries neither a challenge nor a nonce, and the VNeID app comes back to
        the app itself, whose callback is therefore the ``redirect_uri``."""
        # the portal's own signing key speaks for the web's client alone
        client_auth = self._settings["sso.client_auth"].replace("private_key_jwt", "client_secret_post")
        return ProviderClient(self._settings["mobile.client_id"], self._settings["mobile.client_secret"].reveal(), client_auth,
                              callback, pkce=False, nonce=False)

    # -- VNeID answers in the browser ----------------------------------------------------------------------------------

    def answer(self, query: str, who: Who) -> str:
        """Take the provider's answer and return where the browser goes: to the app, with a code or an error.

        No cookie is asked for: the app may have opened any browser. What the code is worth is for the app's own verifier
        and transaction to say, when it is redeemed.

        Raises:
            LoginError: the answer belongs to no sign-on that an app could be told of.
            StorageError: nobody can say.
        """
        callback, began = oidc.parse_callback(query), self._vneid.now()
        with self._vneid.storage.read() as connection:
            row = stored.by_state(connection, stored.hashed(callback.state))
        pending = self._open(row)
        if row is None or pending is None or pending.asked.mode != WEB:
            raise LoginError("state_unknown", "no sign-on of an app has that state", status=400)
        if pending.asked.callback not in self._settings["mobile.apps"].get(pending.asked.app_id, ()):
            raise LoginError("state_unknown", "the app's callback is no longer registered", status=400)
        if row.answered:
            raise LoginError("login_used", "the answer came before", status=400)
        try:
            code = self._settle(row.transaction_key, callback, pending, who, began)
        except (LoginError, StorageError, AuditError) as failure:
            error = failure if isinstance(failure, LoginError) else LoginError("storage_unavailable", str(failure), status=503)
            if error.code == "login_used":
                raise
            self.note_refusal(error, who)
            return mobile.called_back(pending.asked.callback, "error", mobile.oauth_error(error))
        return mobile.called_back(pending.asked.callback, "code", code)

    def _settle(self, key: str, callback: oidc.Callback, pending: Pending, who: Who, began: int) -> str:
        self._sso.check(callback, pending.login, mobile.TRANSACTION_TTL)
        with self._sso.slot():
            with self._vneid.storage.begin() as connection:
                if not stored.answer(connection, key):
                    raise LoginError("login_used", "the answer came before", status=400)
            found = self._sso.identify(callback, pending.login, self._web_client(), who, began)
        code, ends = mobile.new_secret(), self._vneid.now() + mobile.CODE_TTL
        outcome = self._box.seal([ends, found._replace(id_token="")], key.encode())
        with self._vneid.storage.begin() as connection:
            stored.settle(connection, key, code_key=stored.hashed(code), outcome=outcome)
        return code

    # -- the app redeems -----------------------------------------------------------------------------------------------

    def redeem(self, given: Redemption, who: Who) -> Granted:
        """Give an app its access token for a code, once.

        Raises:
            AppRequestError: transaction, code and verifier don't belong together, or are over; or the citizen may not
                sign in.
            LoginError: the provider did not answer well.
            StorageError, AuditError: nothing can be kept, so nobody is let in.
        """
        key = stored.hashed(given.transaction)
        with self._vneid.storage.read() as connection:
            row = stored.by_transaction(connection, key)
        pending = self._open(row)
        if row is None or pending is None or not mobile.fits(given.code_verifier, pending.asked.code_challenge):
            raise _refused("the transaction is unknown or over, or code_verifier is not its own")
        if row.redeemed:
            self._end_first(key)
            raise _refused("the code was used before; the session that it led to has ended")
        if not 0 <= self._vneid.now() - pending.login.started_at < mobile.TRANSACTION_TTL:
            raise _refused("the transaction is unknown or over, or code_verifier is not its own")
        if pending.asked.mode == WEB:
            found = self._known(row, given)
            self._claim(key, given, WEB)
        else:
            # held first: who is told to come back later can
            with self._sso.slot():
                self._claim(key, given, APP)
                found = self._identify(given, pending, who)
        return self._grant(key, found, pending.asked.app_id, who)

    def _known(self, row: stored.SignOn, given: Redemption) -> SignedIn:
        """Return who signed in on the web, for the code that the app was called back with."""
        if row.outcome is None or not hmac.compare_digest(row.code_key or "", stored.hashed(given.code)):
            raise _refused("code does not belong to this transaction")
        try:
            ends, found = self._box.open(row.outcome, row.transaction_key.encode())
        except SealError as error:
            raise _refused("the transaction is unknown or over") from error
        if self._vneid.now() >= ends:
            raise _refused("code is too old")
        mapped, *rest = found
        return SignedIn(_mapped(mapped), *rest)

    def _claim(self, key: str, given: Redemption, mode: str) -> None:
        with self._vneid.storage.begin() as connection:
            ours = stored.redeem(connection, key, now=self._vneid.now())
            # apart from the codes that we make: whoever saw one of those on its way must not spend it here
            spent = stored.hashed(f"provider\n{given.code}")
            first = stored.spend(connection, key, spent) if ours and mode == APP else None
        if not ours or first:
            self._end_first(first or key)
            raise _refused("the code was used before; the session that it led to has ended")

    def _identify(self, given: Redemption, pending: Pending, who: Who) -> SignedIn:
        """Ask the provider whom the VNeID app's code stands for."""
        callback = oidc.Callback("", given.code, "", None, given.encrypt_key)
        found: SignedIn = self._sso.identify(callback, pending.login, self._app_client(pending.asked.callback), who,
                                             self._vneid.now())
        return found._replace(id_token="")

    def _grant(self, key: str, found: SignedIn, app_id: str, who: Who) -> Granted:
        identity, token = self._sso.begin_session(found, who, app=app_id)
        with self._vneid.storage.begin() as connection:
            alone = stored.close(connection, key, identity.session_id)
        if not alone:
            self._vneid.sessions.revocations.end_session(identity.session_id)
            raise _refused("the code was used twice at the same time")
        sign_up = found.return_to if found.account == "" else ""
        expires_at = found.began + self._settings["mobile.max_age"]
        return Granted(token, expires_at - self._vneid.now(), identity, sign_up)

    def _end_first(self, key: str) -> None:
        """A code that comes twice has leaked: what it led to the first time ends (RFC 6749 section 4.1.2)."""
        with self._vneid.storage.begin() as connection:
            session_id = stored.redeemed_again(connection, key)
            if session_id:
                self._vneid.sessions.revocations.end_session(session_id, connection)

    # -- both ----------------------------------------------------------------------------------------------------------

    def end(self, record: records.Record, who: Who) -> None:
        """End an app's session; the provider is not told, since its logout is for browsers.

        Raises:
            StorageError: it has ended in this process only.
        """
        self._sso.end(record, who)

    def note_refusal(self, error: LoginError, who: Who) -> None:
        """Tell the audit and the log of a sign-on that came to nothing."""
        self._vneid.tell_anyway(LoginRefused(**who._asdict(), code=error.code, status=error.status, detail=error.detail))
        log.warning("%s: an app's login refused: %s", who.request_id, error)

    def _open(self, row: stored.SignOn | None) -> Pending | None:
        if row is None:
            return None
        try:
            asked, login = self._box.open(row.content, row.transaction_key.encode())
        except SealError:
            return None
        return Pending(Start(*asked), LoginTransaction(*login))


def _mapped(values: list[Any]) -> MappedClaims:
    mapped = MappedClaims(*values)
    return mapped._replace(birth_date=PartialDate(mapped.birth_date) if mapped.birth_date else None)


def _refused(detail: str) -> AppRequestError:
    return AppRequestError("invalid_grant", detail)
