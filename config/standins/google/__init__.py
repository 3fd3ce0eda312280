"""Google: OAuth 2, userinfo and Gmail, below one root."""
