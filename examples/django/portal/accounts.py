"""Citizens as Django users: who they are is said by the server in front, as ``REMOTE_USER`` and headers.

The headers hold UTF-8, percent-encoded. Only that server can set ``REMOTE_USER``, and the headers count only beside it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from django.contrib.auth.backends import RemoteUserBackend
from django.http import HttpRequest


class CitizenBackend(RemoteUserBackend):
    """Makes a user for each personal number that comes, and keeps the name as the server in front gives it."""

    def configure_user(self, request: HttpRequest, user: Any, created: bool = True) -> Any:
        full_name = header(request, "FULL_NAME")[:150]
        if created:
            user.set_unusable_password()
        # Vietnamese names are not cut into first and last name
        if full_name and (user.first_name, user.last_name) != (full_name, ""):
            user.first_name, user.last_name = full_name, ""
        user.save()
        return user


def header(request: HttpRequest, name: str) -> str:
    """Return what the server in front says of the signed-in citizen under ``X-VNeID-name``, or an empty string."""
    if not request.META.get("REMOTE_USER"):
        return ""
    return unquote(request.META.get(f"HTTP_X_VNEID_{name}", ""))


def birth_date(request: HttpRequest) -> str:
    """Return the citizen's birth date the Vietnamese way, as far as it is known: 17/05/1990, 05/1990 or 1990."""
    return "/".join(reversed(header(request, "BIRTH_DATE").split("-")))
