"""Refusals of the documents' endpoints: JSON, whatever is accepted, since those who call them are programs."""

from __future__ import annotations

from typing import Any

from vneid_middleware.pages import correlation_id

RETRY_AFTER = "5"
"""Seconds after which a caller may try again where something is down."""


def refusal(request: Any, code: str, status: int, request_id: str, **extra: Any) -> Any:
    """Answer with an error.

    Args:
        code: of a message.
        request_id: correlation id.
        extra: further members.
    """
    pages = request.vneid.pages
    words = pages.message(code, pages.language(request.environ))
    response = pages.json({"error": code, "message": f"{words.happened} {words.todo}", "correlation_id": request_id, **extra},
                          status)
    if status == 503:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


def other_method_view(request: Any) -> Any:
    """Answer any other method than POST."""
    response = refusal(request, "method_not_allowed", 405, correlation_id())
    response.headers["Allow"] = "POST"
    return response
