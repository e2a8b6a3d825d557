"""From names in the ini to the plugins' ``includeme`` functions."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

GROUP = "vneid_middleware.plugins"
ALWAYS = {
    "foundation": "vneid_middleware.plugins.foundation",
    "sessions": "vneid_middleware.plugins.sessions",
    "keys": "vneid_middleware.plugins.keys",
    "audit": "vneid_middleware.plugins.audit",
    "monitoring": "vneid_middleware.plugins.monitoring",
    "forward_auth": "vneid_middleware.plugins.forward_auth",
}
"""What every portal has, as plugins like any other."""


class Plugin(NamedTuple):
    """An installed plugin."""

    name: str
    value: str
    distribution: str
    version: str


class PluginError(ValueError):
    """A plugin that the ini names can't be used; the text tells why and what to do."""


def installed() -> list[Plugin]:
    """Return all installed plugins, those whose names clash included, sorted by name."""
    return sorted({_describe(entry) for entry in entry_points(group=GROUP)})


def _describe(entry: EntryPoint) -> Plugin:
    distribution = entry.dist
    name, version = (distribution.metadata["Name"], distribution.version) if distribution else ("unknown", "")
    return Plugin(entry.name, entry.value, name, version)


def resolve(name: str) -> Callable[[Any], None]:
    """Return the ``includeme`` that a word in ``plugins`` stands for: an entry point's name, or a dotted name.

    Raises:
        PluginError: unknown, offered by two distributions, not importable, or not an ``includeme``.
    """
    candidates = [plugin for plugin in installed() if plugin.name == name]
    if len(candidates) > 1:
        owners = " and ".join(f"{plugin.distribution} {plugin.version} ({plugin.value})" for plugin in candidates)
        raise PluginError(f"the plugin {name} is offered by {owners}; uninstall all but one, or name it by its dotted name")
    if candidates:
        return _load(name, candidates[0].value)
    if "." in name or ":" in name:
        return _load(name, name)
    raise PluginError(_unknown(name))


def _load(name: str, value: str) -> Callable[[Any], None]:
    module_name, _, attribute = value.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        found = _by_attribute(module_name) if not attribute else None
        if found is None:
            raise PluginError(f"the plugin {name} can't be imported: {error}") from error
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
    except ImportError:
        return None


def _includeme(name: str, target: Any) -> Callable[[Any], None]:
    function = getattr(target, "includeme", target)
    if not callable(function) or isinstance(function, type):
        raise PluginError(f"the plugin {name} has no includeme(config) function")
    return function


def _unknown(name: str) -> str:
    names = sorted({plugin.name for plugin in installed()})
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"there is no plugin {name}; did you mean {near[0]}?"
    return f"there is no plugin {name}; installed are {', '.join(names) or 'none'}. Vendors' plugins are named as installed"


def inactive(active: Sequence[str]) -> list[str]:
    """Return the names of installed plugins that are not among ``active``."""
    return sorted({plugin.name for plugin in installed()} - set(active))
