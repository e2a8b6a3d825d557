"""The whole middleware as a server calls it: never a 500, never a hang, never a session for what is not a login."""

from __future__ import annotations

import atexit
import io
import json
import re
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import WSGIWarning, validator

from fuzz import tokens
from fuzz.assurance import level_from_loas
from fuzz.callbacks import USERINFO
from fuzz.choices import Choices
from fuzz.targets import target
from vneid_middleware.core import session as records
from vneid_middleware.core.logout_token import EVENT
from vneid_middleware.exceptions import UpstreamError
from vneid_middleware.outbound import Response
from vneid_middleware.paste import make_filter

warnings.filterwarnings("ignore", category=WSGIWarning)
SHARED = Path("/dev/shm")
FOLDER = Path(tempfile.mkdtemp(prefix="vneid-fuzz-", dir=SHARED if SHARED.is_dir() else None))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

PORTAL, PROVIDER = "http://127.0.0.1:6543", "http://127.0.0.1:8765/realms/citizen"
SECRET, CLIENT_SECRET = "front-0123456789-abcdefghijklmnopqrstuvwxyz", "canary-of-the-client-secret"
ENDPOINTS = ("/login", "/callback", "/logout", "/logged-out", "/session", "/auth", "/backchannel-logout", "/health/live",
             "/health/ready", "/metrics", "/.well-known/jwks.json", "/", "", "/nothing", "//login", "/../login")
METHODS = ("GET", "GET", "POST", "HEAD", "PUT", "OPTIONS", "BREW")
PARAMETERS = ("return_to", "level", "iss", "login_hint", "prompt", "target_link_uri", "state", "code", "error", "encrypt_key",
              "require", "logout_token", "x")
VALUES = ("", "/", "/ho-so?x=1", "//evil.example", "2", "login", "level>=2", "claim:role=admin account=person", "access_denied",
          "a+b%2F", "%00", "%ff", "é", "\r\nSet-Cookie: vneid=x", "a" * 5_000)
