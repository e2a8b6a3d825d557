"""Addresses of the portal."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.contrib.staticfiles.views import serve
from django.urls import include, path, re_path
from dossiers import reception
from driving import views as driving

from portal import officers

urlpatterns = [
    path("", include("dossiers.urls")),
    path("dang-nhap", LoginView.as_view(), name="login"),
    path("dang-xuat", LogoutView.as_view(), name="logout"),
    path("can-bo/", officers.start, name="officers"),
    path("can-bo/dang-nhap", LoginView.as_view(next_page="officers"), name="officer-login"),
    # another address than the citizens', which the server in front may answer in the portal's place
    path("can-bo/dang-xuat", LogoutView.as_view(next_page="officer-login"), name="officer-logout"),
    path("can-bo/toi", officers.me),
    path("can-bo/tiep-nhan/", reception.receive, name="reception"),
    path("can-bo/giay-phep-lai-xe/", driving.licences, name="licences"),
    path("can-bo/giay-phep-lai-xe/<str:number>/", driving.licence, name="licence"),
    path("admin/", admin.site.urls),
    # in production the web server serves this folder
    re_path(r"^static/(?P<path>.+)$", serve, {"insecure": True}),
]
