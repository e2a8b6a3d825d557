"""The settings of web sign-on and the rules between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vneid_middleware.converters import (
    boolean,
    integer,
    mapping,
    one_of,
    seconds,
    text,
    url,
    url_or_none,
    words,
)
from vneid_middleware.core.identity import FIELDS
from vneid_middleware.directives import Registrations
from vneid_middleware.key_files import private_keys
from vneid_middleware.settings import REQUIRED, Problem, Setting, Settings, SettingsTable, Source

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
REMOTE_USER_FIELDS = ("personal_id", "subject", "full_name")
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")


def algorithms(value: str, source: Source) -> tuple[str, ...]:
    """Asymmetric signature algorithms."""
    found = words(value, source)
    if not found or set(found) - set(ALGORITHMS):
        raise ValueError(f"must be some of {' '.join(ALGORITHMS)}: asymmetric ones only")
    return found


def scope(value: str, source: Source) -> str:
    """Scopes, ``openid`` among them."""
    found = value.split()
    if "openid" not in found or not value.isascii():
        raise ValueError("must be scopes separated by spaces, with openid among them")
    return " ".join(found)


def claim_names(value: str, source: Source) -> Any:
    """A preset's name, or lines ``IDENTITY_FIELD = claim [claim …]``."""
    if "=" not in value:
        return value
    found = mapping(value, source)
    for field in found:
        if field not in FIELDS:
            raise ValueError(f"must be lines IDENTITY_FIELD = claim; {field[:40]} is none of {', '.join(FIELDS)}")
    return {field: tuple(names.split()) for field, names in found.items()}


def make_table(registrations: Registrations) -> SettingsTable:
    """Return the table; what a profile presets is looked up among the profiles that plugins registered."""

    def by_profile(key: str) -> Callable[[Mapping[str, Any], Source], Any]:
        def default(values: Mapping[str, Any], source: Source) -> Any:
            profile = registrations.implementations("profile").get(values.get("sso.profile", ""))
            return profile.defaults.get(key) if profile is not None else None

        return default

    def preset(name: str, convert: Any, help: str) -> Setting:
        return Setting(f"sso.{name}", convert, by_profile(name), help, default_text="by profile")

    def backchannel(values: Mapping[str, Any], source: Source) -> bool:
        return bool(by_profile("discovery")(values, source) or (values.get("sso.issuer") and values.get("sso.jwks_uri")))

    rows = (
        Setting("sso.profile", text, "guide-2023", "Presets: guide-2023, gateway-2026, oidc, or a plugin's."),
        Setting("sso.client_id", text, REQUIRED, "The client id that C06 gave the portal."),
        Setting("sso.client_secret", text, None, "The client secret that C06 gave the portal.", secret=True,
                default_text="required, but with private_key_jwt"),
        Setting("sso.issuer", url, None, "The provider's issuer, compared exactly."),
        preset("authorization_endpoint", url, "Where the citizen is sent to sign in."),
        preset("token_endpoint", url, "Where a code is exchanged."),
        preset("userinfo_endpoint", url_or_none, "Where the citizen's data come from."),
        preset("logout_endpoint", url_or_none, "Where the citizen is sent to sign out; empty: nowhere."),
        Setting("sso.jwks_uri", url, None, "The provider's key set.", default_text="discovered in oidc"),
        Setting("sso.scope", scope, "openid", "What is asked for."),
        preset("client_auth", one_of("client_secret_post", "client_secret_basic", "private_key_jwt"),
               "How the portal proves itself at the token endpoint."),
        Setting("sso.response_mode", one_of("query", "form_post"), "query",
                "How the provider's answer comes back: in the callback's address, or as a form."),
        Setting("sso.signing_key", private_keys, None, "PEM file with the portal's key, for private_key_jwt; several lines: "
                "the first signs, all are published, for rotation."),
        Setting("sso.max_age", seconds(1, 86_400), None,
                "Seconds since the citizen last authenticated; needs an id_token's auth_time."),
        Setting("sso.pkce", one_of("S256", "off"), "S256", "Proof key for code exchange (RFC 7636)."),
        preset("id_token", one_of("required", "optional"), "Whether an id_token must come."),
        Setting("sso.id_token_algs", algorithms, ("RS256", "PS256", "ES256"), "Accepted signature algorithms."),
        preset("response", text, "Form of the provider's answers: plain, rsa-aes, or a plugin's."),
        Setting("sso.decryption_key", private_keys, None, "PEM file with the portal's RSA key, for rsa-aes; several lines: "
                "all decrypt, for rotation."),
        preset("claims", claim_names, "guide-2023, gateway-2026, oidc, a plugin's, or lines IDENTITY_FIELD = claim …"),
        preset("minimum_level", integer(0, 2), "A login below this level is refused."),
        Setting("sso.organisations", boolean, False, "Lets organisations sign in."),
        Setting("sso.remote_user", one_of(*REMOTE_USER_FIELDS), "personal_id",
                "Which identity field becomes REMOTE_USER."),
        Setting("sso.backchannel_logout", boolean, backchannel, "Accept the provider's word that a citizen signed out there.",
                default_text="true when the provider's keys are known"),
        Setting("sso.login_ttl", seconds(60, 3600), 600, "Seconds that a login may take."),
        preset("logout_redirect_parameter", text, "Name of the return parameter at the logout endpoint."),
    )
    return SettingsTable("sso", rows, (
        lambda settings: _check_names(settings, registrations),
        lambda settings: _check_endpoints(settings, registrations),
        _check_client,
        _check_id_token,
        _check_response,
        _check_access,
    ))


