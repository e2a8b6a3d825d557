"""What the middleware itself keeps about a person: exported and erased by personal number. See docs/administrator.md.

A plugin like any other, and always active: the tables of ``storage`` are there, and may hold something, whichever plugins the ini
names now.
"""

from __future__ import annotations

from typing import Any

from vneid_middleware.plugins.personal_data.counter import Lookups
from vneid_middleware.plugins.personal_data.papers import Papers
from vneid_middleware.plugins.personal_data.records import Records
from vneid_middleware.plugins.personal_data.sign_ons import Accounts, Apps, Forms, Logins, SignedIn


def includeme(config: Any) -> None:
    """Offer a part for each table that holds something about people, in the order in which they are erased.

    Sessions are last of those that know accounts by another name than the number: the others find theirs by them, also after an
    erasure that was broken off.
    """
    config.add_vneid_component("personal_data", lambda services: services)
    for name, part in (("documents", Papers()), ("lookups", Lookups()), ("forms", Forms()), ("logins", Logins()),
                       ("apps", Apps()), ("accounts", Accounts()), ("sessions", SignedIn()), ("audit", Records())):
        config.add_vneid_personal_data(name, part)
