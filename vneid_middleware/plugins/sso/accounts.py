"""From a citizen to an account of the host's own, by one query of the administrator's."""

from __future__ import annotations

import logging
import time
import unicodedata
from typing import Any
from urllib.parse import quote

from zope.interface import implementer

from vneid_middleware import text
from vneid_middleware.core import redirects
from vneid_middleware.events import AccountConflict
from vneid_middleware.exceptions import LoginError, StorageError, VNeIDError
from vneid_middleware.interfaces import IProvisioned, IReadinessCheck
from vneid_middleware.models import MappedClaims, Who
from vneid_middleware.plugins.sso.provider import Provider
from vneid_middleware.plugins.sso.sessions import ProviderSessions, described
from vneid_middleware.settings import Problem, Setting, Settings, SettingsTable, Source
from vneid_middleware.storage import known_accounts
from vneid_middleware.storage.accounts import BINDS, AccountDatabase, check_query
from vneid_middleware.storage.urls import foreign_url

log = logging.getLogger("vneid_middleware")

MAX_ACCOUNT = 150
"""Characters of an account's name: as many as Django's user names have; the name travels in the session cookie."""
_REDIRECT = "redirect:"
_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
_CHECKED_FOR = 30
"""Seconds for which the readiness check trusts its last answer."""


# -- settings ----------------------------------------------------------------------------------------------------------

def account_query(value: str, source: Source) -> str:
    """One SELECT by fields of the identity."""
    check_query(value)
    return value


def missing(value: str, source: Source) -> str:
    """``refuse``, ``personal_id`` or ``redirect:/path``."""
    if value in ("refuse", "personal_id"):
        return value
    path = value.removeprefix(_REDIRECT)
    if path == value or set(path) & set("?#") or redirects.safe_return_to(path, public_url="https://portal.invalid") is None:
        raise ValueError("must be refuse, personal_id, or redirect: and a path on the portal, such as redirect:/sign-up")
    return value


def _rules(settings: Settings) -> list[Problem]:
    found = []
    for one, other in (("accounts.url", "accounts.query"), ("accounts.query", "accounts.url")):
        if settings[one] and not settings[other]:
            found.append(settings.problem(other, f"is missing, and {one} is there", "Give both, or neither."))
    if "accounts.missing" in settings.given and not settings["accounts.url"]:
        found.append(settings.problem("accounts.missing", "says what happens without an account, and no accounts are asked for",
                                      "Give accounts.url and accounts.query too, or remove the line."))
    return found


def _path_rule(settings: Settings) -> list[Problem]:
    path, own = settings["accounts.missing"].removeprefix(_REDIRECT), settings["prefix"]
    if path != own and not path.startswith(own + "/"):
        return []
    return [settings.problem("accounts.missing", f"names a path under the middleware's own prefix {own}",
                             "Name the sign-up page of the host.")]


TABLE = SettingsTable("accounts", (
    Setting("accounts.url", foreign_url, None, "SQLAlchemy URL of the database with the host's own accounts.", secret=True),
    Setting("accounts.query", account_query, None,
            "A SELECT whose first column becomes REMOTE_USER, asked once at each login, by :personal_id, :subject, :issuer, "
            ":full_name, :birth_date, :account_type or :level."),
    Setting("accounts.missing", missing, "refuse",
            "Who has no account: refuse, personal_id (the number becomes REMOTE_USER), or redirect:/path (a sign-up page, "
            "which finds vneid.identity and no REMOTE_USER)."),
), (_rules, _path_rule))


# -- at a login --------------------------------------------------------------------------------------------------------

