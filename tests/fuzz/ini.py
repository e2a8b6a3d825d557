"""Settings: whatever stands in the ini, there are values or problems in words, and no secret in them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from fuzz.choices import Choices
from fuzz.targets import target
from vneid_middleware.application import assemble
from vneid_middleware.paste import filter_sections, source_of
from vneid_middleware.settings import Problem, Source
from vneid_middleware.settings.reading import read_settings

SECRET, CLIENT_SECRET = "Qz7-canary-of-the-sealing-secret-0123456789", "Xk9-canary-of-the-client-secret"
BASE = {"public_url": "https://dichvucong.example.gov.vn", "secret": SECRET, "sso.client_id": "id",
        "sso.client_secret": CLIENT_SECRET}
VALUES = ("", "true", "no", "0", "-1", "900", "9" * 30, "1e3", "https://x.example/y", "http://127.0.0.1:1/", "//x", "/a /b",
          "a = b\nc = d", "/kin/* = level>=2\n* = pass", "RS256", "sqlite:///x.db", "postgresql://u:p@h/d", "env:HOME",
          "env:NOTHING", "file:nothing.pem", "127.0.0.1 10.0.0.0/8 ::1", "guide-2023", "oidc", "rsa-aes", "S256",
          "database file:audit.log",
          "level = loAS", "SELECT 1 WHERE :personal_id", "refuse", "redirect:/x", SECRET, CLIENT_SECRET, "none", "vi", "*")
FOLDER = Path(tempfile.mkdtemp(prefix="vneid-fuzz-"))
ROWS = assemble(Source({"plugins": "sso"}, here=str(FOLDER))).registrations.tables
TABLES = list(ROWS.values())
KEYS = tuple(row.name for table in TABLES for row in table.rows)
OUTSIDE = ("/dev", "/proc", "/sys", "/run")
INI = f"""[filter:vneid]
use = egg:vneid-middleware
public_url = https://x.example
secret = {SECRET}
access =
    /a = login

[pipeline:main]
pipeline = vneid portal

[server:main]
threads = 4
"""


@target(8)
def settings_read(choices: Choices) -> None:
    """Values of the tables are read, or told of with key, place and expectation."""
    raw = {} if choices.one_in(8) else dict(BASE)
    for _ in range(choices.number(5)):
        key = choices.bent(choices.pick(KEYS), 1) if choices.one_in(4) else choices.pick(KEYS)
        raw[key] = choices.bent(choices.pick((*VALUES, choices.text())), 2)
    if any(place in value for value in raw.values() for place in OUTSIDE):
        return  # devices are no files: reading one may take for ever
    threads = {"threads": choices.text(12)} if choices.one_in(4) else {}
    source = Source(raw, here=str(FOLDER), file=str(FOLDER / "portal.ini"), section="filter:vneid",
                    lines={key: number for number, key in enumerate(raw)}, server=threads, environ={"HOME": "x"})
    settings, problems = read_settings(TABLES, source, ["mobile"])
    assert all(isinstance(problem, Problem) and problem.severity in ("error", "warning") for problem in problems)
    told = "\n".join(str(problem) for problem in problems) + repr(settings) + repr(source)
    shown = [value for key, value in raw.items() if key not in ("secret", "sso.client_secret")]
    for secret in (SECRET, CLIENT_SECRET):
        if not any(secret in value for value in shown):
            assert secret not in told
            assert secret not in repr(settings.shown())
    if not any(problem.severity == "error" for problem in problems):
        assert set(settings) >= {key for key in KEYS if "*" not in key}
        assert len(settings.fingerprint()) == 64
        assert settings["secret"].reveal().splitlines()[0] != str(settings["secret"])


@target(3)
def ini_file(choices: Choices) -> None:
    """The places of keys are found in any file that PasteDeploy may be given."""
    text = choices.bent(choices.pick((INI, INI.replace("filter:vneid", "filter-app:x"), choices.text())))
    file = FOLDER / "fuzzed.ini"
    file.write_bytes(text.encode("utf-8", "surrogateescape" if choices.one_in(2) else "replace")
                     if not any("\ud800" <= letter < "\udc80" or "\udd00" <= letter <= "\udfff" for letter in text)
                     else text.encode("utf-8", "replace"))
    sections = filter_sections(str(file))
    lines = file.read_bytes().count(b"\n") + file.read_bytes().count(b"\r") + text.count("\x85") + len(text)
    for name, keys in sections.items():
        assert name.startswith(("filter:", "filter-app:"))
        assert all(0 < number <= lines + 1 for number in keys.values())
    source = source_of({"__file__": str(file)}, {"secret": SECRET})
    assert source.here == str(FOLDER)
    assert SECRET not in source.place("secret")
    assert os.path.basename(source.place("x")).startswith("fuzzed.ini")


@target(10)
def value_followed(choices: Choices) -> None:
    """``env:`` and ``file:`` give text or a ValueError."""
    value = choices.bent(choices.pick(("env:HOME", "file:no.pem", "file:~nobody/x", "file:", "env:", "x", choices.text())))
    if any(place in value for place in OUTSIDE):
        return
    try:
        text = Source({}, here=str(FOLDER), environ={"HOME": " x "}).follow(value)
    except ValueError:
        assert value.strip().startswith(("env:", "file:"))
        return
    assert text == text.strip()
    assert text == value.strip() or value.strip().startswith(("env:", "file:"))
