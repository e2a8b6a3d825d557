"""A small Flask portal: a citizen's applications. It trusts ``REMOTE_USER``, as set by the server in front."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import unquote

from flask import Flask, abort, redirect, render_template, request, session, url_for

KINDS = ("Cấp giấy phép xây dựng nhà ở", "Đăng ký khai sinh", "Xác nhận tình trạng hôn nhân")

app = Flask(__name__)
app.config.update(SECRET_KEY=secrets.token_bytes(32), SESSION_COOKIE_NAME="portal", SESSION_COOKIE_SAMESITE="Lax",
                  MAX_CONTENT_LENGTH=64 * 1024)
applications: dict[str, list[dict[str, str]]] = {}
"""By citizen. A real portal has a database; this one forgets when it stops."""


def login_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """Answer 401 to whoever is not signed in."""
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not user():
            abort(401)
        return view(*args, **kwargs)
    return guarded


def user() -> str:
    """Return who is signed in, or an empty string."""
    return request.environ.get("REMOTE_USER", "")


@app.context_processor
def person() -> dict[str, str]:
    """Give every page the signed-in citizen's name."""
    return {"user": user(), "name": unquote(request.headers.get("X-VNeID-Full-Name", "")) if user() else ""}


@app.get("/")
def home() -> str:
    return render_template("home.html", kinds=KINDS)


@app.get("/don")
@login_required
def list_applications() -> str:
    session.setdefault("csrf", secrets.token_urlsafe())
    return render_template("applications.html", kinds=KINDS, applications=applications.get(user(), []))


@app.post("/don")
@login_required
def submit() -> Any:
    sent, expected = request.form.get("csrf", ""), session.get("csrf", "")
    kind = request.form.get("kind", "")
    if not expected or not secrets.compare_digest(sent.encode(), expected.encode()) or kind not in KINDS:
        abort(400)
    applications.setdefault(user(), []).append({"kind": kind, "on": time.strftime("%d/%m/%Y")})
    return redirect(url_for("list_applications"), 303)


@app.post("/dang-xuat")
def logout() -> Any:
    session.clear()
    return redirect(url_for("home"), 303)


@app.errorhandler(401)
def unauthorized(error: Any) -> tuple[str, int]:
    return render_template("unauthorized.html"), 401
