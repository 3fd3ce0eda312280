"""Connect a Slack workspace."""

from __future__ import annotations

from hub.connect import connect_urls
from hub.slack.provider import SlackProvider

urlpatterns = connect_urls(SlackProvider)
