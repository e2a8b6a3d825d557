"""The citizens' side."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from portal.accounts import birth_date, header

from dossiers.forms import DossierForm
from dossiers.models import Dossier, Service


def home(request: HttpRequest) -> HttpResponse:
    """Show what the portal offers, to everybody."""
    return render(request, "dossiers/home.html", {"services": Service.objects.filter(is_active=True)})


def service(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what a service asks for, to everybody."""
    found = get_object_or_404(Service, slug=slug, is_active=True)
    return render(request, "dossiers/service.html", {"service": found})


@never_cache
@login_required
def submit(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a citizen's dossier."""
    found = get_object_or_404(Service, slug=slug, is_active=True)
    known = {"name": request.user.get_full_name() or request.user.get_username(), "birth_date": birth_date(request)}
    dossier = Dossier(service=found, owner=request.user, applicant_name=known["name"],
                      applicant_birth_date=known["birth_date"])
    form = DossierForm(request.POST or None, instance=dossier)
    if form.is_valid():
        form.save(commit=False).submit()
        messages.success(request, "Đã nộp hồ sơ")
        return redirect("dossier", dossier.code)
    return render(request, "dossiers/submit.html", {"service": found, "form": form, "known": known})


@never_cache
@login_required
def dossier_list(request: HttpRequest) -> HttpResponse:
    """Show the citizen's own dossiers."""
    found = request.user.dossiers.select_related("service")
    return render(request, "dossiers/list.html", {"dossiers": found})


@never_cache
@login_required
def dossier_detail(request: HttpRequest, code: str) -> HttpResponse:
    """Show one of the citizen's own dossiers; somebody else's does not exist."""
    found = get_object_or_404(request.user.dossiers.select_related("service"), code=code)
    return render(request, "dossiers/detail.html", {"dossier": found, "steps": found.steps.all()})


@never_cache
def account(request: HttpRequest) -> HttpResponse:
    """Show what the portal knows of the citizen. It answers 401 to others, as an interface for programs would."""
    if not request.user.is_authenticated:
        return render(request, "401.html", status=401)
    known = {"birth_date": birth_date(request), "level": header(request, "LEVEL"),
             "account_type": {"person": "Cá nhân", "organisation": "Tổ chức"}.get(header(request, "ACCOUNT_TYPE"), "")}
    return render(request, "dossiers/account.html", {"known": known})