HEADERS = ("HTTP_COOKIE", "HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_ORIGIN", "HTTP_REFERER", "HTTP_SEC_FETCH_MODE",
           "HTTP_SEC_FETCH_SITE", "HTTP_X_REQUESTED_WITH", "HTTP_X_FORWARDED_FOR", "HTTP_AUTHORIZATION", "HTTP_USER_AGENT",
           "HTTP_HOST", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_X_VNEID_LEVEL", "HTTP_REMOTE_USER", "HTTP_TRANSFER_ENCODING")
HEADER_VALUES = ("", "*/*", "text/html;q=0.1, application/json", "application/json", "vi, en;q=0.5", "navigate", "cors",
                 "cross-site", "same-origin", "https://evil.example", PORTAL, "XMLHttpRequest", "10.0.0.1, x", "-1", "9" * 30,
                 "application/x-www-form-urlencoded", "vneid=x; vneid-login-loop=y", "chunked", "Bearer x", "0")
FORM = "application/x-www-form-urlencoded"


class Clock:
    """A clock that the targets move."""

    def __init__(self) -> None:
        self.now = tokens.NOW

    def __call__(self) -> float:
        return float(self.now)


class Endpoints:
    """The provider, in place of the HTTP client: each URL's answer is what the input says."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}

    def call(self, method: str, url: str, **options: Any) -> Response:
        status, kind, body = self.answers.get(url.rpartition("/")[2], (404, "text/plain", b""))
        if status in ("timeout", "connection", "tls", "too_large", "malformed"):
            raise UpstreamError(status, "as the input says")
        return Response(status, {"content-type": kind}, body)

    def say(self, name: str, value: Any, status: Any = 200, kind: str = "application/json") -> None:
        body = value if isinstance(value, str) else json.dumps(value)
        self.answers[name] = (status, kind, body.encode("utf-8", "surrogatepass"))


class Answer(NamedTuple):
    """What the middleware answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def cookies(self, prefix: str) -> list[str]:
        """Return the cookies set under names with ``prefix``, those that are removed left out."""
        return [value for name, value in self.headers
                if name == "Set-Cookie" and value.startswith(prefix) and "Max-Age=0" not in value]

    @property
    def location(self) -> str:
        return dict(self.headers).get("Location", "")


def _host(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    assert "vneid=" not in environ.get("HTTP_COOKIE", "").replace(" ", "")[:6], "our cookie reached the host"
    user = environ.get("REMOTE_USER", "")
    status = "401 Unauthorized" if environ["PATH_INFO"] == "/ho-so" and not user else "200 OK"
    start_response(status, [("Content-Type", "text/plain")])
    return [b"host, " + user.encode("latin-1")]


CLOCK, ENDPOINTS_OF_PROVIDER = Clock(), Endpoints()


def _portal(profile: str, **more: str) -> Any:
    app = make_filter({
        "public_url": PORTAL, "secret": SECRET, "storage": f"sqlite:///{FOLDER}/{profile}.db", "sso.profile": profile,
        "sso.client_id": tokens.CLIENT, "sso.client_secret": CLIENT_SECRET, "access": "/kin/* = level>=2\n/x = claim:role=a",
        "trusted_proxies": "127.0.0.1", "server_threads": "8", **more}, clock=CLOCK)(_host)
    app.services["sso"].provider._outbound = ENDPOINTS_OF_PROVIDER
    app.services.outbound.close()
    atexit.register(app.services.storage.close)
    return app


GUIDE = _portal("guide-2023", **{
    "sso.authorization_endpoint": f"{PROVIDER}/auth", "sso.token_endpoint": f"{PROVIDER}/token",
    "sso.userinfo_endpoint": f"{PROVIDER}/userinfo", "sso.logout_endpoint": f"{PROVIDER}/logout"})
OIDC = _portal("oidc", **{"sso.issuer": PROVIDER, "sso.minimum_level": "1"})
METADATA = {"issuer": PROVIDER, **{name: f"{PROVIDER}/{name.partition('_')[0]}" for name in (
    "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint")}}


def call(app: Any, method: str, path: str, query: str = "", headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
    """Send one request, and check what holds for every answer."""
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query,
                               "REMOTE_ADDR": "127.0.0.1", "wsgi.input": io.BytesIO(body)}
    setup_testing_defaults(environ)
    environ.update(headers or {})
    seen: dict[str, Any] = {}

    def start(status: str, sent: list[tuple[str, str]], exc_info: Any = None) -> Any:
        seen.update(status=int(status[:3]), headers=sent)
        return lambda data: None

    own = path.startswith("/vneid/") and method != "HEAD" and environ.get("CONTENT_LENGTH", "0").isdigit()
    given = (validator(app) if own else app)(environ, start)
    answer = Answer(seen["status"], seen["headers"], b"".join(given))
    if hasattr(given, "close"):
        given.close()
    _holds_for_every_answer(answer)
    return answer


def _holds_for_every_answer(answer: Answer) -> None:
    assert answer.status != 500
    assert answer.status < 500 or answer.status in (502, 503, 504)
    for name, value in answer.headers:
        assert re.fullmatch(r"[\x20-\x7e\xa0-\xff]*", value), f"{name} holds what no header can"
    whole = answer.body + repr(answer.headers).encode()
    assert SECRET.encode() not in whole
    assert CLIENT_SECRET.encode() not in whole
    if answer.location:
        assert answer.location.startswith((PORTAL + "/", PROVIDER + "/")), "it leads elsewhere"
    if answer.status >= 400 and answer.body and not answer.body.startswith(b"host"):
        kind = dict(answer.headers)["Content-Type"]
        assert b"<h1" in answer.body if kind.startswith("text/html") else isinstance(json.loads(answer.body), dict)


def _query(choices: Choices) -> str:
    return "&".join(f"{choices.pick(PARAMETERS)}={choices.bent(choices.pick((*VALUES, choices.latin(24))), 2)}"
                    for _ in range(choices.number(5)))


def _headers(choices: Choices) -> dict[str, str]:
    found = {choices.pick(HEADERS): _latin(choices.bent(choices.pick((*HEADER_VALUES, choices.latin(24))), 1))
             for _ in range(choices.number(4))}
    return {name: value.replace("\r", "").replace("\n", "") for name, value in found.items()}


def _latin(text: str) -> str:
    return text.encode("latin-1", "ignore").decode("latin-1")


def _sometimes(choices: Choices, text: str) -> str:
    """Bend a text once in eight times: a login comes to its end only where most of it is right."""
    return choices.bent(text, 1) if choices.one_in(8) else text


def _begin(choices: Choices) -> Any:
    CLOCK.now += 20
    app = choices.pick((GUIDE, OIDC))
    for breaker in app.services["sso"].provider._breakers.values():
        breaker._failures = 0
    ENDPOINTS_OF_PROVIDER.answers.clear()
    ENDPOINTS_OF_PROVIDER.say("openid-configuration", METADATA)
    ENDPOINTS_OF_PROVIDER.say("jwks", tokens.JWKS)
    return app


@target(12)
def any_request(choices: Choices) -> None:
    """Any request to any endpoint or page, by somebody who has nothing: no session comes of it."""
    app = _begin(choices)
    path = "/vneid" + choices.pick(ENDPOINTS) if not choices.one_in(4) else choices.pick(("/", "/ho-so", "/kin/1", "/x"))
    path = _latin(choices.bent(path, 1))
    answer = call(app, choices.pick(METHODS), path, _latin(_query(choices)), _headers(choices), choices.bytes(200))
    assert answer.cookies("vneid=") == []
    if path.startswith("/kin/"):
        assert not answer.body.startswith(b"host")
    if answer.body.startswith(b"host"):
        assert answer.body == b"host, "


@target(6)
def login(choices: Choices) -> None:
    """A login with anything bent on its way: who is signed in is whom the provider's answers name, or nobody."""
    app = _begin(choices)
    target_path = choices.bent(choices.pick(("/ho-so", "/x?y=1", "//evil.example")), 1)
    begun = call(app, "GET", "/vneid/login", "return_to=" + quote(target_path, safe="", errors="replace"))
    if begun.status != 303:
        assert begun.status == 400 and len(target_path) > 1_000
        return
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.location).query).items()}
    cookie = begun.cookies("vneid-login-")[0].partition(";")[0]
    id_claims = {**tokens.ID, "iss": PROVIDER, "nonce": asked["nonce"], "iat": CLOCK.now, "exp": CLOCK.now + 300}
    id_token = tokens.signed('{"alg":"ES256","kid":"ec-1"}', choices.bent_json(id_claims, 1))
    said = choices.bent_json({"access_token": "a", "token_type": "Bearer", "id_token": _sometimes(choices, id_token)}, 1)
    profile = "guide-2023" if app is GUIDE else "oidc"
    person = choices.bent_json({**USERINFO[profile], "sub": tokens.ID["sub"]}, 2)
    status, kind = choices.pick((200,) * 12 + (400, 503, 302, "timeout", "connection", "malformed")), choices.pick(
        ("application/json",) * 6 + ("text/html", "application/jwt", ""))
    ENDPOINTS_OF_PROVIDER.say("token", said, status, kind)
    ENDPOINTS_OF_PROVIDER.say("userinfo", person)
    state, sent = _sometimes(choices, asked["state"]), _latin(_sometimes(choices, cookie))
    query = _latin(_sometimes(choices, f"state={quote(state, errors='replace')}&code=c-1"))
    answer = call(app, "GET", "/vneid/callback", query, {"HTTP_COOKIE": sent})
    made = answer.cookies("vneid=")
    if not made:
        assert answer.status >= 400
        return
    assert cookie in sent
    assert asked["state"] in query
    assert (status, kind) == (200, "application/json")
    assert answer.location.startswith(PORTAL + "/")
    _is_who_was_named(app, made[0], json.loads(person), profile)
    again = call(app, "GET", "/vneid/callback", query, {"HTTP_COOKIE": sent})
    assert again.location == answer.location
    assert len(again.cookies("vneid=")) == 1


