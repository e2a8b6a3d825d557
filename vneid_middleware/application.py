"""The embedded Pyramid application: plugins included, settings read, services frozen."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from vneid_middleware import __version__, loader
from vneid_middleware.core.cookies import CookieNames
from vneid_middleware.crypto import KeyRing
from vneid_middleware.directives import Registrations
from vneid_middleware.events import ConfigurationLoaded
from vneid_middleware.exceptions import AuditError, ConfigurationError, StorageError, VNeIDError
from vneid_middleware.interfaces import IAuditSink, IProvisioned
from vneid_middleware.outbound import Outbound
from vneid_middleware.pages import Pages, correlation_id
from vneid_middleware.plugins.audit import make_record
from vneid_middleware.revocations import Revocations
from vneid_middleware.services import Links, Services
from vneid_middleware.sessions import Sessions
from vneid_middleware.settings import Problem, Settings, Source, read_settings
from vneid_middleware.storage import Storage

log = logging.getLogger("vneid_middleware")

class Assembly(NamedTuple):
    """A configuration, read: ``services`` and ``application`` are None while ``problems`` hold an error."""

    settings: Settings | None
    problems: list[Problem]
    registrations: Registrations
    services: Services | None
    application: Any


class StorageReadiness:
    """This process can't serve without its storage."""

    critical = True

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def check(self) -> None:
        self._storage.check()


class AuditReadiness:
    """Nobody is signed in while an audit sink does not take records."""

    critical = True

    def __init__(self, sinks: tuple[Any, ...]) -> None:
        self._sinks = sinks

    def check(self) -> None:
        for sink in self._sinks:
            sink.check()


def assemble(source: Source, clock: Callable[[], float] = time.time) -> Assembly:
    """Read a configuration and build everything it asks for. Opens no connection and starts no thread.

    Args:
        source: the raw settings.
        clock: unix seconds; tests replace it.

    Returns:
        the assembly, with every problem that was found.
    """
    active, problems = _active(source)
    config = _configurator()
    registrations: Registrations = config.registry["vneid.registrations"]
    plugins = loader.installed()
    problems += _include(config, active, plugins, source)
    problems += _commit(config)
    settings, found = read_settings(list(registrations.tables.values()), source, loader.inactive(active, plugins))
    problems += found
    if _broken(problems):
        return Assembly(settings, problems, registrations, None, None)
    problems += _check_login(settings, config)
    if _broken(problems):
        return Assembly(settings, problems, registrations, None, None)
    try:
        services = _build(settings, registrations, config, clock)
    except ConfigurationError as error:
        return Assembly(settings, [*problems, *map(_as_problem, error.problems)], registrations, None, None)
    return Assembly(settings, problems, registrations, services, _make_application(config, services))


def start(services: Services) -> None:
    """What a process does once, when its first request has come: prepare storage, note the configuration.

    Runs beside the requests; when it fails, ``/health/ready`` tells so and logins are refused.
    """
    settings = services.settings
    try:
        services.storage.prepare()
        services.tell(ConfigurationLoaded(request_id=correlation_id(), fingerprint=settings.fingerprint(),
                                          version=__version__, plugins=tuple(settings["plugins"])))
    except (StorageError, AuditError) as error:
        log.error("the start could not be recorded: %s", error)


def _active(source: Source) -> tuple[list[str], list[Problem]]:
    names = source.raw.get("plugins", "sso").split()
    doubles = sorted({name for name in names if names.count(name) > 1})
    return names, [Problem("plugins", f"names {name} twice", "Name each plugin once.", place=source.place("plugins"))
                   for name in doubles]


def _configurator() -> Any:
    from pyramid.config import Configurator

    config = Configurator(settings={}, autocommit=False)
    config.include("vneid_middleware.directives")
    config.commit()
    return config


def _include(config: Any, active: list[str], plugins: list[loader.Plugin], source: Source) -> list[Problem]:
    problems = []
    for value in loader.ALWAYS.values():
        config.include(value)
    for name in dict.fromkeys(active):
        try:
            config.include(loader.resolve(name, plugins))
        except loader.PluginError as error:
            problems.append(Problem("plugins", str(error), place=source.place("plugins")))
        except ConfigurationError as error:
            problems += [Problem("plugins", f"the plugin {name}: {problem}", place=source.place("plugins"))
                         for problem in error.problems]
    return problems


def _commit(config: Any) -> list[Problem]:
    from pyramid.exceptions import ConfigurationConflictError, ConfigurationExecutionError

    try:
        config.commit()
    except ConfigurationConflictError as error:
        return [Problem("plugins", "two plugins claim the same: " + " ".join(str(error).split()),
                        "Remove one of them from plugins.")]
    except ConfigurationExecutionError as error:
        return [Problem("plugins", " ".join(str(error).split()))]
    return []


