"""What papers and their fields are called, for people: Vietnamese, English."""

from __future__ import annotations

import json
import re
from typing import Any

KINDS = {
    "GPLX": ("Giấy phép lái xe", "Driving licence"),
    "BHYT": ("Thẻ bảo hiểm y tế", "Health insurance card"),
    "BHXH": ("Sổ bảo hiểm xã hội", "Social insurance book"),
    "DKX": ("Đăng ký xe", "Vehicle registration"),
    "MST": ("Mã số thuế", "Tax code"),
}
"""Kinds that the wallet offers; others are typed in by their code."""

INPUTS = {
    "GPLX": ("SoGPLX", "HoVaTen", "NgaySinh"), "BHYT": ("MaThe", "HoTen", "NgaySinh"),
    "BHXH": ("SoBHXH", "HoVaTen", "NgaySinh"), "DKX": ("BienSo", "HoVaTen"), "MST": ("MaSoThue", "HoVaTen"),
}
"""What a citizen may type in for a kind."""
OTHER_INPUTS = ("HoVaTen", "NgaySinh")

FIELDS = {
    "SoGPLX": ("Số giấy phép lái xe", "Licence number"), "MaThe": ("Mã thẻ bảo hiểm y tế", "Card number"),
    "SoTheBHYT": ("Số thẻ bảo hiểm y tế", "Card number"), "SoBHXH": ("Số sổ bảo hiểm xã hội", "Book number"),
    "BienSo": ("Biển số", "Number plate"), "MaSoThue": ("Mã số thuế", "Tax code"), "SoSeri": ("Số sê-ri", "Serial number"),
    "HangGPLX": ("Hạng", "Class"), "SoDinhDanh": ("Số định danh cá nhân", "Personal identification number"),
    "soDinhDanh": ("Số định danh cá nhân", "Personal identification number"), "HoVaTen": ("Họ và tên", "Full name"),
    "HoTen": ("Họ và tên", "Full name"), "NgaySinh": ("Ngày sinh", "Date of birth"),
    "NgayThangNamSinh": ("Ngày, tháng, năm sinh", "Date of birth"), "GioiTinh": ("Giới tính", "Gender"),
    "MaQuocTich": ("Quốc tịch", "Nationality"), "NoiCT": ("Nơi cư trú", "Place of residence"), "DiaChi": ("Địa chỉ", "Address"),
    "NgayTTGPLX": ("Ngày trúng tuyển", "Passed on"), "NgayCapGPLX": ("Ngày cấp", "Issued on"),
    "NgayCap": ("Ngày cấp", "Issued on"), "NoiCapGPLX": ("Nơi cấp", "Issued by"), "NoiCap": ("Nơi cấp", "Issued by"),
    "NgayHHGPLX": ("Ngày hết hạn", "Expires on"), "NgayHetHan": ("Ngày hết hạn", "Expires on"),
    "TrangThai": ("Trạng thái", "State"), "maGiayTo": ("Mã giấy tờ", "Document id"),
    "NoiDKKCB": ("Nơi đăng ký khám, chữa bệnh ban đầu", "Place of first treatment"), "MucHuong": ("Mức hưởng", "Benefit level"),
    "TuNgay": ("Có giá trị từ ngày", "Valid from"), "DenNgay": ("Có giá trị đến ngày", "Valid until"),
    "MaDKBD": ("Mã nơi đăng ký khám, chữa bệnh ban đầu", "Code of the place of first treatment"),
    "TenDKBD": ("Nơi đăng ký khám, chữa bệnh ban đầu", "Place of first treatment"),
    "GtTheTu": ("Có giá trị từ ngày", "Valid from"), "GtTheDen": ("Có giá trị đến ngày", "Valid until"),
    "NgayDu5Nam": ("Thời điểm đủ 5 năm liên tục", "Five years without a break since"),
    "MaMucHuong": ("Mức hưởng", "Benefit level"), "loaiGiayTo": ("Loại giấy tờ", "Kind of paper"),
    "thamSo": ("Thông tin đã nhập", "What was typed"), "requestId": ("Mã câu hỏi", "Number of the question"),
}
"""Fields of real tables, in the order of a card; others are shown under their own name behind them."""

STATUSES = {
    "asking": ("Đang hỏi cơ quan quản lý…", "Asking the agency…"),
    "ok": ("Đã có giấy tờ", "The paper is here"),
    "pending": ("Cơ quan đang tra cứu. Ứng dụng sẽ tự hỏi lại.", "The agency is looking it up. The app asks again by itself."),
    "not_found": ("Không tìm thấy giấy tờ này của bạn", "No such paper of yours was found"),
    "mismatch": ("Thông tin bạn nhập chưa khớp", "What you typed does not match"),
    "multiple": ("Có nhiều giấy tờ phù hợp. Hãy nhập thêm", "Several papers match. Please also give"),
    "revoked": ("Giấy tờ đã bị thu hồi", "The paper was revoked"),
    "expired": ("Giấy tờ đã hết hạn", "The paper has expired"),
    "invalid_request": ("Cơ quan không nhận câu hỏi này", "The agency does not take this question"),
    "unavailable": ("Hệ thống của cơ quan đang bận. Hãy thử lại sau.", "The agency's system is busy. Please try again later."),
    "refused": ("Cơ quan từ chối VNeID", "The agency refuses VNeID"),
    "unreachable": ("Không kết nối được với cơ quan", "The agency can't be reached"),
    "invalid_response": ("Câu trả lời không đáng tin, nên không được lưu", "The answer can't be trusted and was not kept"),
    "valid": ("Giấy tờ đang có hiệu lực", "The paper is valid"),
}

SIGNATURES = {
    "valid": ("Chữ ký của cơ quan hợp lệ", "The agency's signature is good"),
    "invalid": ("Chữ ký của cơ quan không hợp lệ", "The agency's signature is wrong"),
    "missing": ("Không có chữ ký", "There is no signature"),
    "not-due": ("Hỏi bằng khoá, nên câu trả lời không ký", "Asked with a key, so that the answer is not signed"),
    "none": ("", ""),
}

ACTIONS = {"upsert": ("Cập nhật", "Updated"), "revoke": ("Thu hồi", "Revoked")}

_ISO_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_GENDERS = {"1": ("Nam", "Male"), "2": ("Nữ", "Female")}


def word(table: dict[str, tuple[str, str]], name: str, vi: bool) -> str:
    """Return what something is called; its own name where it has no other."""
    return table.get(name, (name, name))[0 if vi else 1]


def rows(data: dict[str, Any], vi: bool) -> list[tuple[str, str]]:
    """Return a paper's fields as label and value, in one order however they came: a change has them by the alphabet."""
    places = {name: place for place, name in enumerate(FIELDS)}
    names = sorted(data, key=lambda name: (places.get(name, len(places)), name))
    return [(word(FIELDS, name, vi), _value(name, data[name], vi)) for name in names]


def _value(name: str, value: Any, vi: bool) -> str:
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    if ("Ngay" in name or name.startswith("GtThe")) and _ISO_DATE.fullmatch(text):
        return "/".join(reversed(text.split("-")))
    if "Ngay" in name and len(text) == 8 and text.isascii() and text.isdigit():
        year, *rest = text[:4], text[4:6], text[6:]
        return "/".join([part for part in reversed(rest) if part != "00"] + [year])
    if name == "GioiTinh":
        return word(_GENDERS, text, vi)
    return text or "–"
