"""A small Pyramid portal whose security policy takes the user from ``REMOTE_USER``, as set by the server in front."""

from __future__ import annotations

from html import escape
from typing import Any

from pyramid.authorization import ACLHelper, Allow, Authenticated, Everyone
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPForbidden, HTTPSeeOther, HTTPUnauthorized
from pyramid.response import Response

PAGE = """<!doctype html>
<html lang="vi">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ font: 18px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }}</style>
<h1>{title}</h1>
{body}
</html>
"""


class Root:
    """Everybody may read the home page; the rest needs somebody signed in."""

    __acl__ = ((Allow, Everyone, "read"), (Allow, Authenticated, "apply"))

    def __init__(self, request: Any) -> None:
        self.request = request


class RemoteUserPolicy:
    """A security policy over ``REMOTE_USER``."""

    def identity(self, request: Any) -> str | None:
        return request.remote_user or None

    authenticated_userid = identity

    def permits(self, request: Any, context: Any, permission: str) -> Any:
        user = self.identity(request)
        return ACLHelper().permits(context, [Everyone, *([Authenticated, user] if user else [])], permission)

    def remember(self, request: Any, userid: str, **kw: Any) -> list[tuple[str, str]]:
        return []

    def forget(self, request: Any, **kw: Any) -> list[tuple[str, str]]:
        return []


def home(request: Any) -> Response:
    user = request.authenticated_userid
    if user is None:
        return _page("Xin chào", f'<p><a href="{_href(request, "login")}">Đăng nhập</a></p>')
    return _page(f"Xin chào, {user}", f'<p><a href="{_href(request, "papers")}">Giấy tờ của tôi</a></p>'
                 f'<form method="post" action="{_href(request, "logout")}"><button>Đăng xuất</button></form>')


def papers(request: Any) -> Response:
    return _page("Giấy tờ của tôi", f"<p>Số định danh cá nhân: {escape(request.authenticated_userid)}</p>"
                 f'<p>Bạn chưa có giấy tờ nào.</p><p><a href="{_href(request, "home")}">Trang chủ</a></p>')


def login(request: Any) -> Response:
    if request.authenticated_userid is None:
        raise HTTPUnauthorized
    return HTTPSeeOther(request.route_path("papers"))


def logout(request: Any) -> Response:
    return HTTPSeeOther(request.route_path("home"))


def refuse(request: Any) -> Response:
    """Tell whoever is not signed in from whoever may not."""
    return HTTPForbidden() if request.authenticated_userid else HTTPUnauthorized()


def _href(request: Any, route: str) -> str:
    return escape(request.route_path(route))


def _page(title: str, body: str) -> Response:
    response = Response(PAGE.format(title=escape(title), body=body))
    response.cache_control.no_store = True
    return response


def make_application() -> Any:
    """Return the WSGI callable."""
    with Configurator(root_factory=Root, security_policy=RemoteUserPolicy()) as config:
        config.add_forbidden_view(refuse)
        for name, path, view, permission in (("home", "/", home, "read"), ("papers", "/giay-to", papers, "apply"),
                                             ("login", "/login", login, "read"), ("logout", "/logout", logout, "read")):
            config.add_route(name, path)
            config.add_view(view, route_name=name, permission=permission)
        return config.make_wsgi_app()


application = make_application()
