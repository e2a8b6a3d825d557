"""Return targets: the open-redirect matrix, a second parser as oracle, and the query they come in."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import ada_url
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vneid_middleware.core.redirects import local_path, return_to_from_query, safe_return_to, split_return_to

PORTAL = "https://portal.vn"
MOUNTED = "https://portal.vn/dich-vu"

# row A-170
MATRIX = [
    "//evil.vn", "///evil.vn", "/\\evil.vn", "\\\\evil.vn", "/\t/evil.vn", "/\n/evil.vn", "/%09/evil.vn",
    "/%5cevil.vn", "/%2f/evil.vn", "https:evil.vn", "https:/evil.vn", "https:///evil.vn",
    "https://portal.vn@evil.vn", "https://portal.vn.evil.vn", "https://portal.vn\\@evil.vn",
    "https://evil.vn\\.portal.vn", "https://evil.vn#@portal.vn", "https://evil.vn?portal.vn", " //evil",
    "\u0000//evil", "/.//evil", "/..//evil", "/a/..//evil", "javascript:alert(1)", "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)", "data:text/html,x", "vbscript:x", "vneid://app/login", "https://evil\u3002vn",
    "https://portal\uff0evn", "/\u2028/evil", "http://portal.vn", "https://portal.vn:444",
    "//portal.vn@evil/", "/ok;//evil", "https://[::1]", "https://portal.vn%00.evil",
    "https://portal.vn%2eevil", "/x\r\nSet-Cookie:a=b", "/" + "a" * 8192, "/\ud800", "",
]

# the open redirects of the peers, and what stands beside the rows
ELSEWHERE = [
    *MATRIX,
    "/\\/evil.vn", "/\\\\evil.vn", "/%5c/evil.vn", "/%5C%5Cevil.vn", "/%2F%2Fevil.vn", "/%0d/evil.vn",
    "/%0a/evil.vn", "/%00/evil.vn", "/%252f/evil.vn", "/%255cevil.vn", "/%2509/evil.vn", "/%E2%80%A8/evil.vn",
    "/%25252f/evil.vn", "/%c0%af/evil.vn", "/%ed%a0%80", "/%ff", "/a?x=%ff", "/%C2%85/evil.vn", "/%7f",
    "/../evil", "/a/../b", "/a/./b", "/.", "/..", "/a/%2e%2e/b", "/a/%2E./b", "/a/.%252e/b", "/a/..",
    "/a/..?x=1", "/a/..#x", "/a//b", "/a/%2f", "/%2f", "/%3f//evil", "/%23//evil", "/a?x=\\",
    "/a?x=%0d%0aSet-Cookie:a", "/a?x=%00", "/a#%0a", "/a b", "/a\u00a0b", "/é", "/\x7f", "/\x1b[0m",
    "evil.vn", "a/b", "?x=1", "#x", ".", "..", "./a", "@evil.vn", ":443", "https://portal.vn/ok",
    "HTTPS://PORTAL.VN/ok", "\ufeff/ok", "\u202e/ok", "/ok\n", "/ok ", "\n/ok", "\t/ok",
]

HERE = [
    "/", "/ok", "/ok/", "/a/b.html", "/a?b=//c", "/a?b=%2F%2Fc", "/a?next=https://other.vn/x",
    "/a?next=https%3A%2F%2Fother.vn%2F", "/a?x=..", "/a?x=/../y", "/a#phan-2", "/a?x=1&y=2#z",
    "/tra-c%E1%BB%A9u?h%E1%BB%8D=Nguy%E1%BB%85n", "/a%20b", "/a;v=1/b", "/a/...", "/.well-known/x",
    "/a..b/c.", "/@ban-tin", "/a:b", "/a,b;c=d/~e!$&'()*+", "/100%25", "/a%zz", "/%", "/\"<>^`{|}", "/[x]",
    "/a?x=a%2Bb+c", "/" + "a" * 2047, "/a?//", "/a#//", "/?//evil.vn", "/-/evil.vn", "/evil.vn",
]


def encodings(value: str) -> list[str]:
    """Return the value raw and percent-encoded once and twice, with the slashes encoded and left."""
    raw = value.encode("utf-8", "surrogatepass")
    once = [quote(raw, safe=safe) for safe in ("", "/")]
    return [value, *once, quote(once[0], safe=""), quote(once[1], safe="/")]


class TestReturnTargets:
    @pytest.mark.threat("A-170")
    @pytest.mark.parametrize("value", ELSEWHERE, ids=ascii)
    @pytest.mark.parametrize("public_url", [PORTAL, MOUNTED])
    def test_refused(self, value: str, public_url: str) -> None:
        assert safe_return_to(value, public_url=public_url) is None

    @pytest.mark.threat("A-170")
    @pytest.mark.parametrize("value", MATRIX, ids=ascii)
    @pytest.mark.parametrize("public_url", [PORTAL, MOUNTED])
    def test_refused_raw_and_percent_encoded_once_and_twice(self, value: str, public_url: str) -> None:
        for form in encodings(value):
            assert safe_return_to(form, public_url=public_url) is None, form

    @pytest.mark.threat("A-170")
    @pytest.mark.parametrize("value", HERE)
    def test_kept(self, value: str) -> None:
        result = safe_return_to(value, public_url=PORTAL)
        assert result == PORTAL + value
        assert _stays(result, PORTAL)

    @pytest.mark.parametrize(("value", "expected"), [
        ("/dich-vu", "/dich-vu"), ("/dich-vu/", "/dich-vu/"), ("/dich-vu/a?b=1", "/dich-vu/a?b=1"),
        ("/dich-vu?x=1", "/dich-vu?x=1"), ("/dich-vu#x", "/dich-vu#x"), ("/", "/dich-vu/"),
        ("/a?b=/dich-vu/", "/dich-vu/a?b=/dich-vu/"), ("/dich-vu-cong/a", "/dich-vu/dich-vu-cong/a"),
        ("/a/dich-vu", "/dich-vu/a/dich-vu"), ("/DICH-VU/a", "/dich-vu/DICH-VU/a"),
    ])
    def test_under_a_mount_path(self, value: str, expected: str) -> None:
        assert safe_return_to(value, public_url=MOUNTED) == PORTAL + expected

    @pytest.mark.parametrize("public_url", [
        "https://portal.vn:8443", "http://localhost:6543", "http://[::1]:6543/x", "http://127.0.0.1/x/y",
        "https://x/x", "https://vn/vn/vn",
    ])
    def test_other_portals(self, public_url: str) -> None:
        assert safe_return_to("/a?b", public_url=public_url) == public_url + "/a?b"
        mount = urlsplit(public_url).path
        assert safe_return_to(mount + "/a", public_url=public_url) == public_url + "/a"

    @pytest.mark.threat("A-170")
    def test_the_longest(self) -> None:
        assert safe_return_to("/" + "a" * 2047, public_url=PORTAL)
        assert safe_return_to("/" + "a" * 2048, public_url=PORTAL) is None

    @pytest.mark.threat("A-170")
    @given(
        st.text(alphabet="/\\.%?#@:;&=\t\n\r \u0000aevil205cfCdDe\u2028\u3002é", max_size=24).map("/".__add__)
        | st.text(max_size=30)
        | st.sampled_from(ELSEWHERE).flatmap(lambda value: st.sampled_from(encodings(value)))
    )
    @example("/\\evil.vn")
    def test_no_parser_reads_another_place(self, value: str) -> None:
        for public_url in (PORTAL, MOUNTED, "http://[::1]:6543"):
            result = safe_return_to(value, public_url=public_url)
            if result is not None:
                assert _stays(result, public_url)
                assert result.isascii()
                assert result.isprintable()
                assert " " not in result


def _stays(url: str, public_url: str) -> bool:
    """Ask two parsers, one of them a browser's (WHATWG): same origin, and still below the mount path."""
    ours, theirs = urlsplit(url), ada_url.URL(url)
    base, root = urlsplit(public_url), ada_url.URL(public_url)
    below = root.pathname.rstrip("/")
    return (
        (ours.scheme, ours.netloc) == (base.scheme, base.netloc)
        and theirs.origin == root.origin
        and (theirs.username, theirs.password) == ("", "")
        and (theirs.pathname == below or theirs.pathname.startswith(below + "/"))
    )


