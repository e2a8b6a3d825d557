"""Officers find a licence, revoke it, give it back, renew it."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache

from driving.models import Licence

MOST = 50


@never_cache
@login_required(login_url="officer-login")
def licences(request: HttpRequest) -> HttpResponse:
    """List licences: the first ones, or those of a number or a name."""
    _check_officer(request)
    words = request.GET.get("q", "").strip()
    found = Licence.objects.all()
    if words:
        # names stand in capitals in the register
        found = found.filter(Q(number=words) | Q(personal_id=words) | Q(holder__contains=words.upper()))
    return render(request, "driving/licences.html", {"licences": found[:MOST], "words": words, "wallet": settings.WALLET_URL})


@never_cache
@login_required(login_url="officer-login")
def licence(request: HttpRequest, number: str) -> HttpResponse:
    """Show a licence, and do to it what an officer says."""
    _check_officer(request)
    found = get_object_or_404(Licence, number=number)
    if request.method == "POST":
        done = _done(found, request.POST.get("action", ""))
        if done:
            messages.success(request, done)
        return redirect("licence", number)
    return render(request, "driving/licence.html", {"licence": found, "wallet": settings.WALLET_URL})


def _done(found: Licence, action: str) -> str:
    """Do it and return what was done; an empty string where it was done already, as after a double click."""
    if action == "revoke" and not found.is_revoked:
        found.revoke()
        return "Đã thu hồi giấy phép lái xe"
    if action == "give-back" and found.is_revoked:
        found.give_back()
        return "Đã trả lại giấy phép lái xe"
    if action == "renew" and not found.is_revoked and found.expires_on:
        found.renew()
        return "Đã gia hạn giấy phép lái xe"
    return ""


def _check_officer(request: HttpRequest) -> None:
    if not request.user.is_staff:
        raise PermissionDenied
