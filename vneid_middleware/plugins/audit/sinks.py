"""Audit sinks: the database, a file of JSON lines, syslog."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from zope.interface import implementer

from vneid_middleware.exceptions import AuditError, StorageError
from vneid_middleware.interfaces import IAuditSink, IAuditSinkFactory

_SYSLOG_PRIORITY = 10 * 8 + 5
"""Facility authpriv, severity notice (RFC 5424 section 6.2.1)."""


def _line(record: Mapping[str, Any]) -> str:
    # ASCII only: no control character, line separator or text direction mark of an attacker's reaches a reader raw
    return json.dumps(record, ensure_ascii=True, separators=(",", ":"))


@implementer(IAuditSink)
class DatabaseSink:
    """Records in the table ``vneid_audit`` of ``storage``.

    Args:
        storage: the middleware's storage.
        retention: days that a record is kept.
    """

    def __init__(self, storage: Any, retention: int) -> None:
        self._storage = storage
        self._retention = timedelta(days=retention)

    def write(self, record: Mapping[str, Any]) -> None:
        from vneid_middleware.storage import audit

        try:
            with self._storage.begin() as connection:
                audit.append(connection, time=record["time"], event=record["event"], outcome=record["outcome"],
                             record=_line(record), oldest=self._oldest(record["time"]))
        except StorageError as error:
            raise AuditError("audit_unavailable", f"database: {error.detail}") from error

    def _oldest(self, time: str) -> str:
        # by the record's own time, whose form sorts as text
        return (datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%f%z") - self._retention).strftime("%Y-%m-%dT%H:%M:%S")

    def check(self) -> None:
        try:
            self._storage.check()
        except StorageError as error:
            raise AuditError("audit_unavailable", f"database: {error.detail}") from error


@implementer(IAuditSink)
class FileSink:
    """One JSON object a line. The file is opened for each record, so that it can be rotated at any time."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def write(self, record: Mapping[str, Any]) -> None:
        data = (_line(record) + "\n").encode("ascii")
        try:
            handle = self._open()
            try:
                # one write call, so that lines of several processes never mix; short writes mean a full disk
                if os.write(handle, data) != len(data):
                    raise OSError(28, "No space left on device")
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise AuditError("audit_unavailable", f"file: {error.strerror}") from error

    def check(self) -> None:
        try:
            os.close(self._open())
        except OSError as error:
            raise AuditError("audit_unavailable", f"file: {error.strerror}") from error

    def _open(self) -> int:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


@implementer(IAuditSink)
class SyslogSink:
    """RFC 5424 messages over UDP. UDP tells nobody what is lost: use it beside another sink."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._host = socket.gethostname() or "-"

    def write(self, record: Mapping[str, Any]) -> None:
        message = (f"<{_SYSLOG_PRIORITY}>1 {record['time']} {self._host} vneid-middleware {os.getpid()} "
                   f"{record['event']} - {_line(record)}")
        try:
            with self._socket() as connection:
                connection.send(message.encode("ascii", "replace"))
        except OSError as error:
            raise AuditError("audit_unavailable", f"syslog: {error.strerror or 'unknown host'}") from error

    def check(self) -> None:
        try:
            self._socket().close()
        except OSError as error:
            raise AuditError("audit_unavailable", f"syslog: {error.strerror or 'unknown host'}") from error

    def _socket(self) -> socket.socket:
        family, kind, protocol, _, address = socket.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)[0]
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(2)
        connection.connect(address)
        return connection


@implementer(IAuditSinkFactory)
class DatabaseSinks:
    """Makes database sinks."""

    def __call__(self, argument: str, services: Any) -> DatabaseSink:
        if argument:
            raise ValueError("the sink database takes no argument; it writes to storage")
        return DatabaseSink(services.storage, services.settings["audit.retention_days"])


@implementer(IAuditSinkFactory)
class FileSinks:
    """Makes file sinks."""

    def __call__(self, argument: str, services: Any) -> FileSink:
        if not argument:
            raise ValueError("the sink file needs a path: file:var/audit.jsonl")
        return FileSink(argument)


@implementer(IAuditSinkFactory)
class SyslogSinks:
    """Makes syslog sinks."""

    def __call__(self, argument: str, services: Any) -> SyslogSink:
        host, colon, port = argument.rpartition(":")
        if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError("the sink syslog needs host and port: syslog:log.example.gov.vn:514")
        return SyslogSink(host.strip("[]"), int(port))