class TestQuery:
    @pytest.mark.parametrize(("query", "value", "rest"), [
        ("", None, ""), ("level=2", None, "level=2"), ("return_to=", "", ""), ("return_to", "", ""),
        ("return_to=/a", "/a", ""), ("return_to=%2Fa%3Fb%3D1%26c%3D2", "/a?b=1&c=2", ""),
        ("return_to=%2Fa%3Fb%3D1&level=2", "/a?b=1", "level=2"),
        ("level=2&return_to=/a&iss=x", "/a", "level=2&iss=x"), ("return_to=/a+b", "/a%20b", ""),
        ("return_to=/a%2Bb", "/a+b", ""), ("return_to=%2Ftra-c%E1%BB%A9u", "/tra-c%E1%BB%A9u", ""),
        ("return_to=%2Ftra-c%25E1%25BB%25A9u", "/tra-c%E1%BB%A9u", ""),
        ("return_to=/tra-cứu".encode().decode("latin-1"), "/tra-c%E1%BB%A9u", ""),
        ("return%5Fto=/a", "/a", ""), ("xreturn_to=/b&return_to=/a&return_to_x=/c", "/a",
            "xreturn_to=/b&return_to_x=/c"), ("Return_to=/a", None, "Return_to=/a"),
        ("return_to=%09//evil", "%09//evil", ""), ("return_to=%0d%0a", "%0D%0A", ""),
    ])
    def test_form_field(self, query: str, value: str | None, rest: str) -> None:
        assert split_return_to(query) == (value, rest)
        assert return_to_from_query(query) == value

    @pytest.mark.parametrize(("query", "value", "rest"), [
        ("return_to=/a?b=1&c=2", "/a?b=1&c=2", ""), ("level=2&return_to=/a?b=1&level=1", "/a?b=1&level=1",
            "level=2"), ("return_to=/a?return_to=/b&return_to=/c", "/a?return_to=/b&return_to=/c", ""),
        ("return_to=/a?", "/a?", ""), ("return_to=/a?b=%2F%2Fc%20d+e", "/a?b=%2F%2Fc%20d+e", ""),
        ("return_to=/a%3Fx?b=1", "/a%3Fx?b=1", ""),
        ("return_to=/a?b=Nguyễn Văn".encode().decode("latin-1"), "/a?b=Nguy%E1%BB%85n%20V%C4%83n", ""),
        ("return_to=%2Fa?b=1", "%2Fa?b=1", ""),
    ])
    def test_address_appended_by_a_proxy(self, query: str, value: str, rest: str) -> None:
        assert split_return_to(query) == (value, rest)

    @pytest.mark.threat("A-008")
    @pytest.mark.parametrize("query", [
        "return_to=/a&return_to=/b", "return_to=/a&return_to=/a", "return_to=/a&x=1&return_to=/b?c=1",
        "return_to=&return_to=", "return_to&return_to=/a", "return_to=/a&return%5fto=/b",
        "return_to=/a&%72eturn_to=/b",
    ])
    def test_given_twice(self, query: str) -> None:
        with pytest.raises(ValueError, match="more than once"):
            split_return_to(query)

    def test_no_wsgi_text(self) -> None:
        for query in ("return_to=/ễ", "return_to=/ễ?x", "return_to=\ud800"):
            with pytest.raises(ValueError, match="latin-1"):
                split_return_to(query)

    @pytest.mark.threat("A-170")
    @pytest.mark.parametrize("value", MATRIX, ids=ascii)
    def test_what_leads_elsewhere_is_refused_through_the_query_too(self, value: str) -> None:
        for form in encodings(value):
            query = "return_to=" + form.encode("utf-8", "surrogatepass").decode("latin-1")
            assert safe_return_to(return_to_from_query(query) or "", public_url=PORTAL) is None, query
            appended = safe_return_to(return_to_from_query(query + "?x=1") or "", public_url=PORTAL)
            assert appended is None or _stays(appended, PORTAL), query

    @given(st.text(alphabet=st.characters(codec="utf-8"), max_size=20), st.text(alphabet="abc=", max_size=5))
    def test_what_a_form_encodes_comes_back(self, path: str, other: str) -> None:
        query = f"x={other}&return_to={quote('/' + path, safe='')}"
        value = return_to_from_query(query)
        assert value is not None
        assert value.isascii()
        if "%" not in path:
            assert parse_qs("v=" + quote(value, safe="%"))["v"] == ["/" + path]

    @given(st.text(alphabet="return_to=&?/%2Fax+", max_size=60))
    def test_nothing_but_our_error(self, query: str) -> None:
        try:
            value, rest = split_return_to(query)
        except ValueError:
            assert query.count("to") >= 2
        else:
            assert value is None or value.isascii()
            assert len(rest) <= len(query)


