"""The settings of sign-on for apps and the rules between them."""

from __future__ import annotations

from collections.abc import Mapping

from vneid_middleware.converters import boolean, integer, mapping, seconds, text
from vneid_middleware.core.mobile import app_id_fault, callback_fault
from vneid_middleware.directives import Registrations
from vneid_middleware.settings import REQUIRED, Problem, Setting, Settings, SettingsTable, Source

_RISK = ("is on: the link carries mobile.client_secret to every phone, any app there may claim the link, and the VNeID app's "
         "answer is tied to no sign-on of ours")


def apps(value: str, source: Source) -> Mapping[str, tuple[str, ...]]:
    """Lines ``APP_ID = callback-uri …``."""
    found = {name: tuple(uris.split()) for name, uris in mapping(value, source).items()}
    if not found:
        raise ValueError("must be lines APP_ID = callback-uri …")
    faults = [f"{name[:40]!r} {fault}" for name in found if (fault := app_id_fault(name))]
    faults += [f"{uri[:80]!r} {fault}" for uris in found.values() for uri in uris if (fault := callback_fault(uri))]
    if faults:
        raise ValueError("; ".join(faults))
    return found


ROWS = (
    Setting("mobile.apps", apps, REQUIRED, "Lines APP_ID = callback-uri …: the portal's apps and where each is called back, "
            "exactly. A claimed https link, or a scheme with a dot in it.",
            remedy="Give a line such as vn.gov.example.app = https://dichvucong.example.gov.vn/app/callback"),
    Setting("mobile.deep_link", boolean, False, "Whether an app may ask for the guide's deep link to the VNeID app. The link "
            "carries mobile.client_secret to the phone."),
    Setting("mobile.deep_link_secret", boolean, True, "False: the deep link goes without the secret, where VNeID allows that."),
    Setting("mobile.client_id", text, None, "The client id that C06 gave for the deep link; never the web's."),
    Setting("mobile.client_secret", text, None, "The client secret that C06 gave for the deep link; never the web's.",
            secret=True),
    Setting("mobile.max_age", seconds(60, 604_800), 28_800, "Seconds after which an app's session ends, whatever happens."),
    Setting("mobile.rate_limit", integer(1, 100_000), 60, "Sign-ons that may begin within a minute from one address."),
)


def make_table(registrations: Registrations) -> SettingsTable:
    """Return the table; whether somebody signs citizens in is known when all plugins are in."""

    def needs_sign_on(settings: Settings) -> list[Problem]:
        return [] if "sso" in registrations.components else [settings.problem(
            "plugins", "mobile needs sso, which asks VNeID who the citizen is", "Add sso to plugins.")]

    return SettingsTable("mobile", ROWS, (needs_sign_on, _own_client, _deep_link))


def _own_client(settings: Settings) -> list[Problem]:
    """What is on every phone is known to everybody: it must not open the web's door."""
    return [settings.problem(f"mobile.{name}", f"must not be the same as sso.{name}",
                             "Ask C06 for a client of its own for the deep link.", show=False)
            for name in ("client_id", "client_secret")
            if settings[f"mobile.{name}"] and settings[f"mobile.{name}"] == settings.get(f"sso.{name}")]


def _deep_link(settings: Settings) -> list[Problem]:
    if not settings["mobile.deep_link"]:
        return []
    found = [settings.problem(f"mobile.{name}", "is required by mobile.deep_link = true",
                              "Give what C06 gave you for the app, the secret as file:PATH or env:NAME.")
             for name in ("client_id", "client_secret") if not settings[f"mobile.{name}"]]
    if settings["mobile.deep_link_secret"]:
        return [*found, settings.problem("mobile.deep_link", _RISK, "Leave it off where web VNeID suffices; SECURITY.md says "
                                         "what remains.", severity="warning")]
    return [*found, settings.problem(
        "mobile.deep_link", "is on: any app on a phone may claim the link, and the VNeID app's answer is tied to no sign-on of "
        "ours", "Leave it off where web VNeID suffices; SECURITY.md says what remains.", severity="warning")]
