"""Slack: a workspace as a resource, and scripts that post there as a bot."""

#: What must be installed for this folder to be used.
MODULES = ("allauth", "slack_sdk")
APPS = ("allauth.socialaccount",)
