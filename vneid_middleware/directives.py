"""The directives a plugin calls from its ``includeme``: ``config.add_vneid_…``.

Each verifies what it is given and is an action of Pyramid's Configurator, so that two plugins that claim the same name are
reported with both places, and a plugin that is included twice does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from zope.interface import Interface
from zope.interface.exceptions import BrokenImplementation, BrokenMethodImplementation, DoesNotImplement, Invalid
from zope.interface.interface import Method
from zope.interface.verify import verifyObject

from vneid_middleware import interfaces
from vneid_middleware.converters import choice
from vneid_middleware.exceptions import ConfigurationError
from vneid_middleware.loader import told
from vneid_middleware.settings import Problem, Settings, SettingsTable

ROLES: Mapping[str, Any] = {
    "session_store": interfaces.ISessionStore,
    "bearer_sessions": interfaces.IBearerSessions,
    "key_provider": interfaces.IKeyProvider,
    "audit_sink": interfaces.IAuditSinkFactory,
    "response_decoder": interfaces.IResponseDecoder,
    "claims_mapper": interfaces.IClaimsMapper,
    "profile": interfaces.IProviderProfile,
    "transport": interfaces.ITransportFactory,
    "operator_policy": interfaces.IOperatorPolicy,
    "document_provider": interfaces.IDocumentProviderFactory,
    "readiness": interfaces.IReadinessCheck,
    "gauges": interfaces.IGauges,
    "personal_data": interfaces.IPersonalData,
}
"""Role to interface; ``config.add_vneid_ROLE(name, implementation)`` for each."""
OPTIONAL = (interfaces.IProvisioned, interfaces.ITrial, interfaces.IOnlineCheck, interfaces.ISettingsCheck)
"""What an implementation or a component may declare beside its role."""


class IImplementation(Interface):
    """Registration marker: the utility's name is ``role:name``."""


