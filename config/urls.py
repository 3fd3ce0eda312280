"""Where the demo project's pages live."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from config import mailbox, views

urlpatterns = [
    path("", views.index, name="index"),
    path("admin/", admin.site.urls),
    path("flows/", include("windflow.urls", namespace="windflow")),
    path("connect/", include("hub.urls")),
    path("standins/", include("config.standins.urls")),
    path("demo/mails/", mailbox.mail_list, name="mail-list"),
    path("demo/mails/<str:key>/", mailbox.mail_detail, name="mail-detail"),
]
