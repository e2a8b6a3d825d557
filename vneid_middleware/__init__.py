"""Speak VNeID in front of any Python portal, by configuration alone.

``egg:vneid-middleware`` in a PasteDeploy ini is the usual way in; :func:`make_filter` is the same in Python. Importing
this package loads nothing heavy: all work is done when a filter is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["__version__", "make_filter"]
__version__ = "0.1.0"

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def make_filter(settings: Mapping[str, str]) -> Callable[[WSGIApplication], WSGIApplication]:
    """Return a function that wraps a WSGI application.

    Args:
        settings: the keys of the ini's filter section, dotted, with the values as text. There is no ini here, so file
            names in it are absolute.

    Returns:
        ``filter(app)``, whose result is a WSGI application; ``app`` itself when ``enabled`` is false.

    Raises:
        vneid_middleware.exceptions.ConfigurationError: with every problem at once.
    """
    from vneid_middleware.paste import make_filter as make

    return make(settings)
