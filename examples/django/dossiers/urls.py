"""Addresses of the citizens' side."""

from __future__ import annotations

from django.urls import path

from dossiers import views

urlpatterns = [
    path("", views.home, name="home"),
    path("dich-vu/<slug:slug>/", views.service, name="service"),
    path("dich-vu/<slug:slug>/nop/", views.submit, name="submit"),
    path("ho-so/", views.dossier_list, name="dossiers"),
    path("ho-so/<str:code>/", views.dossier_detail, name="dossier"),
    path("tai-khoan/", views.account, name="account"),
]