def _broken(problems: list[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _as_problem(problem: Any) -> Problem:
    return problem if isinstance(problem, Problem) else Problem("plugins", str(problem))


def _signs_in(config: Any) -> bool:
    from pyramid.interfaces import IRoutesMapper

    mapper = config.registry.queryUtility(IRoutesMapper)
    return mapper is not None and any(route.pattern == "/login" for route in mapper.get_routes())


def _check_login(settings: Settings, config: Any) -> list[Problem]:
    if _signs_in(config):
        return []
    return [settings.problem(key, "needs a plugin that signs people in, and none is active",
                             "Add sso to plugins, or remove the line.", show=False)
            for key in ("access", "takeover.login", "takeover.logout", "session.preserve_posts") if settings[key]]


def _build(settings: Settings, registrations: Registrations, config: Any, clock: Callable[[], float]) -> Services:
    ring = KeyRing(settings["secret"].reveal().splitlines())
    links = Links(settings["public_url"], settings["prefix"])
    services = Services(
        settings=settings, key_ring=ring, links=links, clock=clock, roles=dict(registrations.roles),
        storage=Storage(settings["storage"].reveal(), settings["server_threads"]),
        outbound=Outbound(ca_file=settings["http.ca_file"], proxy=settings["http.proxy"], timeout=settings["http.timeout"]),
        subscribers=config.registry.notify, record=make_record, components={})
    for implementation in registrations.roles.values():
        if IProvisioned.providedBy(implementation):
            implementation.provision(services)  # type: ignore[no-untyped-call]
    services = services.with_parts(
        keys=registrations.roles["key_provider", settings["keys.provider"]], signs_in=_signs_in(config),
        sinks=_sinks(services, registrations), sessions=_sessions(services, registrations),
        pages=_pages(settings, links, registrations))
    return _with_components(services, registrations)


def _with_components(services: Services, registrations: Registrations) -> Services:
    readiness = {"storage": StorageReadiness(services.storage), "audit": AuditReadiness(tuple(services.sinks)),
                 **registrations.implementations("readiness")}
    services = services.with_parts(readiness=readiness)
    for name, factory in registrations.components.items():
        # one dictionary from the first Services on: what was provisioned early sees the components too
        services.components[name] = factory(services)  # type: ignore[index]
    return services


def _sinks(services: Services, registrations: Registrations) -> tuple[Any, ...]:
    from zope.interface.verify import verifyObject

    sinks = []
    for word in services.settings["audit.sinks"]:
        name, _, argument = word.partition(":")
        try:
            sink = registrations.roles["audit_sink", name](argument, services)
        except ValueError as error:
            raise ConfigurationError([services.settings.problem("audit.sinks", str(error))]) from error
        verifyObject(IAuditSink, sink)
        sinks.append(sink)
    return tuple(sinks)


def _sessions(services: Services, registrations: Registrations) -> Sessions:
    settings = services.settings
    names = CookieNames.of(settings["session.cookie_name"], secure=services.links.secure)
    bearer = _bearer_sessions(registrations)
    # an access token has no idle time: what was ended is remembered for as long as one may live
    unused = max(settings["session.idle_timeout"], bearer.max_age if bearer is not None else 0)
    revocations = Revocations(services.storage, services.key_ring.box("ended-subject"), clock=services.clock,
                              idle_timeout=unused, grace=settings["session.revocation_grace"])
    return Sessions(registrations.roles["session_store", settings["session.store"]], names, revocations,
                    idle_timeout=settings["session.idle_timeout"], max_age=settings["session.max_age"],
                    clock=services.clock, keep_claims=settings["access"].claim_names(), bearer=bearer)


def _bearer_sessions(registrations: Registrations) -> Any:
    offered = registrations.implementations("bearer_sessions")
    if len(offered) > 1:
        raise ConfigurationError([Problem("plugins", f"several plugins offer access tokens: {', '.join(sorted(offered))}",
                                          "Remove all but one of them.")])
    return next(iter(offered.values()), None)


def _pages(settings: Settings, links: Links, registrations: Registrations) -> Pages:
    messages = {code: words for table in registrations.messages.values() for code, words in table.items()}
    # browsers hold a form to its policy along all redirects, and the logout form ends up wherever the provider sends it
    addresses = (settings.get("sso.logout_endpoint"), settings.get("sso.issuer"))
    plain = {"/".join(url.split("/")[:3]) for url in addresses if url and url.startswith("http://")}
    return Pages(messages, settings["language"], links.home, ("https:", *sorted(plain)))


def _make_application(config: Any, services: Services) -> Any:
    from pyramid.config import global_registries
    from pyramid.exceptions import URLDecodeError

    config.registry["vneid.services"] = services
    config.add_request_method(lambda request: services, "vneid", reify=True)
    config.add_notfound_view(_not_found)
    config.add_exception_view(_failed, context=Exception)
    # a path that is no UTF-8 is none of ours; the request can't even tell it
    config.add_exception_view(_not_found, context=URLDecodeError)
    before = global_registries.last
    application = config.make_wsgi_app()
    # Pyramid makes the newest registry the current one for scripts and shells; that is the host's place, not ours
    global_registries.remove(config.registry)
    if before is not None and before is not config.registry:
        global_registries.add(before)
    return application


def _not_found(context: Any, request: Any) -> Any:
    from pyramid.exceptions import PredicateMismatch

    if isinstance(context, PredicateMismatch) and request.matched_route is not None:
        response = request.vneid.pages.outcome(request, "method_not_allowed", 405)
        response.headers["Allow"] = ", ".join(_methods(request))
        return response
    return request.vneid.pages.outcome(request, "not_found", 404)


def _methods(request: Any) -> list[str]:
    views = request.registry.introspector.get_category("views") or ()
    found: set[str] = set()
    for view in views:
        if view["introspectable"].get("route_name") == request.matched_route.name:
            methods = view["introspectable"].get("request_methods") or ()
            found.update((methods,) if isinstance(methods, str) else methods)
    return sorted(found - {"HEAD"})


def _failed(error: Exception, request: Any) -> Any:
    request_id = correlation_id()
    if isinstance(error, (StorageError, AuditError)):
        log.error("%s: %s", request_id, error)
        return request.vneid.pages.outcome(request, "internal_error", 503, request_id=request_id)
    code = error.code if isinstance(error, VNeIDError) else type(error).__name__
    log.exception("%s: %s %a failed: %s", request_id, request.method, request.environ.get("PATH_INFO", ""), code)
    return request.vneid.pages.outcome(request, "internal_error", 500, request_id=request_id)
