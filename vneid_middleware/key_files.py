"""Settings that name files with the portal's own private keys."""

from __future__ import annotations

from pathlib import Path

from vneid_middleware.converters import existing_file
from vneid_middleware.core.keys import load_private_key
from vneid_middleware.settings import Source


def private_keys(value: str, source: Source) -> tuple[str, ...]:
    """The names of files with a private key each (PEM or JWK), one a line: the newest first, then those being replaced."""
    names = tuple(existing_file(line, source) for line in value.splitlines() if line.strip())
    if not names:
        raise ValueError("must name a PEM file")
    if len(set(names)) != len(names):
        raise ValueError("names a file twice")
    for name in names:
        load_private_key(Path(name).read_bytes())
    return names


private_keys.keeps_file = True  # type: ignore[attr-defined]