class Accounts:
    """Finds the host's accounts, and keeps subject and personal number together.

    Args:
        services: everything of the middleware.
        provider: whose citizens they are.
        sessions: knows what an account is called in the audit.
    """

    def __init__(self, services: Any, provider: Provider, sessions: ProviderSessions) -> None:
        self._vneid = services
        self._provider = provider
        self._sessions = sessions
        self._missing: str = services.settings["accounts.missing"]
        url, query = services.settings["accounts.url"], services.settings["accounts.query"]
        self._database = AccountDatabase(url.reveal(), query) if url else None

    def check_known(self, mapped: MappedClaims, who: Who) -> None:
        """Refuse a personal number that is known under another subject, and a subject that is known with another number.

        An account is its issuer and subject (OpenID Connect Core §5.7, OWASP ASVS 6.8.1); two that share a number are
        never merged. Where the subject is the number, there is nothing to compare.

        Raises:
            LoginError: ``account_conflict``; the audit has it, and ``alarm.url`` gets it.
            StorageError: nobody can say, so nobody is let in.
        """
        if mapped.subject == mapped.personal_id:
            return
        vneid, issuer = self._vneid, self._provider.issuer_or_origin()
        subject_keys = self._sessions.subject_keys(issuer, mapped.subject)
        personal_keys = vneid.key_ring.number_keys(issuer, mapped.personal_id)
        with vneid.storage.begin() as connection:
            conflict = known_accounts.agree(connection, subject_keys, personal_keys, now=vneid.now())
        if conflict is None:
            return
        reason = "subject_with_another_number" if conflict.same_subject else "number_under_another_subject"
        account = {"subject_key": subject_keys[0], "account": text.mask(mapped.personal_id),
                   "account_type": mapped.account_type}
        vneid.tell_anyway(AccountConflict(**who._asdict(), who=described(account), reason=reason,
                                          known_subject_hash=conflict.subject_key))
        vneid["alarm"].send("account_conflict", who.request_id, reason=reason, subject_hash=subject_keys[0],
                            known_subject_hash=conflict.subject_key)
        raise LoginError("account_conflict", reason.replace("_", " "), status=403)

    def find(self, mapped: MappedClaims, return_to: str) -> tuple[str | None, str]:
        """Ask for the citizen's account.

        Args:
            return_to: absolute URL of the page that was wanted.

        Returns:
            what becomes ``REMOTE_USER`` (None: what ``sso.remote_user`` says; empty: nothing) and where the login ends.

        Raises:
            LoginError: there is no account, none that can be used, or the database does not answer.
        """
        if self._database is None:
            return None, return_to
        try:
            found = self._database.find(self._values(mapped))
        except StorageError as error:
            raise LoginError(error.code, error.detail, status=503) from error
        if found:
            fault = _fault(found)
            if fault:
                raise LoginError("account_invalid", f"accounts.query {fault}", status=503)
            return found[0], return_to
        if self._missing == "refuse":
            raise LoginError("account_unknown", "accounts.query found no row", status=403)
        if self._missing == "personal_id":
            return mapped.personal_id, return_to
        return "", self._sign_up(return_to)

    def check(self) -> None:
        """Ask with nothing but NULL: finds a database that is away, and a query that it does not understand.

        Raises:
            StorageError: the query can't be asked.
        """
        if self._database is not None:
            self._database.find(dict.fromkeys(BINDS))

    def _values(self, mapped: MappedClaims) -> dict[str, Any]:
        # plain text of the date: drivers look at the exact type
        return {**mapped._asdict(), "birth_date": str(mapped.birth_date) if mapped.birth_date else None,
                "issuer": self._provider.issuer_or_origin()}

    def _sign_up(self, return_to: str) -> str:
        links = self._vneid.links
        page = redirects.safe_return_to(self._missing.removeprefix(_REDIRECT), public_url=links.public_url)
        wanted = return_to.removeprefix(links.origin)
        return f"{page}?return_to={quote(wanted, safe='/')}"


def _fault(found: Any) -> str:
    """Return what is wrong with what a query found, or nothing."""
    name = found[0]
    if len(found) > 1:
        return "found several rows: one citizen must have one account"
    if not isinstance(name, str):
        kind = "NULL" if name is None else type(name).__name__
        return f"gave {kind} where a name is needed: CAST it to text, and leave out rows that have none"
    if not name.strip():
        return "gave an empty name"
    if name != name.strip():
        return "gave a name with spaces around it: TRIM it"
    if len(name) > MAX_ACCOUNT:
        return f"gave a name of {len(name)} characters; {MAX_ACCOUNT} are allowed"
    if any(unicodedata.category(letter) in _NO_TEXT for letter in name):
        return "gave a name with control characters"
    return ""


@implementer(IReadinessCheck, IProvisioned)
class AccountsReadiness:
    """Names the host's accounts as degraded while they can't be asked: who is signed in goes on."""

    critical = False

    def provision(self, services: Any) -> None:
        self._services = services
        self._last: tuple[float, VNeIDError | None] = (float("-inf"), None)

    def check(self) -> None:
        checked_at, error = self._last
        if time.monotonic() - checked_at > _CHECKED_FOR:
            try:
                error = None
                self._services["sso"].check_accounts()
            except VNeIDError as failure:
                error = failure
            self._last = (time.monotonic(), error)
        if error is not None:
            raise error
