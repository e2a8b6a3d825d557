"""What an installer does once: makes the secrets, the database and the first data. Safe to run again."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VAR = Path(os.environ.get("PORTAL_VAR") or HERE / "var")
SECRETS = {"secret": 48, "django-secret": 48, "canbo-password": 9}
"""Name to random bytes. The first one is for the ini, the second one is Django's own, the last one is an officer's."""


def main() -> None:
    """Prepare the folder that ``PORTAL_VAR`` names, by default ``var`` beside this file."""
    VAR.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, size in SECRETS.items():
        make_secret(VAR / name, size)
    sys.path.insert(0, str(HERE))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    call_command("seed")


def make_secret(path: Path, size: int) -> None:
    """Write a random secret that only the owner reads; leave one that is there already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(secrets.token_urlsafe(size) + "\n")


if __name__ == "__main__":
    main()
