"""Stand-ins of Google and Slack on loopback, for the demo and for tests.

The real SDKs and django-allauth talk to them; only endpoints are configured, no code knows. Include
``config.standins.urls`` (namespace ``standins``) at ``standins/``, add ``config.standins`` to
``INSTALLED_APPS``, migrate, and register an app for each provider::

    control.register_app(
        "google",
        client_id="…",
        client_secret="…",
        redirect_uris=[f"{BASE_URL}/accounts/google/login/callback/"],
    )

Below the two roots, ``GOOGLE = f"{BASE_URL}/standins/google"`` and
``SLACK = f"{BASE_URL}/standins/slack"``, the paths are the providers' own.

**django-allauth, Google** (65.21). Every endpoint is a setting of the provider::

    SOCIALACCOUNT_PROVIDERS = {"google": {
        "AUTHORIZE_URL": f"{GOOGLE}/o/oauth2/v2/auth",
        "ACCESS_TOKEN_URL": f"{GOOGLE}/token",
        "IDENTITY_URL": f"{GOOGLE}/oauth2/v2/userinfo",  # when no ID token comes
        "CERTS_URL": f"{GOOGLE}/oauth2/v1/certs",        # sign-in by a token alone
        "ID_TOKEN_ISSUER": GOOGLE,
        "OAUTH_PKCE_ENABLED": True,
        "AUTH_PARAMS": {"access_type": "offline", "prompt": "consent"},
        "SCOPE": ["openid", "email", "https://www.googleapis.com/auth/gmail.send"],
    }}

allauth copies the five addresses into ``GoogleOAuth2Adapter`` when its module is imported: they
have to stand in the settings from the start, and ``override_settings`` comes too late. (A test on a
port that it learns late subclasses the adapter, or sets its attributes.) After the exchange of a
code allauth reads ``iss``, ``aud`` and ``exp`` of the ID token and skips its signature, so
``ID_TOKEN_ISSUER`` is needed and the certificates are not fetched. ``gmail.send`` alone tells
nobody who the account is: without ``openid email`` there is no ID token, and userinfo answers 401.

**google-auth**: ``Credentials(token_uri=f"{GOOGLE}/token", …)``. It sends its ``scopes``, when it
has any, with each refresh, and they have to be the full names that were granted.

**google-api-python-client**: ``build("gmail", "v1", client_options={"api_endpoint": GOOGLE}, …)``;
the description of the API is part of the package, so nothing else is fetched.

**Revoking at Google** has no setting in either: ``POST {GOOGLE}/revoke`` with ``token=…``.

**slack-sdk**: ``WebClient(base_url=f"{SLACK}/api/")``, also for ``oauth_v2_access``, and
``AuthorizeUrlGenerator(authorization_url=f"{SLACK}/oauth/v2/authorize")``.

**django-allauth, Slack**: its own provider is sign-in by OpenID with fixed addresses. One that
installs a bot subclasses ``OAuth2Adapter`` with ``scope_delimiter = ","`` and takes
``authorize_url`` (``{SLACK}/oauth/v2/authorize``) and ``access_token_url``
(``{SLACK}/api/oauth.v2.access``) from ``self.get_provider().get_settings()``, which reads
``SOCIALACCOUNT_PROVIDERS`` anew each time.

All of these clients obey ``HTTP_PROXY``; where it is set, ``NO_PROXY`` has to name ``127.0.0.1``.

``config.standins.control`` makes calls fail, expires and revokes, and tells what arrived. Of every
token only a digest is kept here, as at a real provider.
"""
