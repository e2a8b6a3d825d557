"""The first data of a new portal."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand
from django.db import transaction

from dossiers.models import Dossier, Service

OFFICER = "100085000002"
"""Personal number of the officer at the counter: whoever signs in with it may open /admin/."""

COUNTER_OFFICER = "canbo"
"""An officer with an account of the portal's own; the password is in ``var/canbo-password``."""

CITIZEN = "100194000099"
"""Personal number of somebody who has submitted a dossier already."""

SERVICES = (
    {"slug": "cap-lai-giay-phep-lai-xe", "name": "Cấp lại giấy phép lái xe", "field": "Giao thông",
     "agency": "Phòng Cảnh sát giao thông, Công an tỉnh",
     "summary": "Dành cho người có giấy phép lái xe bị mất, bị hỏng hoặc sai thông tin.",
     "requirements": "Đơn đề nghị (khai trực tuyến)\nGiấy khám sức khỏe của người lái xe còn hiệu lực\n"
                     "Giấy phép lái xe cũ, nếu bị hỏng",
     "fee": 115_000, "working_days": 5},
    {"slug": "cap-ban-sao-trich-luc-ho-tich", "name": "Cấp bản sao trích lục hộ tịch", "field": "Hộ tịch",
     "agency": "Ủy ban nhân dân cấp xã",
     "summary": "Bản sao trích lục khai sinh, kết hôn, khai tử từ cơ sở dữ liệu hộ tịch.",
     "requirements": "Tờ khai cấp bản sao trích lục (khai trực tuyến)",
     "fee": 8_000, "working_days": 1},
    {"slug": "dang-ky-khai-sinh", "name": "Đăng ký khai sinh", "field": "Hộ tịch",
     "agency": "Ủy ban nhân dân cấp xã",
     "summary": "Đăng ký khai sinh cho trẻ em trong vòng 60 ngày kể từ ngày sinh.",
     "requirements": "Tờ khai đăng ký khai sinh (khai trực tuyến)\nGiấy chứng sinh",
     "fee": 0, "working_days": 1},
    {"slug": "dang-ky-ho-kinh-doanh", "name": "Đăng ký thành lập hộ kinh doanh", "field": "Kinh doanh",
     "agency": "Ủy ban nhân dân cấp xã",
     "summary": "Dành cho cá nhân hoặc các thành viên hộ gia đình bắt đầu kinh doanh.",
     "requirements": "Giấy đề nghị đăng ký hộ kinh doanh (khai trực tuyến)\n"
                     "Biên bản họp thành viên hộ gia đình, nếu có",
     "fee": 100_000, "working_days": 3},
    {"slug": "cap-phieu-ly-lich-tu-phap", "name": "Cấp Phiếu lý lịch tư pháp số 1", "field": "Tư pháp",
     "agency": "Phòng Hồ sơ nghiệp vụ, Công an tỉnh",
     "summary": "Xác nhận về án tích, dùng khi xin việc, làm thủ tục trong nước hoặc ở nước ngoài.",
     "requirements": "Tờ khai yêu cầu cấp Phiếu lý lịch tư pháp (khai trực tuyến)",
     "fee": 200_000, "working_days": 10, "needs_level_2": True},
)


class Command(BaseCommand):
    """Writes the first data; what is there already stays as it is."""

    help = "Tạo dữ liệu ban đầu: dịch vụ công, cán bộ một cửa, một hồ sơ mẫu."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        for service in SERVICES:
            Service.objects.get_or_create(slug=service["slug"], defaults=service)
        self._officer()
        self._dossier()

    def _officer(self) -> None:
        group, _ = Group.objects.get_or_create(name="Cán bộ Bộ phận Một cửa")
        group.permissions.set(Permission.objects.filter(content_type__app_label="dossiers", codename__in=(
            "view_dossier", "change_dossier", "view_step", "view_service")))
        officer, created = get_user_model().objects.get_or_create(username=OFFICER, defaults={"is_staff": True})
        if created:
            officer.set_unusable_password()
            officer.save()
            officer.groups.add(group)
        officer, created = get_user_model().objects.get_or_create(username=COUNTER_OFFICER, defaults={
            "is_staff": True, "first_name": "Cán bộ một cửa"})
        if created:
            officer.set_password((settings.VAR / "canbo-password").read_text(encoding="ascii").strip())
            officer.save()
            officer.groups.add(group)

    def _dossier(self) -> None:
        citizen, created = get_user_model().objects.get_or_create(username=CITIZEN,
                                                                  defaults={"first_name": "Hoàng Thị Hương"})
        if created:
            citizen.set_unusable_password()
            citizen.save()
            Dossier(service=Service.objects.get(slug="dang-ky-khai-sinh"), owner=citizen,
                    applicant_name="Hoàng Thị Hương", applicant_birth_date="02/09/1994", phone="0912345678",
                    address="Số 12 đường Lê Lợi, phường Trung Tâm, tỉnh An Bình",
                    reason="Đăng ký khai sinh cho con, sinh ngày 20/11/2026.").submit()
