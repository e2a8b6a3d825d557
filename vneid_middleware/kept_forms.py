"""Forms that are kept until their senders have signed in again: bound to a browser, and to an account as soon as it is known."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from vneid_middleware import addresses, negotiation, text
from vneid_middleware.core import session as records
from vneid_middleware.core.kept_form import KeptForm, is_empty, obstacle, pressed, read_body
from vneid_middleware.events import FormDropped, FormKept, FormRefused, FormSent
from vneid_middleware.exceptions import SealError, StorageError
from vneid_middleware.pages import correlation_id
from vneid_middleware.storage import kept_forms as stored

log = logging.getLogger("vneid_middleware")

AFTER_LOGIN = 300
"""Seconds that a form waits beyond the time that a login may take: for reading the page and pressing its button."""

_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")


class Kept(NamedTuple):
    """A form that was kept: its id, and the ``Set-Cookie`` value that ties it to the browser."""

    form_id: str
    cookie: str


class Found(NamedTuple):
    """What became of a form: ``state`` is ``waiting`` (then ``form`` is there), ``sent`` or ``gone``."""

    state: str
    form: KeptForm | None = None


class KeptForms:
    """The forms of one portal.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid = services
        self._box = services.key_ring.box("kept-form")
        self._name: str = services.sessions.names.form
        self.most: int = services.settings["session.preserve_posts"]
        self.lifetime: int = services.settings.get("sso.login_ttl", 600) + AFTER_LOGIN

    # -- keeping -------------------------------------------------------------------------------------------------------

    def may_keep(self, environ: Mapping[str, Any]) -> str:
        """Return why a request's form will not be kept, by its headers alone; empty where nothing is in the way.

        Returns:
            ``none`` (no form of a browser), ``cross_site``, or a word of :func:`vneid_middleware.core.kept_form.obstacle`.
        """
        if environ["REQUEST_METHOD"] != "POST" or not negotiation.is_navigation(environ):
            return "none"
        if negotiation.is_cross_site(environ, self._vneid.links.origin):
            # kept and sent again from a page of ours, another site's form would look like the portal's own
            return "cross_site"
        if is_empty(environ) and pressed(environ.get("QUERY_STRING", "")):
            # the button of a browser that has lost its cookies: there is no form in it
            return "none"
        return obstacle(environ, self.most)

    def keep(self, environ: Mapping[str, Any], values: list[str], cookies: Mapping[str, str]) -> Kept | str:
        """Keep a request's form, if it can be kept.

        Args:
            values: the session cookies that came with it.
            cookies: our other cookies, by name.

        Returns:
            the form, or why it was not kept: as :meth:`may_keep`, or ``broken_off``, ``full``, ``storage``.
        """
        reason = self.may_keep(environ)
        if not reason:
            body = read_body(environ)
            if body is not None:
                return self._keep(environ, body, self._vneid.sessions.known(values), cookies)
            reason = "broken_off"
        return self._refused(environ, reason) if reason not in ("none", "cross_site") else reason

    def _keep(self, environ: Mapping[str, Any], body: bytes, record: records.Record | None,
              cookies: Mapping[str, str]) -> Kept | str:
        given, form_id = cookies.get(self._name, ""), secrets.token_urlsafe(16)
        browser = given if _BROWSER.fullmatch(given) else secrets.token_urlsafe(32)
        account = self._account_keys(record)[0] if record else ""
        query = environ.get("QUERY_STRING", "")
        if from_button := pressed(query):
            # a page that answered a form sent again has that button's address
            query = from_button[1]
        form = KeptForm(account, environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", ""), query,
                        environ["CONTENT_TYPE"], body)
        try:
            kept = self._store(form, _key(form_id), _key(browser))
        except StorageError as error:
            log.error("a form could not be kept: %s", error)
            return self._refused(environ, "storage")
        if not kept:
            return self._refused(environ, "full")
        self._vneid.tell_anyway(FormKept(**self._asking(environ), who=self._who(record), form=_key(form_id)[:16],
                                         size=len(body)))
        return Kept(form_id, self._vneid.sessions.names.write(self._name, browser, max_age=self.lifetime))

    def _store(self, form: KeptForm, form_key: str, browser_key: str) -> bool:
        now = self._vneid.now()
        with self._vneid.storage.begin() as connection:
            if not form.account:
                # the page of the first form took the ended session's cookie away
                form = replace(form, account=stored.owner(connection, browser_key, now=now) or "")
            packed = form.pack()
            content_key = self._vneid.key_ring.keyed_hashes("kept-form", hashlib.sha256(packed).hexdigest())[0]
            return stored.add(connection, {
                "form_key": form_key, "browser_key": browser_key, "account_key": form.account or None, "kept_at": now,
                "content_key": content_key, "expires_at": now + self.lifetime,
                "content": self._box.seal_bytes(packed, _context(form_key, browser_key))}, now=now)

    def refuse_press(self, environ: Mapping[str, Any]) -> None:
        """Note that another site pressed the button which sends a form again."""
        self._refused(environ, "cross_site")

    def _refused(self, environ: Mapping[str, Any], code: str) -> str:
        self._vneid.tell_anyway(FormRefused(**self._asking(environ), code=code))
        return code

    # -- giving back ---------------------------------------------------------------------------------------------------

    def find(self, environ: Mapping[str, Any], form_id: str, record: records.Record, cookies: Mapping[str, str]) -> Found:
        """Return a form of this browser for the account that is signed in there; every other account's is wiped.

        Raises:
            StorageError: nobody can say.
        """
        return self._find(environ, form_id, record, cookies, use=False)

    def take(self, environ: Mapping[str, Any], form_id: str, record: records.Record, cookies: Mapping[str, str]) -> Found:
        """Return a form as :meth:`find` does, once: it counts as sent from then on, in every process.

        A form that went to another address than the request's is ``gone``, and stays where it is.

        Raises:
            StorageError: it was not taken.
        """
        return self._find(environ, form_id, record, cookies, use=True)

    def _find(self, environ: Mapping[str, Any], form_id: str, record: records.Record, cookies: Mapping[str, str], *,
              use: bool) -> Found:
        browser_key, form_key = _key(cookies.get(self._name, "")), _key(form_id)
        keys = self._account_keys(record)
        with self._vneid.storage.begin() as connection:
            dropped = stored.claim(connection, browser_key, keys)
            row = stored.find(connection, form_key, browser_key, now=self._vneid.now())
            found, unreadable = self._opened(row, keys)
            if unreadable:
                stored.drop(connection, form_key, browser_key)
            if use and found.form is not None and not found.form.is_for(environ):
                found = Found("gone")
            if use and found.form is not None:
                stored.use(connection, form_key)
        self._dropped(environ, dropped, "another_account")
        self._dropped(environ, [form_key] if unreadable else [], "unreadable")
        if use and found.form is not None:
            self._vneid.tell_anyway(FormSent(**self._asking(environ), who=self._who(record), form=form_key[:16],
                                             size=len(found.form.body)))
        return found

    def _opened(self, row: Any, account_keys: list[str]) -> tuple[Found, bool]:
        """Return the form in a row, and whether the row is good for nothing."""
        if row is None:
            return Found("gone"), False
        if row.content is None:
            return Found("sent"), False
        try:
            form = KeptForm.unpack(self._box.open_bytes(row.content, _context(row.form_key, row.browser_key)))
        except SealError:
            return Found("gone"), True
        if form.account and form.account not in account_keys:
            # the row's own column says otherwise: somebody wrote in the database
            return Found("gone"), True
        return Found("waiting", form), False

    # -- wiping --------------------------------------------------------------------------------------------------------

    def signed_in(self, environ: Mapping[str, Any], value: str, cookies: Mapping[str, str]) -> None:
        """Give this browser's forms to who has just signed in there, and wipe those of another account.

        Args:
            value: the new session cookie.
        """
        record = self._vneid.sessions.known([value]) if self._name in cookies else None
        if record is not None:
            with suppress(StorageError):
                with self._vneid.storage.begin() as connection:
                    dropped = stored.claim(connection, _key(cookies[self._name]), self._account_keys(record))
                self._dropped(environ, dropped, "another_account")

    def drop(self, environ: Mapping[str, Any], form_id: str, cookies: Mapping[str, str]) -> None:
        """Wipe a form of this browser.

        Raises:
            StorageError: it is still there.
        """
        with self._vneid.storage.begin() as connection:
            dropped = stored.drop(connection, _key(form_id), _key(cookies.get(self._name, "")))
        self._dropped(environ, [_key(form_id)] if dropped else [], "citizen")

    def forget(self, environ: Mapping[str, Any], cookies: Mapping[str, str]) -> list[str]:
        """Wipe all forms of this browser, which signs out; return the ``Set-Cookie`` values that go with it."""
        if self._name not in cookies:
            return []
        try:
            with self._vneid.storage.begin() as connection:
                dropped = stored.drop_all(connection, _key(cookies[self._name]))
            self._dropped(environ, dropped, "logout")
        except StorageError as error:
            # without the cookie nobody comes to them any more, and they expire
            log.error("the kept forms of a browser that signed out could not be wiped: %s", error)
        return [self._vneid.sessions.names.delete(self._name)]

    def _dropped(self, environ: Mapping[str, Any], form_keys: Iterable[str], reason: str) -> None:
        for form_key in form_keys:
            self._vneid.tell_anyway(FormDropped(**self._asking(environ), form=form_key[:16], reason=reason))

    # -- who -----------------------------------------------------------------------------------------------------------

    def _account_keys(self, record: records.Record) -> list[str]:
        identity = records.identity_of(record)
        return list(self._vneid.key_ring.account_keys(identity.issuer, identity.subject))

    def _who(self, record: records.Record | None) -> dict[str, Any]:
        if record is None:
            return {}
        identity = records.identity_of(record)
        return {"subject_hash": self._account_keys(record)[0], "personal_id": text.mask(identity.personal_id),
                "account_type": identity.account_type}

    def _asking(self, environ: Mapping[str, Any]) -> dict[str, str]:
        return {"request_id": correlation_id(), "user_agent": environ.get("HTTP_USER_AGENT", "")[:200],
                "remote_addr": addresses.client(environ, self._vneid.settings["trusted_proxies"])}


def _key(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _context(form_key: str, browser_key: str) -> bytes:
    return f"{form_key}/{browser_key}".encode("ascii")
