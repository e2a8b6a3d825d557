"""What a citizen fills in."""

# ruff: noqa: RUF012 - Django reads these dictionaries from the class

from __future__ import annotations

from django import forms

from dossiers.models import Dossier


class DossierForm(forms.ModelForm):
    """The form of a new dossier; who submits it is known already."""

    commitment = forms.BooleanField(
        label="Tôi cam đoan những thông tin đã khai là đúng sự thật và chịu trách nhiệm trước pháp luật.",
        error_messages={"required": "Đánh dấu vào ô cam đoan để nộp hồ sơ."})

    class Meta:
        model = Dossier
        fields = ("reason", "phone", "address", "delivery")
        widgets = {
            "reason": forms.Textarea(attrs={"rows": 5}),
            "phone": forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel", "class": "short"}),
            "address": forms.TextInput(attrs={"autocomplete": "street-address"}),
            "delivery": forms.RadioSelect,
        }
        help_texts = {
            "reason": "Nêu lý do và số giấy tờ liên quan, ví dụ: giấy phép lái xe hạng A1 bị mất.",
            "phone": "10 chữ số, ví dụ 0912345678. Chúng tôi gọi đến số này khi cần bổ sung hồ sơ.",
            "address": "Số nhà, đường, xã hoặc phường, tỉnh hoặc thành phố.",
        }
        error_messages = {
            "reason": {"required": "Nhập nội dung đề nghị."},
            "phone": {"required": "Nhập số điện thoại."},
            "address": {"required": "Nhập địa chỉ liên hệ."},
        }
