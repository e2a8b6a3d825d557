"""Whatever comes in, the parsers of cookies, callbacks, token responses and sealed boxes answer or refuse; they never fail."""

from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vneid_middleware.core import oidc
from vneid_middleware.core.cookies import MAX_SESSION_VALUES, CookieNames
from vneid_middleware.crypto import KeyRing
from vneid_middleware.exceptions import LoginError, SealError, VNeIDError

NAMES = CookieNames.of("vneid", secure=False)
COOKIES = st.text(alphabet=st.sampled_from("vneid-loginx=; \t,\"'é\x00"), max_size=80) | st.text(max_size=40)
NAMED = st.lists(st.tuples(st.sampled_from(["vneid", "vneid-login-0123456789abcdef", "vneidx", "session", "a"]),
                           st.text(alphabet=string.ascii_letters + "=", max_size=8)), max_size=12)


@given(COOKIES)
def test_no_cookie_header_breaks_the_parser_and_ours_never_passes(header):
    _, _, rest = NAMES.split(header)
    for part in rest.split(";"):
        name = part.strip().partition("=")[0]
        assert name != "vneid"
        assert not name.startswith("vneid-login-")


def test_a_cookie_of_the_host_keeps_every_byte():
    # "à" and the next line sign, as servers give them: the last byte of each is white space to str.strip
    theirs = ["ten=Hoà".encode().decode("latin-1"), "a=\x85", "\xa0b=c"]
    assert NAMES.split("; ".join([theirs[0], "vneid=x", *theirs[1:]])) == (["x"], {}, "; ".join(theirs))
    assert NAMES.split("\xa0vneid=x;\tvneid=y\t") == (["y"], {}, "\xa0vneid=x")


@given(NAMED)
def test_every_cookie_goes_where_it_belongs_in_its_order(pairs):
    sessions, logins, rest = NAMES.split("; ".join(f"{name}={value}" for name, value in pairs))
    assert sessions == [value for name, value in pairs if name == "vneid"][:MAX_SESSION_VALUES]
    assert logins == {name: value for name, value in pairs if name.startswith("vneid-login-")}
    others = [f"{name}={value}" for name, value in pairs if name in ("vneidx", "session", "a")]
    assert rest == "; ".join(others)


@pytest.mark.threat("A-008")
@given(st.text(alphabet="statecodeiss=&+%0123 errorid_token;é\x00", max_size=80) | st.text(max_size=60))
def test_a_callback_query_is_read_or_refused(query):
    callback, status = None, 0
    try:
        callback = oidc.parse_callback(query)
    except LoginError as error:
        status = error.status
    assert status == 400 if callback is None else callback.state and bool(callback.code) != bool(callback.error)


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
       st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40))
def test_state_and_code_come_through_as_they_were_sent(state, code):
    callback = oidc.parse_callback(f"code={quote(code, safe='')}&state={quote(state, safe='')}")
    assert (callback.state, callback.code) == (state, code)


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
                    max_leaves=6)


@given(st.dictionaries(st.sampled_from(["access_token", "token_type", "id_token", "expires_in", "error", "x"]), JSON, max_size=6),
       st.booleans())
def test_a_token_response_is_read_or_refused(answer, required):
    try:
        found = oidc.parse_token_response(answer, id_token_required=required)
    except VNeIDError:
        return
    assert isinstance(found.access_token, str)
    assert found.access_token
    assert str(answer["token_type"]).lower() == "bearer"
    assert not required or isinstance(found.id_token, str)


RING = KeyRing(["parsers-0123456789-abcdefghijklmnopqrstuvwxyz"])


@given(st.text(max_size=100) | st.text(alphabet=string.ascii_letters + string.digits + "-_=", max_size=200))
def test_nothing_opens_that_was_not_sealed(text):
    with pytest.raises(SealError):
        RING.box("session").open(text)


@given(JSON, st.sampled_from(["session", "login", "logout-hint"]))
def test_what_was_sealed_opens_for_its_purpose_alone(value, purpose):
    sealed = RING.box("session").seal([value, 1])
    if purpose == "session":
        assert str(RING.box(purpose).open(sealed)) == str([value, 1])
    else:
        with pytest.raises(SealError):
            RING.box(purpose).open(sealed)
