"""The administration as an installed application."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class PortalAdminConfig(AdminConfig):
    """Puts the portal's own administration in the place of Django's."""

    default_site = "portal.administration.PortalAdminSite"
