"""The citizens and organisations that live in the simulator. Their numbers begin with 100, as C06's test numbers do."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import Any

SAMPLE = (
    '[{"level":3,"claim":{"LoaiTaiKhoan":"","src":"","Bca":"","validDate":null,"expiredDate":null},'
    '"level":3,"claim":{"SoDinhDanh":"","src":"","Bca":"","validDate":null,"expiredDate":null},'
    '"level":3,"claim":{"HoVaTen":"","src":"","Bca":"","validDate":null,"expiredDate":null},'
    '"level":3,"claim":{"NgayThangNamSinh":"","src":"","Bca":"","validDate":null,"expiredDate":null}]'
    'Date\\":null,\\"expiredDate\\":null},{\\"level\\":3,\\"claim\\":"\\"TechID\\", \\"src\\":"\\"Bca\\", '
    '\\"validDate\\":null,\\"expiredDate\\":null}}]"'
)
"""The guide's own sample of ``loAS``, broken as it stands there."""

_CLAIMS = ("LoaiTaiKhoan", "SoDinhDanh", "HoVaTen", "NgayThangNamSinh")


@dataclass(frozen=True)
class Persona:
    """Somebody who can sign in. ``level`` is the account's level: 0, 1 or 2."""

    key: str
    personal_id: str
    full_name: str
    birth_date: str
    level: int
    about: str
    account_type: str = "1"
    expired: str | None = None
    gender: str = ""
    """QCVN 109: ``1`` male, ``2`` female; empty: as the number says."""
    address: str = "Số 12 đường Lê Lợi, phường Trung Tâm, tỉnh An Bình"

    @property
    def born(self) -> str:
        """The birth date as people write it, as far as it is known: 17/05/1990, 06/1963, 1956."""
        year, *rest = self.birth_date[:4], self.birth_date[4:6], self.birth_date[6:]
        return "/".join([part for part in reversed(rest) if part.strip("0")] + [year])

    def counter_fields(self) -> dict[str, str]:
        """Return what an agency gets at the counter (the guide's part C); what the citizen has not is an empty text."""
        gender = self.gender or str(int(self.personal_id[3]) % 2 + 1)
        return {"soDinhDanh": self.personal_id, "hoVaTen": self.full_name, "gioiTinh": gender,
                "ngayThangNamSinh": self.birth_date, "noiThuongTru": self.address}

    def loas(self, form: str) -> str | None:
        """Return ``loAS`` as the guide sends it: a string that holds JSON."""
        if form == "guide-sample":
            return SAMPLE
        if form == "garbage":
            return "{[;level 3"
        if form == "missing" or not self.level:
            return None
        return json.dumps([{"level": self.level + 1, "claim": name, "src": "Bca", "validDate": None,
                            "expiredDate": self.expired} for name in _CLAIMS], ensure_ascii=False)

    def claims(self, names: str, loas: str, with_sub: bool) -> dict[str, Any]:
        """Return the userinfo claims under the names of a profile."""
        claims: dict[str, Any] = {"sub": f"sim-{self.key}"} if with_sub else {}
        if names == "gateway-2026":
            return {**claims, "citizenPid": self.personal_id, "fullName": self.full_name, "birthDate": self.birth_date,
                    "accountType": self.account_type, "accountLevel": self.level}
        if names == "oidc":
            iso = f"{self.birth_date[:4]}-{self.birth_date[4:6]}-{self.birth_date[6:8]}"
            return {**claims, "name": self.full_name, "birthdate": iso if len(self.birth_date) == 8 else self.birth_date,
                    "acr": str(self.level)}
        level = self.loas(loas)
        return {**claims, "SoDinhDanh": self.personal_id, "HoVaTen": self.full_name, "NgayThangNamSinh": self.birth_date,
                "LoaiTaiKhoan": self.account_type, **({"loAS": level} if level is not None else {})}


PERSONAS = {persona.key: persona for persona in (
    Persona("nguyet", "100190000001", "Nguyễn Thị Ánh Nguyệt", "19900517", 2, "Công dân, mức 2"),
    Persona("duc", "100085000002", "Trần Văn Đức", "19850203", 2, "Công dân, mức 2"),
    Persona("quynh", "100198000003", "Lê Thị Quỳnh", "19981130", 1, "Công dân, mức 1"),
    Persona("hai", "100200000004", "Phạm Minh Hải", "20000101", 0, "Công dân, chưa có mức (không có loAS)"),
    Persona("het-han", "100076000005", "Vũ Quốc Khánh", "19760902", 2, "Công dân, loAS đã hết hạn", expired="2020-01-01"),
    Persona("cu-ba", "100156000006", "Đặng Thị Bưởi", "1956", 2, "Chỉ biết năm sinh"),
    Persona("cu-ong", "100049000007", "Hoàng Văn Tự", "19490000", 2, "Năm sinh, ngày tháng ghi 00"),
    Persona("dau", "100192000008", "Nguyễn Ngọc Diễm Quỵnh Ẵm Ỷ Lưỡng", "19920229", 2, "Dấu hiếm gặp"),
    Persona("nfd", "100187000009", unicodedata.normalize("NFD", "Đỗ Thị Huyền Trang"), "19870708", 2,
            "Họ tên ở dạng Unicode NFD"),
    Persona("dai", "100193000010", " ".join(["Công Tằng Tôn Nữ"] * 5 + ["Thị Phương Thảo"]), "19930415", 2,
            "Họ tên rất dài"),
    Persona("cai-chinh", "100191000011", "Bùi Văn Hậu", "19930620", 2,
            "Số định danh không khớp giới tính và năm sinh (đã cải chính hộ tịch)", gender="1"),
    Persona("khong-dia-chi", "100095000012", "Ngô Tấn Lộc", "19951224", 2, "Chưa có nơi thường trú", address=""),
    Persona("thang-sinh", "100163000013", "Mai Thị Bé Năm", "196308", 2, "Chỉ biết tháng và năm sinh", address="Xã Bến Tre"),
    Persona("to-chuc", "0100100100", "Công ty Trách nhiệm hữu hạn Ánh Dương", "20100101", 2, "Tổ chức", account_type="2"),
)}
