"""Commands of ``vneid`` in processes of their own that need not import it first, which takes longer than most tests: they are
forked by a server that has imported everything and opened nothing."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
import weakref
from collections.abc import Mapping
from pathlib import Path
from pkgutil import walk_packages
from typing import NoReturn

import vneid_middleware

_server = multiprocessing.get_context("forkserver")
# those of wsgi, __main__ and the migrations do something when they are imported
_server.set_forkserver_preload([module.name for module in walk_packages(vneid_middleware.__path__, "vneid_middleware.")
                                if not re.search(r"wsgi$|__main__$|migrations", module.name)]
                               + ["alembic.command", "psycopg", "sqlalchemy.dialects.postgresql.psycopg", "waitress"])


class Process:
    """One that runs.

    Args:
        words: what stands behind ``vneid``.
        before: Python to run first; ``os``, ``sys`` and ``time`` are there.
        stdin: a terminal to read from.
        stderr: a terminal to complain to; ``out``: it complains where it prints.
    """

    def __init__(self, *words: object, before: str = "", stdin: str = os.devnull, stderr: str = "err") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="vneid-process-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        streams = [str(self._folder / name) for name in (stdin, "out", stderr)]
        self._process = _server.Process(target=_be, args=(list(map(str, words)), before, streams, dict(os.environ)))
        self._process.start()

    @property
    def out(self) -> str:
        """What it printed so far."""
        return self._read("out")

    @property
    def err(self) -> str:
        """What it complained of so far."""
        return self._read("err")

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, that of a process that was killed is negative; None while it runs."""
        return self._process.exitcode

    def _read(self, name: str) -> str:
        file = self._folder / name
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self._process.exitcode is None and self._process.pid:
            os.kill(self._process.pid, number)

    def terminate(self) -> None:
        """Tell it to end."""
        self.send_signal(signal.SIGTERM)

    def wait(self, timeout: float = 60) -> int:
        """Return the exit code.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(["vneid"], timeout, self.out, self.err)
        return self._process.exitcode

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """Wait for its end and return what it printed and what it complained of."""
        self.wait(timeout)
        return self.out, self.err

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        self.send_signal(signal.SIGKILL)
        self._process.join()


def _be(words: list[str], before: str, streams: list[str], environ: Mapping[str, str]) -> NoReturn:
    ended = 1
    try:
        for place, path in enumerate(streams):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND if place else os.O_RDONLY
            opened = os.open(path, flags | os.O_NOCTTY, 0o600)
            os.dup2(opened, place)
            os.close(opened)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(place, mode, buffering=1, encoding="utf-8", closefd=False)
                                             for place, mode in ((0, "r"), (1, "w"), (2, "w")))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        warnings.simplefilter("ignore")
        os.environ.clear()
        os.environ.update(environ)
        sys.argv = ["vneid", *words]
        exec("import os, sys, time\n" + before + "\nfrom vneid_middleware.cli import main\nsys.exit(main(sys.argv[1:]))",
             {"__name__": "__main__"})
    except SystemExit as stop:
        ended = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(ended)
