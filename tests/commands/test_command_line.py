"""The command line as a whole, ``vneid plugins`` and the refusals of ``vneid simulator``."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
COMMANDS = ("init", "serve", "check", "plugins", "simulator", "sessions", "keys")


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS), ["sessions", "x.ini", "list"],
                                   ["sessions", "x.ini", "revoke"], ["keys", "new"]])
def test_every_command_has_help(vneid: Command, words: list[str]) -> None:
    done = vneid(*words, "--help")
    assert done.code == 0
    assert done.out.startswith("usage: vneid")
    assert "show this help message" in done.out
    assert done.err == ""


def test_the_help_names_every_command(vneid: Command) -> None:
    told = vneid("--help").out
    assert [name for name in COMMANDS if f"\n    {name}" not in told] == []


@pytest.mark.parametrize("words", [[], ["chekc"], ["check"], ["serve"], ["sessions"], ["check", "--onlin=1", "x.ini"]])
def test_what_is_no_command_line_is_refused(vneid: Command, words: list[str]) -> None:
    done = vneid(*words)
    assert done.code == 2
    assert "usage: vneid" in done.err
    assert done.out == ""


def test_the_version(vneid: Command) -> None:
    from vneid_middleware import __version__

    assert vneid("--version").out == f"vneid-middleware {__version__}\n"


def test_the_installed_command_is_quiet_about_other_peoples_warnings(command: Command, ini: Callable[..., Path]) -> None:
    done = command("check", ini())
    assert done.code == 0
    assert "Warning" not in done.err


# -- plugins ----------------------------------------------------------------------------------------------------------------


def test_plugins_lists_what_is_installed(vneid: Command) -> None:
    done = vneid("plugins")
    assert done.code == 0
    assert "  sso  vneid-middleware " in done.out
    assert "always active:" in done.out
    assert "vneid_middleware.plugins.audit" in done.out


def test_plugins_of_a_file(vneid: Command, ini: Callable[..., Path]) -> None:
    done = vneid("plugins", ini())
    assert done.code == 0
    assert "active in portal.ini [filter:vneid]: sso" in done.out
    assert "vneid_middleware.plugins.sso:" in done.out


@pytest.mark.parametrize(("plugins", "expected"), [
    ("ssso", "there is no plugin ssso; did you mean sso?"),
    ("no.such.module", "can't be imported"),
    ("sso sso", "names sso twice"),
    ("json", "has no includeme"),
])
def test_plugins_that_cannot_be_used(vneid: Command, ini: Callable[..., Path], plugins: str, expected: str) -> None:
    path = ini({"plugins": plugins})
    for name in ("plugins", "check"):
        done = vneid(name, path)
        assert done.code == 1
        assert expected in done.err
        assert "Traceback" not in done.all


# -- simulator --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.gov.vn", ""])
def test_the_simulator_stays_on_this_machine(vneid: Command, host: str) -> None:
    done = vneid("simulator", "--host", host)
    assert done.code == 2
    assert "--allow-non-loopback" in done.err
    assert done.out == ""


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_there_is_not(vneid: Command, port: str) -> None:
    done = vneid("simulator", "--port", port)
    assert done.code in (1, 2)
    assert "port" in done.err
    assert "Traceback" not in done.all


def test_a_port_that_is_taken(command: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = command("simulator", "--port", port)
    assert done.code == 1
    assert f"port {port} can't be used: Address already in use. Choose another one with --port." in done.err
    assert done.out == ""
