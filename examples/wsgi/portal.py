"""The smallest portal: one plain WSGI callable that greets whoever the server says is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any
from urllib.parse import quote

PAGE = """<!doctype html>
<html lang="vi">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ font: 18px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }}
dt {{ font-weight: 700 }} dd {{ margin: 0 0 .6rem; overflow-wrap: anywhere }}</style>
<h1>{title}</h1>
{body}
</html>
"""
FIELDS = {"full_name": "Họ và tên", "personal_id": "Số định danh cá nhân", "birth_date": "Ngày sinh",
          "level": "Mức độ định danh"}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve the home page ``/`` to everybody and ``/rieng-tu`` to whoever is signed in."""
    base = quote(environ.get("SCRIPT_NAME", "").encode("latin-1"))
    home_link = f'<p><a href="{base}/">Trang chủ</a></p>'
    path = environ.get("PATH_INFO", "")
    user = environ.get("REMOTE_USER", "")
    if path in ("", "/"):
        return _answer(start_response, "200 OK", *_home(environ, user, base))
    if path != "/rieng-tu":
        return _answer(start_response, "404 Not Found", "Không tìm thấy trang", home_link)
    if not user:
        return _answer(start_response, "401 Unauthorized", "Bạn chưa đăng nhập", "<p>Trang này cần đăng nhập.</p>")
    return _answer(start_response, "200 OK", "Trang riêng tư", _details(environ) + home_link)


def _home(environ: dict[str, Any], user: str, base: str) -> tuple[str, str]:
    if not user:
        return "Xin chào", f'<p>Bạn chưa đăng nhập.</p><p><a href="{base}/rieng-tu">Đăng nhập</a></p>'
    identity = environ.get("vneid.identity")
    name = getattr(identity, "full_name", "") or user
    return f"Xin chào, {escape(name)}", (
        f'<p><a href="{base}/rieng-tu">Trang riêng tư</a></p>'
        f'<form method="post" action="{base}/dang-xuat"><button>Đăng xuất</button></form>')


def _details(environ: dict[str, Any]) -> str:
    identity = environ.get("vneid.identity")
    if identity is None:
        return f"<p>Người dùng: {escape(environ['REMOTE_USER'])}</p>"
    rows = (f"<dt>{label}</dt><dd>{escape(str(getattr(identity, name)))}</dd>"
            for name, label in FIELDS.items() if getattr(identity, name, None) is not None)
    return f"<dl>{''.join(rows)}</dl>"


def _answer(start_response: Callable[..., Any], status: str, title: str, body: str) -> Iterable[bytes]:
    page = PAGE.format(title=title, body=body).encode()
    start_response(status, [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(page))),
                            ("Cache-Control", "no-store")])
    return [page]