@dataclass
class Registrations:
    """What the plugins gave, in the order of their inclusion. Read-only after ``commit()``."""

    tables: dict[str, SettingsTable] = field(default_factory=dict)
    roles: dict[tuple[str, str], Any] = field(default_factory=dict)
    components: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    messages: dict[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    provided: dict[str, list[str]] = field(default_factory=dict)

    def implementations(self, role: str) -> dict[str, Any]:
        """Return name to implementation of one role."""
        return {name: item for (kind, name), item in self.roles.items() if kind == role}


def unknown_implementation(settings: Settings, key: str, known: Iterable[str]) -> list[Problem]:
    """Return a problem when a setting names an implementation that no active plugin offers."""
    if settings[key] in known:
        return []
    return [settings.problem(key, f"must be {choice(sorted(known))}",
                             "If it is a vendor's, name the vendor's plugin in plugins.")]


def includeme(config: Any) -> None:
    """Add the directives to a Configurator."""
    config.registry["vneid.registrations"] = Registrations()
    for role in ROLES:
        config.add_directive(f"add_vneid_{role}", _role_directive(role))
    config.add_directive("add_vneid_settings", add_vneid_settings)
    config.add_directive("add_vneid_component", add_vneid_component)
    config.add_directive("add_vneid_messages", add_vneid_messages)


def _role_directive(role: str) -> Callable[..., None]:
    def directive(config: Any, name: str, implementation: Any) -> None:
        implementation = config.maybe_dotted(implementation)
        check_implementation(ROLES[role], implementation, f"add_vneid_{role}({name!r}, …)")

        def register() -> None:
            config.registry.registerUtility(implementation, IImplementation, name=f"{role}:{name}")
            registrations = config.registry["vneid.registrations"]
            registrations.roles[role, name] = implementation
            _note(config, f"{role} {name}")

        config.action(("vneid", role, name), register)

    directive.__name__ = f"add_vneid_{role}"
    directive.__doc__ = f"""Offer an implementation of the role ``{role}`` under ``name``.

    Args:
        name: what the ini names it by.
        implementation: an object (or its dotted name) that provides ``{ROLES[role].__name__}``.

    Raises:
        ConfigurationError: the object does not fulfil the interface; every missing or wrong method is named.
    """
    return directive


def add_vneid_settings(config: Any, table: SettingsTable) -> None:
    """Declare the settings of a plugin.

    Args:
        table: its rows and rules; the name of each row begins with the plugin's own name and a dot.
    """
    if not isinstance(table, SettingsTable):
        raise ConfigurationError([f"add_vneid_settings takes a SettingsTable, not {type(table).__name__}"])
    registrations: Registrations = config.registry["vneid.registrations"]
    for row in table.rows:
        config.action(("vneid", "setting", row.name), None)

    def register() -> None:
        registrations.tables[table.plugin] = table
        _note(config, *(f"setting {row.name}" for row in table.rows))

    config.action(("vneid", "settings", table.plugin), register)


def add_vneid_component(config: Any, name: str, factory: Callable[[Any], Any]) -> None:
    """Declare an object that the plugin's own views share.

    Args:
        name: views find it as ``request.vneid[name]``.
        factory: called once with the :class:`vneid_middleware.services.Services`, after all settings were read and all
            roles were provisioned. Must not do any input or output.
    """
    factory = config.maybe_dotted(factory)
    registrations: Registrations = config.registry["vneid.registrations"]

    def make(services: Any) -> Any:
        what = f"the component {name} of {config.package_name}"
        with as_problem(what):
            made = factory(services)
        check_optional(made, what)
        return made

    config.action(("vneid", "component", name), lambda: registrations.components.__setitem__(name, make))


def add_vneid_messages(config: Any, plugin: str, messages: Mapping[str, Mapping[str, Any]]) -> None:
    """Declare the words of a plugin's pages.

    Args:
        plugin: the plugin's name.
        messages: code to language (``vi``, ``en``) to :class:`vneid_middleware.pages.Message`.
    """
    registrations: Registrations = config.registry["vneid.registrations"]
    for code in messages:
        config.action(("vneid", "message", code), None)
    config.action(("vneid", "messages", plugin), lambda: registrations.messages.__setitem__(plugin, messages))


@contextmanager
def as_problem(what: str) -> Iterator[None]:
    """Turn whatever a plugin's code raises at start into a ``ConfigurationError`` that says whose code it was.

    Args:
        what: whose code runs, ``the component reports of acme`` say.
    """
    try:
        yield
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError([Problem("plugins", f"{what} failed: {told(error)}")]) from error


def check_implementation(interface: Any, implementation: Any, what: str) -> None:
    """Check that an object fulfils an interface, and each optional one that it declares.

    Args:
        what: how the object was given, ``add_vneid_audit_sink('acme', …)`` say.

    Raises:
        ConfigurationError: with everything that is missing or wrong at once.
    """
    if isinstance(implementation, type):
        raise ConfigurationError([f"{what}: must be an object, and {implementation.__name__} is a class; make one of it"])
    _verify(interface, implementation, what)
    check_optional(implementation, what)


def check_optional(implementation: Any, what: str) -> None:
    """Check that an object has the methods of each optional interface that it declares."""
    for interface in OPTIONAL:
        if interface.providedBy(implementation):
            _verify(interface, implementation, what)


def _verify(interface: Any, implementation: Any, what: str) -> None:
    try:
        verifyObject(interface, implementation)
    except Invalid as error:
        found = "; ".join(_fault(item, implementation) for item in getattr(error, "exceptions", (error,)))
        raise ConfigurationError([f"{what}: must be an {interface.__name__}; {found}"]) from error


def _signature(method: Any) -> str:
    return str(method.getSignatureString())


def _fault(error: Exception, implementation: Any) -> str:
    kind = type(implementation).__name__
    if isinstance(error, DoesNotImplement):
        return f"{kind} does not declare it with @implementer"
    if isinstance(error, BrokenImplementation):
        element = error.name
        signature = _signature(element) if isinstance(element, Method) else ""
        return f"{kind} has no {element.getName()}{signature}"
    if isinstance(error, BrokenMethodImplementation):
        return f"{kind}.{error.method.getName()} must take {_signature(error.method)}, but {error.mess}"
    return " ".join(str(error).split())


def _note(config: Any, *entries: str) -> None:
    registrations: Registrations = config.registry["vneid.registrations"]
    registrations.provided.setdefault(config.package_name, []).extend(entries)
