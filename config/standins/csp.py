"""The content security policy of the stand-ins' pages: nothing from elsewhere, nothing inline."""

from __future__ import annotations

from django.http import HttpResponse


def protect(
    response: HttpResponse, *, form_action: str = "'self'", inline_styles: bool = False
) -> HttpResponse:
    """Add the policy. ``inline_styles`` is for a mail's frame, which inherits its page's policy."""
    styles = "'self' 'unsafe-inline'" if inline_styles else "'self'"
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src {styles}; img-src 'self' data:; frame-src 'self'; "
        f"form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
    )
    return response
