"""Services, dossiers, and what happens to a dossier."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.utils import timezone

UNIT_CODE = "H99.01"
"""Code of the unit that receives the dossiers; it stands first in a dossier's code."""


class Service(models.Model):
    """A public service that a citizen may ask for."""

    slug = models.SlugField("đường dẫn", unique=True)
    name = models.CharField("tên dịch vụ", max_length=200)
    field = models.CharField("lĩnh vực", max_length=100)
    agency = models.CharField("cơ quan giải quyết", max_length=200)
    summary = models.TextField("nội dung")
    requirements = models.TextField("thành phần hồ sơ", help_text="Mỗi dòng một giấy tờ.")
    fee = models.PositiveIntegerField("lệ phí (đồng)", default=0)
    working_days = models.PositiveSmallIntegerField("thời hạn (ngày làm việc)")
    needs_level_2 = models.BooleanField("cần tài khoản định danh mức độ 2", default=False)
    is_active = models.BooleanField("đang tiếp nhận", default=True)

    class Meta:
        verbose_name = "dịch vụ công"
        verbose_name_plural = "dịch vụ công"
        ordering = ("field", "name")

    def __str__(self) -> str:
        return self.name


class Dossier(models.Model):
    """What a citizen submitted, and how far it is."""

    class Status(models.TextChoices):
        RECEIVED = "received", "Đã tiếp nhận"
        PROCESSING = "processing", "Đang xử lý"
        INCOMPLETE = "incomplete", "Cần bổ sung"
        APPROVED = "approved", "Đã có kết quả"
        REJECTED = "rejected", "Không được giải quyết"

    class Delivery(models.TextChoices):
        ELECTRONIC = "electronic", "Bản điện tử trên Cổng"
        COUNTER = "counter", "Nhận trực tiếp tại Bộ phận Một cửa"
        POST = "post", "Qua dịch vụ bưu chính"

    code = models.CharField("mã hồ sơ", max_length=30, unique=True, null=True, editable=False)
    service = models.ForeignKey(Service, models.PROTECT, verbose_name="dịch vụ công")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name="người nộp",
                              related_name="dossiers")
    applicant_name = models.CharField("họ và tên", max_length=150)
    applicant_birth_date = models.CharField("ngày sinh", max_length=10, blank=True)
    phone = models.CharField("số điện thoại", max_length=10, validators=[
        RegexValidator(r"^0[0-9]{9}\Z", "Số điện thoại gồm 10 chữ số và bắt đầu bằng số 0.")])
    address = models.CharField("địa chỉ liên hệ", max_length=200)
    reason = models.TextField("nội dung đề nghị", max_length=1000)
    delivery = models.CharField("hình thức nhận kết quả", max_length=20, choices=Delivery,
                                default=Delivery.ELECTRONIC)
    status = models.CharField("trạng thái", max_length=20, choices=Status, default=Status.RECEIVED)
    submitted_at = models.DateTimeField("thời điểm nộp", default=timezone.now, editable=False)

    class Meta:
        verbose_name = "hồ sơ"
        verbose_name_plural = "hồ sơ"
        ordering = ("-submitted_at", "-pk")

    def __str__(self) -> str:
        return f"{self.code} – {self.service}"

    def submit(self, text: str = "Hồ sơ được nộp trực tuyến.", officer: Any = None) -> None:
        """Save a new dossier, give it its code, and note that it came in, and by which officer if by one."""
        with transaction.atomic():
            self.save()
            self.code = f"{UNIT_CODE}-{timezone.localtime(self.submitted_at):%y%m%d}-{self.pk:04d}"
            self.save(update_fields=["code"])
            self.note(text, officer)

    def note(self, text: str, officer: Any = None) -> None:
        """Add a step to the history, with the present status."""
        self.steps.create(status=self.status, text=text, officer=officer)


class Step(models.Model):
    """Something that happened to a dossier."""

    dossier = models.ForeignKey(Dossier, models.CASCADE, related_name="steps")
    at = models.DateTimeField("thời điểm", default=timezone.now)
    status = models.CharField("trạng thái", max_length=20, choices=Dossier.Status)
    text = models.CharField("nội dung", max_length=500)
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name="cán bộ", null=True)

    class Meta:
        verbose_name = "bước xử lý"
        verbose_name_plural = "quá trình xử lý"
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return self.text
