"""Where a browser goes afterwards: by the URL standard that browsers follow (WHATWG, read by ada) never off the portal."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes, urlsplit

import ada_url

from fuzz.choices import Choices
from fuzz.targets import target
from vneid_middleware.core.redirects import local_path, safe_return_to, split_return_to

PORTALS = ("https://dichvucong.example.gov.vn", "https://dichvucong.example.gov.vn/mot-cua", "http://127.0.0.1:6543/a/b")
VALUES = ("/", "/ho-so/1?x=1#y", "/mot-cua/ho-so", "/a/b/c?d=/e", "//evil.example", "/\\evil.example", "/%2f%2fevil.example",
          "/..//evil.example", "https://evil.example", "/%2e%2e/x", "/x?next=//evil.example", "/tra-c%E1%BB%A9u", "/a/b")


@target(60)
def return_to(choices: Choices) -> None:
    """What is let through stays on the portal and under its mount, as it stands and as often as somebody decodes it."""
    portal = choices.pick(PORTALS)
    value = choices.bent(choices.pick((*VALUES, choices.text())))
    safe = safe_return_to(value, public_url=portal)
    if safe is None:
        return
    assert len(value) <= 2_048
    home = ada_url.URL(portal)
    mount = urlsplit(portal).path
    assert safe.startswith(home.origin + mount)
    path = safe.removeprefix(home.origin)
    for text in (path, unquote(path), unquote(unquote(path)), unquote(unquote(unquote(path)))):
        for base in (None, portal, portal + "/trang/1?x"):
            seen = ada_url.URL(text, base=base) if base else ada_url.URL(home.origin + text)
            assert seen.origin == home.origin
            assert not seen.username
            assert seen.pathname == mount or seen.pathname.startswith(mount + "/"), "it leaves the mount"
            assert "//" not in seen.pathname
    assert ada_url.URL(safe).href == ada_url.URL(path, base=portal).href
    assert urlsplit(safe).netloc == urlsplit(portal).netloc
    assert all("\x21" <= letter <= "\x7e" for letter in safe)
    if len(path) <= 2_048:
        assert safe_return_to(path, public_url=portal) == safe


@target(40)
def return_to_query(choices: Choices) -> None:
    """``return_to`` is found in a query once, whole, and leaves the rest alone."""
    value = choices.bent(choices.pick((*VALUES, choices.latin())), 2)
    queries = (f"return_to={quote(value, safe='', errors='replace')}&level=2", f"level=2&return_to={value}", value,
               f"re%74urn_to={value}&a=b", f"a=b&return_to={value}&return_to=x")
    place = choices.number(4)
    query = queries[place] if place == 0 else choices.bent(queries[place], 2)
    try:
        found, rest = split_return_to(query)
    except ValueError as error:
        assert isinstance(error, UnicodeEncodeError) or "more than once" in str(error)
        return
    names = [name for name, _ in parse_qsl(rest, keep_blank_values=True, max_num_fields=100_000)]
    assert "return_to" not in names
    if place == 0:
        assert rest == "level=2"
        assert found is not None
        assert unquote(found) == unquote(unquote(quote(value, safe="", errors="replace")))
    if found is not None:
        assert all("\x21" <= letter <= "\x7e" for letter in found)


@target(15)
def own_path(choices: Choices) -> None:
    """The path of a request comes back byte for byte, and is one that the guard looks at as such."""
    script, path, query = "/mot-cua" if choices.one_in(2) else "", "/" + choices.latin(60), choices.latin(60)
    text = local_path(script, path, query)
    assert all("\x21" <= letter <= "\x7e" for letter in text)
    there, _, asked = text.partition("?")
    assert unquote_to_bytes(there).decode("latin-1") == script + path
    assert unquote_to_bytes(asked) == unquote_to_bytes(query.encode("latin-1"))
    assert safe_return_to(text, public_url=PORTALS[0]) in (None, PORTALS[0] + text)
