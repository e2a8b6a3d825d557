"""What stands in the codes of printed cards, which officers scan in place of VNeID's."""

from __future__ import annotations

import unicodedata

from vneid_middleware.simulator.personas import Persona

_ISSUED = "01072021"


def identity_card(persona: Persona) -> str:
    """Return the chip card's code: ``number|old number|name|ddMMyyyy|Nam or Nữ|address|ddMMyyyy``."""
    gender = "Nam" if persona.counter_fields()["gioiTinh"] == "1" else "Nữ"
    born = persona.born.replace("/", "")
    return "|".join((persona.personal_id, "", _name(persona), born, gender, persona.address, _ISSUED))


def health_insurance_card(persona: Persona) -> str:
    """Return the older health insurance card's code: name and address as the hexadecimal digits of UTF-8."""
    number = "GD4" + persona.personal_id
    return "|".join((number, _name(persona).encode().hex(), persona.born,
                     persona.counter_fields()["gioiTinh"], persona.address.encode().hex(), "79 - 001", "01/01/2026", "-", "$"))


def _name(persona: Persona) -> str:
    return unicodedata.normalize("NFC", persona.full_name)
