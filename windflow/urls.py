"""The approval links. Include them anywhere: ``path("flows/", include("windflow.urls"))``."""

from __future__ import annotations

from django.urls import path

from windflow import views

app_name = "windflow"

urlpatterns = [
    path("approval/<str:token>/", views.approval, name="approval"),
    path("resume/<str:token>/", views.resume, name="resume"),
    path("cancel/<str:token>/", views.cancel, name="cancel"),
]
