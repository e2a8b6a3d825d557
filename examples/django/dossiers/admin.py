"""The officers' side: receive, process, answer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.dateformat import format as date_format
from django.utils.timezone import localtime

from dossiers.models import Dossier, Service, Step


@admin.register(Service)
class ServiceAdmin(admin.ModelAdmin):
    """What the portal offers."""

    list_display = ("name", "field", "agency", "fee", "working_days", "is_active")
    list_filter = ("field", "is_active")
    search_fields = ("name",)


class DossierAdminForm(forms.ModelForm):
    """A dossier as an officer changes it: a status, and a word to the citizen."""

    message = forms.CharField(label="Nội dung gửi công dân", required=False, max_length=500,
                              widget=forms.Textarea(attrs={"rows": 3}))

    class Meta:
        model = Dossier
        fields = ("status",)


class StepInline(admin.TabularInline):
    """The history, which nobody changes."""

    model = Step
    extra = 0
    can_delete = False
    readonly_fields = ("at", "status", "text", "officer")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Dossier)
class DossierAdmin(admin.ModelAdmin):
    """What came in. What the citizen wrote stays as it was written."""

    form = DossierAdminForm
    inlines = (StepInline,)
    list_display = ("code", "service", "applicant_name", "status", "submitted")
    list_filter = ("status", "service")
    search_fields = ("code", "applicant_name", "owner__username")
    show_facets = admin.ShowFacets.NEVER
    date_hierarchy = "submitted_at"
    readonly_fields = ("code", "service", "personal_id", "applicant_name", "applicant_birth_date", "phone", "address",
                       "reason", "delivery", "submitted_at")
    fields = (*readonly_fields, "status", "message")

    @admin.display(description="ngày nộp", ordering="submitted_at")
    def submitted(self, dossier: Dossier) -> str:
        return date_format(localtime(dossier.submitted_at), "d/m/Y")

    @admin.display(description="số định danh cá nhân")
    def personal_id(self, dossier: Dossier) -> str:
        return dossier.owner.get_username()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Dossier, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        message = form.cleaned_data.get("message", "").strip()
        if message or "status" in form.changed_data:
            obj.note(message or f"Chuyển trạng thái: {obj.get_status_display()}.", request.user)
