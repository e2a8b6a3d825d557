"""The officers' side of the counter: a citizen brings a dossier, and an officer takes it down."""

# ruff: noqa: RUF012 - Django reads these dictionaries from the class

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from dossiers.forms import DossierForm
from dossiers.models import Dossier, Service


class ReceptionForm(forms.ModelForm):
    """A dossier of somebody who stands at the counter: who it is, and what they ask for."""

    personal_id = forms.CharField(
        label="số định danh cá nhân", widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "short"}),
        validators=[RegexValidator(r"^[0-9]{12}\Z", "Số định danh cá nhân gồm 12 chữ số.")],
        error_messages={"required": "Nhập số định danh cá nhân."})
    applicant_birth_date = forms.CharField(
        label="ngày sinh", widget=forms.TextInput(attrs={"class": "short"}), help_text="Ví dụ 17/05/1990, 05/1990 hoặc 1990.",
        validators=[RegexValidator(r"^([0-9]{2}/){0,2}[0-9]{4}\Z", "Ghi ngày sinh như 17/05/1990, 05/1990 hoặc 1990.")],
        error_messages={"required": "Nhập ngày sinh."})

    class Meta:
        model = Dossier
        fields = ("personal_id", "applicant_name", "applicant_birth_date", "address", "phone", "service", "reason", "delivery")
        widgets = {
            "phone": forms.TextInput(attrs={"inputmode": "tel", "class": "short"}),
            "reason": forms.Textarea(attrs={"rows": 3}),
            "delivery": forms.RadioSelect,
        }
        error_messages = {
            **DossierForm.Meta.error_messages,
            "applicant_name": {"required": "Nhập họ và tên."},
            "service": {"required": "Chọn dịch vụ công."},
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["service"].queryset = Service.objects.filter(is_active=True)
        self.fields["service"].empty_label = "Chọn dịch vụ công"


@never_cache
@login_required(login_url="officer-login")
def receive(request: HttpRequest) -> HttpResponse:
    """Take a citizen's dossier at the counter; the citizen finds it after signing in."""
    if not request.user.is_staff:
        raise PermissionDenied
    form = ReceptionForm(request.POST or None, initial={"delivery": Dossier.Delivery.COUNTER})
    if form.is_valid():
        dossier = take_down(form, request.user)
        messages.success(request, dossier.code)
        return redirect("reception")
    return render(request, "dossiers/reception.html", {"form": form, "counter": settings.COUNTER_URL})


@transaction.atomic
def take_down(form: ReceptionForm, officer: Any) -> Dossier:
    """Save the dossier as its applicant's own, and note which officer took it."""
    dossier = form.save(commit=False)
    dossier.owner, created = get_user_model().objects.get_or_create(
        username=form.cleaned_data["personal_id"], defaults={"first_name": dossier.applicant_name})
    if created:
        dossier.owner.set_unusable_password()
        dossier.owner.save()
    dossier.submit("Hồ sơ được nộp trực tiếp tại Bộ phận Một cửa.", officer)
    return dossier