def _is_who_was_named(app: Any, cookie: str, person: dict[str, Any], profile: str) -> None:
    record = app.services.sessions.open([cookie.partition("=")[2].partition(";")[0]], CLOCK.now)
    identity = records.identity_of(record)
    assert identity.level >= 1
    if profile == "guide-2023":
        assert identity.personal_id == person["SoDinhDanh"]
        assert re.fullmatch("[0-9]{12}", identity.personal_id)
        assert str(person["LoaiTaiKhoan"]) == "1"
        assert identity.level <= level_from_loas(person["loAS"], CLOCK.now)
    else:
        assert identity.subject == tokens.ID["sub"] == person["sub"]


@target(5)
def signed_in(choices: Choices) -> None:
    """A session's cookie, bent or whole, at every endpoint: whole it is who it was, bent it is nobody."""
    app = _begin(choices)
    sessions = app.services.sessions
    from fuzz.sessions import PERSON
    value = sessions.store.save(records.new_record(PERSON._replace(authenticated_at=CLOCK.now), now=CLOCK.now, max_age=28_800))
    sent = _latin(choices.bent(value, 1)).replace("\r", "").replace("\n", "")
    pages = ("/session", "/auth", "/logged-out", "/logout", "/login")
    path = choices.pick(("/", "/kin/1", "/x", *("/vneid" + page for page in pages)))
    query = choices.pick(("", "require=level>=2", "require=claim:role=a", _latin(_query(choices))))
    headers = {**_headers(choices), "HTTP_COOKIE": f"a=b; vneid={sent}"}
    answer = call(app, choices.pick(("GET", "GET", "POST")), path, query, headers)
    whole = sent.partition(";")[0].strip() == value or value in sent.split("vneid=")
    if PERSON.personal_id.encode() in answer.body + repr(answer.headers).encode():
        assert whole, "somebody else's making signs in"
    if path == "/x" and answer.status == 200:
        raise AssertionError("a claim that is not there lets in")
    if path == "/vneid/session" and sent == value and answer.status == 200:
        assert json.loads(answer.body)["identity"]["personal_id"] == PERSON.personal_id
    for made in answer.cookies("vneid="):
        assert whole
        assert sessions.open([made.partition("=")[2].partition(";")[0]], CLOCK.now) is not None


