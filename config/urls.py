"""Where the demo project's pages live."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.urls import include, path

from config import mailbox, views

# allauth does the OAuth dance and keeps nothing here: its empty lists would only puzzle.
for model in (EmailAddress, SocialAccount, SocialApp, SocialToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)

urlpatterns = [
    path("", views.index, name="index"),
    path("admin/", admin.site.urls),
    path("flows/", include("windflow.urls", namespace="windflow")),
    path("connect/", include("hub.urls")),
    path("standins/", include("config.standins.urls")),
    path("demo/mails/", mailbox.mail_list, name="mail-list"),
    path("demo/mails/<str:key>/", mailbox.mail_detail, name="mail-detail"),
]
