"""A portal as its ini has it, with the provider of the kit in VNeID's place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vneid_middleware.paste import filter_sections
from vneid_middleware.testing.provider import MisbehavingProvider
from vneid_middleware.testing.server import serving

_LEFT_OUT = ("http.proxy", "alarm.url", "trusted_proxies")
"""What leads out of the test: calls by a proxy, alarms to people, headers of a server in front."""


@contextmanager
def wrapped(ini: str | os.PathLike[str], provider: MisbehavingProvider, **settings: str) -> Iterator[str]:
    """Serve the main pipeline of an ini on a free port of loopback, and give its base URL.

    The ini itself stays as it is. ``public_url``, ``secret``, ``storage``, the client and the provider's addresses are replaced
    by those of the test; ``http.proxy``, ``alarm.url`` and ``trusted_proxies`` are left out.

    Args:
        ini: the file.
        provider: whom its citizens sign in with; its profile is the ini's.
        settings: further settings that replace the ini's.

    Raises:
        ValueError: the ini has no section of the middleware, or another ``sso.profile`` than the provider.
        ConfigurationError: the portal does not start with these settings.
    """
    path = os.path.abspath(ini)
    with serving(lambda base: _load(path, base, provider, settings)) as (base, app):
        yield base
        # the pipeline's first filter, as the guide has it
        if hasattr(app, "services"):
            app.services.outbound.close()
            app.services.storage.close()


def _load(path: str, base: str, provider: MisbehavingProvider, settings: dict[str, str]) -> Any:
    from paste.deploy.loadwsgi import ConfigLoader

    found = ConfigLoader(path)
    sections = filter_sections(path)
    if not sections:
        raise ValueError(f"{os.path.basename(path)}: no section [filter:NAME] has use = egg:vneid-middleware")
    for section in sections:
        _replace(found.parser, section, base, provider, settings, os.path.dirname(path))
    return found.get_app()


def _replace(parser: Any, section: str, base: str, provider: MisbehavingProvider, settings: dict[str, str], folder: str) -> None:
    given = {**{key: parser.get(section, key) for key in parser.options(section)}, **settings}
    profile = given.get("sso.profile", "guide-2023")
    if profile != provider.profile:
        raise ValueError(f"[{section}] sso.profile: is {profile}. Test it with MisbehavingProvider({profile!r})")
    kept = {key: given[key] for key in ("prefix", "sso.client_auth", "sso.signing_key", "sso.decryption_key") if key in given}
    ours = provider.settings(base, folder=folder, **kept) | provider.addresses(given) | settings
    for key in _LEFT_OUT:
        parser.remove_option(section, key)
    for key, value in ours.items():
        parser.set(section, key, value.replace("%", "%%"))