@target(5)
def provider_ends_sessions(choices: Choices) -> None:
    """Back-channel logout: 200 only for a token of the provider's, once; nobody is told who was signed in."""
    app = _begin(choices)
    claims = {**tokens.LOGOUT, "iss": PROVIDER, "iat": CLOCK.now, "exp": CLOCK.now + 120, "jti": f"j-{CLOCK.now}"}
    payload = choices.bent_json(claims, 2)
    genuine = tokens.signed('{"alg":"ES256","kid":"ec-1","typ":"logout+jwt"}', payload)
    token = choices.bent(genuine, 1)
    body = _latin(choices.bent(f"logout_token={token}", 1)).encode("latin-1")
    headers = {"CONTENT_TYPE": FORM, "CONTENT_LENGTH": str(len(body)), **(_headers(choices) if choices.one_in(4) else {})}
    answer = call(app, "POST", "/vneid/backchannel-logout", "", headers, body)
    assert answer.cookies("vneid") == []
    if answer.status != 200:
        assert answer.status in (400, 404, 405, 411, 413, 415, 503)
        return
    assert app is OIDC
    assert genuine.encode() in body
    read = json.loads(payload)
    assert read["iss"] == PROVIDER
    assert isinstance(read["events"][EVENT], dict)
    assert "nonce" not in read
    second = call(app, "POST", "/vneid/backchannel-logout", "", headers, body)
    assert second.status == 400