def _check_names(settings: Settings, registrations: Registrations) -> list[Problem]:
    found = []
    for key, role in (("sso.profile", "profile"), ("sso.response", "response_decoder"), ("sso.claims", "claims_mapper")):
        known = registrations.implementations(role)
        value = settings[key]
        if isinstance(value, str) and value not in known:
            found.append(settings.problem(key, f"must be one of {', '.join(sorted(known))}"))
    return found


def _check_endpoints(settings: Settings, registrations: Registrations) -> list[Problem]:
    profile = registrations.implementations("profile").get(settings["sso.profile"])
    if profile is None:
        return []
    if profile.defaults.get("discovery"):
        return [] if settings["sso.issuer"] else [settings.problem(
            "sso.issuer", f"is required by the profile {settings['sso.profile']}",
            "Give the provider's issuer exactly as its discovery document has it.")]
    return [settings.problem(f"sso.{name}", f"is required by the profile {settings['sso.profile']}",
                             "Give the address that C06 told you.")
            for name in _ENDPOINTS if not settings[f"sso.{name}"]]


def _check_client(settings: Settings) -> list[Problem]:
    if settings["sso.client_auth"] == "private_key_jwt":
        return [] if settings["sso.signing_key"] else [settings.problem(
            "sso.signing_key", "is required by sso.client_auth = private_key_jwt", "Make one with: vneid keys new "
            "signing --for sso.signing_key.")]
    return [] if settings["sso.client_secret"] else [settings.problem(
        "sso.client_secret", "is required and missing", "Give it as file:PATH or env:NAME, so that it stands in no ini.")]


def _check_id_token(settings: Settings) -> list[Problem]:
    found = []
    discovered = settings["sso.profile"] == "oidc"
    both = settings["sso.issuer"] and settings["sso.jwks_uri"]
    if settings["sso.id_token"] == "required" and not (both or discovered):
        found.append(settings.problem("sso.id_token", "can't be required while nothing is known to check it by",
                                      "Set sso.issuer and sso.jwks_uri."))
    if not discovered and bool(settings["sso.issuer"]) != bool(settings["sso.jwks_uri"]):
        missing = "sso.jwks_uri" if settings["sso.issuer"] else "sso.issuer"
        found.append(settings.problem(missing, "is missing, so that an id_token will not be read",
                                      "Set both sso.issuer and sso.jwks_uri, or neither.", severity="warning"))
    if settings["sso.backchannel_logout"] and not (both or discovered):
        found.append(settings.problem("sso.backchannel_logout", "can't be true while nothing is known to check tokens by",
                                      "Set sso.issuer and sso.jwks_uri."))
    if settings["sso.max_age"] and settings["sso.id_token"] != "required":
        found.append(settings.problem("sso.max_age", "needs the auth_time of an id_token", "Set sso.id_token = required."))
    return found


def _check_response(settings: Settings) -> list[Problem]:
    found = []
    if settings["sso.response"] == "rsa-aes" and not settings["sso.decryption_key"]:
        found.append(settings.problem("sso.decryption_key", "is required by sso.response = rsa-aes",
                                      "Make one with: vneid keys new encryption --for sso.decryption_key, and give C06 its "
                                      "public half."))
    if settings["sso.pkce"] == "off":
        found.append(settings.problem("sso.pkce", "is off: a code that leaks can be used by whoever finds it",
                                      "Leave it at S256 unless the provider refuses it.", severity="warning"))
    return found


def _check_access(settings: Settings) -> list[Problem]:
    rules = settings.get("access")
    own = settings.get("prefix", "")
    if rules is None or not own:
        return []
    return [settings.problem(key, f"names {path}, which lies under the middleware's own prefix {own}",
                             "Name a path of the host.")
            for key in ("takeover.login", "takeover.logout") for path in settings.get(key, ())
            if path == own or path.startswith(own + "/")]
