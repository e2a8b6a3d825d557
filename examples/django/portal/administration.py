"""The officers' side."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse


class PortalAdminSite(admin.AdminSite):
    """Django's administration with the portal's own sign-in in place of a second password form."""

    site_header = "Cổng Dịch vụ công tỉnh An Bình"
    site_title = "Quản trị Cổng Dịch vụ công"
    index_title = "Tiếp nhận và xử lý hồ sơ"

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Send an anonymous visitor to sign in; somebody who is signed in and no officer has no business here."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or reverse("admin:index", current_app=self.name))
