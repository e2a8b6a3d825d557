"""The officers of the one-stop counter: their accounts are the portal's own, with passwords."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache


@never_cache
@login_required(login_url="officer-login")
def start(request: HttpRequest) -> HttpResponse:
    """Show an officer where to begin."""
    if not request.user.is_staff:
        raise PermissionDenied
    return render(request, "officers.html", {"counter": settings.COUNTER_URL})


@never_cache
def me(request: HttpRequest) -> JsonResponse:
    """Say to programs which officer is signed in: 401 nobody, 403 somebody who is none."""
    if not request.user.is_authenticated:
        return JsonResponse({"error": "login_required"}, status=401)
    if not request.user.is_staff:
        return JsonResponse({"error": "not_an_officer"}, status=403)
    return JsonResponse({"officerId": request.user.get_username()})
