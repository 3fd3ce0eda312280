"""Where the stand-ins live; below each root the paths are the provider's own."""

from __future__ import annotations

from django.urls import path

from config.standins import pages, panel
from config.standins.google import authorize as google
from config.standins.google import gmail, identity, token
from config.standins.slack import api as slack
from config.standins.slack import install

app_name = "standins"

_userinfo = identity.userinfo

urlpatterns = [
    path("", panel.panel, name="panel"),
    path("fail/", panel.fail, name="fail"),
    path("fail/<int:pk>/remove/", panel.remove_fault, name="remove-fault"),
    path("grants/<int:pk>/expire/", panel.expire, name="expire"),
    path("grants/<int:pk>/revoke/", panel.revoke, name="revoke"),
    path("reset/", panel.reset, name="reset"),
    path("mails/", pages.mail_list, name="mails"),
    path("mails/<str:key>/", pages.mail, name="mail"),
    path("messages/", pages.channels, name="channels"),
    path("messages/<str:channel>/", pages.channel, name="channel"),
    path("messages/<str:channel>/invite/", pages.invite, name="invite"),
    # Google
    path("google/", pages.mail_list, name="google"),
    path("google/o/oauth2/v2/auth", google.authorize, name="google-authorize"),
    path("google/token", token.token, name="google-token"),
    path("google/revoke", token.revoke, name="google-revoke"),
    path("google/oauth2/v1/certs", identity.certificates, name="google-certs"),
    path("google/v1/userinfo", _userinfo, {"version": "v3"}, name="google-openid-userinfo"),
    path("google/oauth2/<str:version>/userinfo", _userinfo, name="google-userinfo"),
    path("google/gmail/v1/users/<str:user>/messages/send", gmail.send, name="gmail-send"),
    # Slack
    path("slack/", pages.channels, name="slack"),
    path("slack/oauth/v2/authorize", install.authorize, name="slack-authorize"),
    path("slack/api/<str:method>", slack.call, name="slack-api"),
]
