"""What was agreed with the agency whose portal looks citizens up: its name, addresses, keys and accounts at every platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_SECRET = "-only-for-the-simulator"


@dataclass
class Agency:
    """One agency; that of the demonstration, where nothing else is said.

    ``jwks`` is where the portal publishes its keys: the one that answers are encrypted to, in whose place ``encryption_key``, a
    JWK, stands where it is given; and those that it signs documents with. ``documents`` is where documents are asked for;
    ``caller`` is VNeID's name at the portal, ``caller_key`` its bearer key there.
    """

    name: str = "Bộ phận Một cửa – Cổng Dịch vụ công tỉnh An Bình"
    audience: str = ""
    webhook: str = ""
    jwks: str = ""
    encryption_key: dict[str, Any] = field(default_factory=dict)
    username: str = "an-binh"
    password: str = "an-binh-password" + _SECRET
    documents: str = ""
    caller: str = "vneid"
    caller_key: str = "vneid-caller-key" + _SECRET
    bearer: str = "an-binh-bearer" + _SECRET
    x_road_client: str = "VN/GOV/000.00.00.H01/motcua"
    x_road_service: str = "VN/GOV/000.00.00.G22/vneid/qr"
    dstcode: str = "VN:GOV:000.00.00.G22:vneid"
    client_id: str = "an-binh-lgsp"
    client_secret: str = "an-binh-lgsp-secret" + _SECRET
    access_key: str = "an-binh-access"
    secret_key: str = "an-binh-key" + _SECRET
    app_name: str = "motcua"
    partner_code: str = "000.00.00.H01"
    partner_code_cus: str = "000.00.00.G22"

    @classmethod
    def of_portal(cls, portal: str) -> Agency:
        """Return the demonstration's agency with a portal at this address, the middleware's prefix being ``/vneid``."""
        return cls(audience=portal, webhook=portal + "/vneid/qr/webhook", jwks=portal + "/vneid/.well-known/jwks.json",
                   documents=portal + "/vneid/documents/lookup")

    def change(self, values: Mapping[str, Any]) -> None:
        """Take other values for some fields.

        Raises:
            ValueError: there is no such field, or the value has another type.
        """
        known = self.as_dict()
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"{name}: unknown")
            if type(value) is not type(known[name]):
                raise ValueError(f"{name}: must be {'an object' if name == 'encryption_key' else 'text'}")
        for name, value in values.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """Return everything by name."""
        return asdict(self)
