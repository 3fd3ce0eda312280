"""The key that signs the Google stand-in's ID tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.db import models
from django.utils.translation import gettext_lazy as _

_VALID = timedelta(days=3650)


class SigningKey(models.Model):
    """An RSA key and its certificate, made when first needed, shared by all processes.

    It vouches for nothing outside this machine, so the private half may lie in the database.
    """

    kid = models.CharField(_("key id"), max_length=40, unique=True)
    private_pem = models.TextField(_("private key"))
    certificate_pem = models.TextField(_("certificate"))

    class Meta:
        verbose_name = _("signing key")
        verbose_name_plural = _("signing keys")

    def __str__(self) -> str:
        return self.kid

    @classmethod
    def current(cls) -> SigningKey:
        """The key; of two made at once both are published and the first is used."""
        return cls.objects.order_by("pk").first() or cls._make()

    @classmethod
    def _make(cls) -> SigningKey:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        certificate = _certificate(private)
        return cls.objects.create(
            kid=certificate.fingerprint(hashes.SHA256()).hex()[:40],
            private_pem=private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
            certificate_pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        )


def _certificate(private: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Stand-in of Google")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .sign(private, hashes.SHA256())
    )
