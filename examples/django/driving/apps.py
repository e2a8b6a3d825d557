"""The register as an installed application."""

from __future__ import annotations

from django.apps import AppConfig


class DrivingConfig(AppConfig):
    """Names the application."""

    name = "driving"
    verbose_name = "Giấy phép lái xe"
