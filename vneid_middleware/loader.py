"""From names in the ini to the plugins' ``includeme`` functions."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import traceback
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from vneid_middleware.exceptions import ConfigurationError

GROUP = "vneid_middleware.plugins"
ALWAYS = {
    "foundation": "vneid_middleware.plugins.foundation",
    "sessions": "vneid_middleware.plugins.sessions",
    "forms": "vneid_middleware.plugins.forms",
    "keys": "vneid_middleware.plugins.keys",
    "audit": "vneid_middleware.plugins.audit",
    "monitoring": "vneid_middleware.plugins.monitoring",
    "forward_auth": "vneid_middleware.plugins.forward_auth",
    "transports": "vneid_middleware.plugins.transports",
    "personal_data": "vneid_middleware.plugins.personal_data",
}
"""What every portal has, as plugins like any other."""


_NOT_FOREIGN = frozenset({"vneid_middleware", "pyramid", "zope", "importlib", "contextlib"})
"""Packages whose lines are not what a plugin's author looks for."""


class Plugin(NamedTuple):
    """An installed plugin."""

    name: str
    value: str
    distribution: str
    version: str


class PluginError(ValueError):
    """A plugin that the ini names can't be used; the text tells why and what to do."""


def installed() -> list[Plugin]:
    """Return all installed plugins, those whose names clash included, sorted by name. Looks into each distribution."""
    return sorted({_describe(entry) for entry in entry_points(group=GROUP)})


def _describe(entry: EntryPoint) -> Plugin:
    distribution = entry.dist
    name, version = (distribution.metadata["Name"], distribution.version) if distribution else ("unknown", "")
    return Plugin(entry.name, entry.value, name, version)


def resolve(name: str, plugins: Sequence[Plugin]) -> Callable[[Any], None]:
    """Return the ``includeme`` that a word in ``plugins`` stands for: an entry point's name, or a dotted name.

    Args:
        name: the word.
        plugins: what is :func:`installed`.

    Returns:
        the function; whatever it raises comes out as a :class:`PluginError` that names the plugin.

    Raises:
        PluginError: unknown, offered by two distributions, not importable, or not an ``includeme``.
    """
    candidates = [plugin for plugin in plugins if plugin.name == name]
    if len(candidates) > 1:
        owners = " and ".join(f"{plugin.distribution} {plugin.version} ({plugin.value})" for plugin in candidates)
        raise PluginError(f"the plugin {name} is offered by {owners}; uninstall all but one, or name it by its dotted name")
    if candidates:
        return _load(name, candidates[0].value)
    if "." in name or ":" in name or _is_module(name):
        return _load(name, name)
    raise PluginError(_unknown(name, plugins))


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:
        return False


def _load(name: str, value: str) -> Callable[[Any], None]:
    # an entry point may name extras after its object
    module_name, _, attribute = value.partition("[")[0].strip().partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        found = _by_attribute(module_name) if isinstance(error, ImportError) and not attribute else None
        if found is None:
            raise PluginError(f"the plugin {name} can't be imported: {told(error)}") from error
        return _includeme(name, found)
    target: Any = module
    for part in attribute.split(".") if attribute else ():
        if not hasattr(target, part):
            raise PluginError(f"the plugin {name} can't be imported: {module_name} has no {attribute}")
        target = getattr(target, part)
    return _includeme(name, target)


def _by_attribute(dotted: str) -> Any:
    module_name, _, attribute = dotted.rpartition(".")
    if not module_name:
        return None
    try:
        return getattr(importlib.import_module(module_name), attribute, None)
    except Exception:
        return None


def _includeme(name: str, target: Any) -> Callable[[Any], None]:
    function = getattr(target, "includeme", target)
    if not callable(function) or isinstance(function, type):
        raise PluginError(f"the plugin {name} has no includeme(config) function")
    return _named(name, function)


def _named(name: str, function: Callable[[Any], None]) -> Callable[[Any], None]:
    # Pyramid knows an includeme by its module and name: a plugin that comes in by two ways must be one to it
    @wraps(function)
    def includeme(config: Any) -> None:
        try:
            function(config)
        except ConfigurationError:
            raise
        except Exception as error:
            raise PluginError(f"the plugin {name} fails in its includeme: {told(error)}") from error

    includeme.__name__ = getattr(function, "__name__", "includeme")
    return includeme


def told(error: Exception) -> str:
    """Return what an exception of foreign code says, and where it comes from."""
    words = " ".join(str(error).split())[:200]
    told = words if isinstance(error, ImportError) else f"{type(error).__name__}: {words}".removesuffix(": ")
    foreign = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)
               if frame.f_globals.get("__name__", "").partition(".")[0] not in _NOT_FOREIGN]
    return f"{told} ({foreign[-1][0]}, line {foreign[-1][1]})" if foreign else told


def _unknown(name: str, plugins: Sequence[Plugin]) -> str:
    names = sorted({plugin.name for plugin in plugins})
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"there is no plugin {name}; did you mean {near[0]}?"
    return f"there is no plugin {name}; installed are {', '.join(names) or 'none'}"


def inactive(active: Sequence[str], plugins: Sequence[Plugin]) -> list[str]:
    """Return the names of installed plugins that are not among ``active``."""
    return sorted({plugin.name for plugin in plugins} - set(active))
