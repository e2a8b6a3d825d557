"""Documents: VNeID pulls them, and changes go to VNeID (the guide's part B). See docs/administrator.md."""

from __future__ import annotations

from typing import Any

from vneid_middleware.directives import check_implementation
from vneid_middleware.interfaces import IDocumentProvider


class Documents:
    """The document providers of the ini, made once.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        settings = services.settings
        kinds = sorted({key.split(".")[1] for key in settings if key.startswith("documents.") and key.endswith(".provider")})
        self._providers: dict[str, Any] = {}
        for kind in kinds:
            name = settings[f"documents.{kind}.provider"]
            made = self._providers[kind] = services.roles["document_provider", name](kind, services)
            check_implementation(IDocumentProvider, made, f"documents.{kind}.provider = {name}")

    def kinds(self) -> list[str]:
        """Return the kinds of document that this portal has, sorted."""
        return sorted(self._providers)

    def provider(self, kind: str) -> Any:
        """Return the :class:`vneid_middleware.interfaces.IDocumentProvider` of a kind; ``KeyError`` where there is none."""
        return self._providers[kind]


def includeme(config: Any) -> None:
    """Offer the portal's documents to VNeID."""
    config.add_vneid_component("documents", Documents)
