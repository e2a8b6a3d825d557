"""The dossiers as an installed application."""

from __future__ import annotations

from django.apps import AppConfig


class DossiersConfig(AppConfig):
    """Names the application in the administration."""

    name = "dossiers"
    verbose_name = "Hồ sơ dịch vụ công"
