"""A plugin with a document provider that does what a test tells it to."""

from __future__ import annotations

import threading
from typing import Any

from zope.interface import implementer

from vneid_middleware.interfaces import IDocumentProvider, IDocumentProviderFactory
from vneid_middleware.models import FoundDocument


@implementer(IDocumentProvider, IDocumentProviderFactory)
class Scripted:
    """``answer`` is called with the question; ``gate`` holds it up until it is open."""

    required = optional = ()

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.gate = threading.Event()
        self.reset()

    def reset(self) -> None:
        self.answer: Any = lambda request: FoundDocument("ok", {"number": "1"})
        self.asked.clear()
        self.gate.set()

    def __call__(self, kind: str, services: Any) -> Any:
        return self

    def find(self, request: Any) -> Any:
        self.asked.append(request)
        answer, gate = self.answer, self.gate
        gate.wait(30)
        return answer(request)

    def current(self, personal_id: str, document_id: str) -> Any:
        return None

    def check(self) -> None:
        """Always well."""


SCRIPTED = Scripted()


def includeme(config: Any) -> None:
    config.add_vneid_document_provider("scripted", SCRIPTED)
