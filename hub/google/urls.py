"""Connect a Gmail account."""

from __future__ import annotations

from hub.connect import connect_urls
from hub.google.provider import GoogleProvider

urlpatterns = connect_urls(GoogleProvider)
