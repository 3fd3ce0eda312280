"""Google: a Gmail account as a resource, and scripts that send as it."""

#: What must be installed for this folder to be used.
MODULES = ("allauth", "googleapiclient", "google_auth_httplib2")
APPS = ("allauth.socialaccount",)