class TestLocalPath:
    @pytest.mark.parametrize(("script_name", "path_info", "query", "expected"), [
        ("", "/", "", "/"), ("", "", "", "/"), ("/dich-vu", "", "", "/dich-vu"),
        ("/dich-vu", "/tra cứu", "x=1&y=%20", "/dich-vu/tra%20c%E1%BB%A9u?x=1&y=%20"),
        ("", "/a?b#c%d", "", "/a%3Fb%23c%25d"), ("", "/a;b=1/@c:d", "", "/a;b=1/@c:d"),
        ("", "/a\r\nb\\c", "", "/a%0D%0Ab%5Cc"), ("", "/", "họ=Nguyễn Văn",
            "/?h%E1%BB%8D=Nguy%E1%BB%85n%20V%C4%83n"), ("", "//evil.vn", "", "//evil.vn"),
    ])
    def test_rebuilt(self, script_name: str, path_info: str, query: str, expected: str) -> None:
        wsgi = [text.encode().decode("latin-1") for text in (script_name, path_info, query)]
        assert local_path(*wsgi) == expected

    @pytest.mark.threat("A-170")
    @pytest.mark.parametrize("path_info", ["//evil.vn", "/\\evil.vn", "/\t/evil.vn", "/a/../b", "/%2f/evil",
        "/\u0000"])
    def test_a_path_that_must_not_be_followed_is_refused_afterwards(self, path_info: str) -> None:
        assert safe_return_to(local_path("", path_info, ""), public_url=PORTAL) is None

    @given(st.lists(st.text(alphabet="aé ễ?#&+;=@", min_size=1, max_size=6), min_size=1, max_size=3))
    def test_it_names_the_same_path_again(self, segments: list[str]) -> None:
        from urllib.parse import unquote

        path = "/" + "/".join(segments)
        rebuilt: Any = safe_return_to(local_path("", path.encode().decode("latin-1"), ""), public_url=PORTAL)
        assert unquote(urlsplit(rebuilt).path) == path
