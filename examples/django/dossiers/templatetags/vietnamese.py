"""Numbers the Vietnamese way."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def dong(amount: int) -> str:
    """Return an amount of money as people read it: 115.000 đồng."""
    return f"{amount:,}".replace(",", ".") + " đồng" if amount else "Miễn phí"
