"""Slack: the install flow of OAuth v2, and the Web API, below one root."""
