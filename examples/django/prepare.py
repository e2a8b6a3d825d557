"""What an installer does once: makes the secrets, the database and the first data. Safe to run again."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VAR = HERE / "var"
SECRETS = {"secret": 48, "django-secret": 48, "canbo-password": 9}
"""Name to random bytes. The first one is for the ini, the second one is Django's own, the last one is an officer's."""


def main() -> None:
    """Prepare the folder ``var`` beside this file."""
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
    make_papers()


def make_secret(path: Path, size: int) -> None:
    """Write a random secret that only the owner reads; leave one that is there already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(secrets.token_urlsafe(size) + "\n")


def make_papers() -> None:
    """Put the example's licences and insurance cards into the portal's database, those of the simulator's citizens alone, and
    make the key that answers and changes are signed with."""
    command = [sys.executable, str(HERE.parent / "documents" / "prepare.py"), "--rows", "0", "--secrets", str(VAR),
               "--url", f"sqlite:///{VAR / 'portal.sqlite3'}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)


if __name__ == "__main__":
    main()
