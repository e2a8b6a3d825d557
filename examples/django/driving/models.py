"""The register's table, older than this portal: Django neither makes nor changes it."""

from __future__ import annotations

from datetime import date, timedelta

from django.db import models
from django.utils import timezone

_TERM = timedelta(days=3652)
"""Ten years."""


class Licence(models.Model):
    """A driving licence."""

    class State(models.TextChoices):
        IN_FORCE = "1", "Còn hiệu lực"
        REVOKED = "2", "Đã thu hồi"

    number = models.CharField("số giấy phép", primary_key=True, max_length=12, db_column="SoGPLX")
    personal_id = models.CharField("số định danh cá nhân", max_length=12, db_column="SoDinhDanh")
    holder = models.CharField("họ và tên", max_length=100, db_column="HoVaTen")
    birth_date = models.CharField("ngày sinh", max_length=8, db_column="NgaySinh")
    vehicles = models.CharField("hạng", max_length=8, db_column="HangGPLX")
    issued_on = models.DateField("ngày cấp", db_column="NgayCapGPLX")
    expires_on = models.DateField("có giá trị đến", null=True, db_column="NgayHHGPLX")
    issuer = models.CharField("nơi cấp", max_length=100, db_column="NoiCapGPLX")
    state = models.CharField("trạng thái", max_length=1, choices=State, db_column="TrangThai")
    changed_at = models.DateTimeField("cập nhật", auto_now=True, db_column="CapNhat")

    class Meta:
        managed = False
        db_table = "gplx"
        ordering = ("number",)

    def __str__(self) -> str:
        return self.number

    @property
    def born(self) -> str:
        """The birth date as far as it is known: 17/05/1990, 05/1990 or 1990."""
        parts = self.birth_date[6:], self.birth_date[4:6], self.birth_date[:4]
        return "/".join(part for part in parts if part.strip("0"))

    @property
    def is_revoked(self) -> bool:
        return self.state == self.State.REVOKED

    @property
    def is_expired(self) -> bool:
        return self.expires_on is not None and self.expires_on < _today()

    def revoke(self) -> None:
        """Take the licence from its holder."""
        self.state = self.State.REVOKED
        self.save(update_fields=["state", "changed_at"])

    def give_back(self) -> None:
        """Undo a revocation."""
        self.state = self.State.IN_FORCE
        self.save(update_fields=["state", "changed_at"])

    def renew(self) -> None:
        """Let a licence that has an end run for ten years from today."""
        self.issued_on = _today()
        self.expires_on = self.issued_on + _TERM
        self.save(update_fields=["issued_on", "expires_on", "changed_at"])


def _today() -> date:
    return timezone.localdate()
