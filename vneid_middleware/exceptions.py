"""Errors of the middleware: each carries a stable code and evidence, never a secret or personal data."""

from __future__ import annotations

from typing import Any


class VNeIDError(Exception):
    """Base of all errors raised here.

    Args:
        code: stable, machine-readable word such as ``state_mismatch``; goes to audit records and JSON answers.
        detail: one sentence for the operator's log. Never holds a secret, a token or a citizen's data.
        evidence: further facts for the operator (numbers, names of claims), with the same restriction.
    """

    def __init__(self, code: str, detail: str = "", **evidence: Any) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.evidence = evidence


class ConfigurationError(VNeIDError):
    """The configuration can't be used; ``problems`` lists everything that is wrong with it at once.

    Args:
        problems: the :class:`vneid_middleware.settings.Problem` objects, or other objects with a readable ``str``.
    """

    def __init__(self, problems: Any) -> None:
        self.problems = list(problems)
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__("configuration", f"{count} {noun} in the configuration:\n{lines}")


class SealError(VNeIDError):
    """A sealed value was not made by us for this purpose, or was altered."""


class LoginError(VNeIDError):
    """A login ends without a session; ``code`` names the page the citizen sees.

    Args:
        status: the HTTP status of that page.
    """

    def __init__(self, code: str, detail: str = "", *, status: int, **evidence: Any) -> None:
        super().__init__(code, detail, **evidence)
        self.status = status


class UpstreamError(VNeIDError):
    """A call to the provider or a platform failed.

    Codes: ``timeout``, ``connection``, ``tls``, ``too_large``, ``redirect``, ``malformed``, ``status``, ``busy``; and
    ``platform``, where an exchange platform answered in the service's place (evidence ``status``, ``platform_code``).
    """


class StorageError(VNeIDError):
    """``storage`` can't be read or written now."""


class AuditError(VNeIDError):
    """An audit record could not be written: what it would have told must not go on."""
