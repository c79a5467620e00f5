"""Tokens of the house's identity provider (OpenID Connect): checked here, with the provider's public keys."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import jwt

from grace.gateway.api.provider_keys import ALGORITHMS, ProviderKeys
from grace.gateway.domain.access import Key
from grace.gateway.domain.sign_on import ClaimError, Claims, key_of
from grace.gateway.settings import Settings
from grace.kit import Runtime, SettingsError, Unauthenticated

_LEEWAY_SECONDS = 30  # clocks of two houses
# What nobody can guess for a house, and what would be wrong without it.
_NEEDED: Final = {
    "oidc_audience": "tokens of the provider for other programs would open Grace",
    "oidc_keys": "nobody could tell who signed a token",
    "oidc_principal_claim": "name the claim that says the same as the API keys of a person do (preferred_username,"
    " often); by another one approvals would count one person twice",
}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# What reading a token may end with, whatever somebody made of it.
_UNREADABLE = (jwt.PyJWTError, ClaimError, OverflowError, TypeError, ValueError, RecursionError)


class BadToken(Unauthenticated):
    """This token of the identity provider opens nothing."""


class SignOn:
    """Opens tokens of the provider. Without one in the settings it opens none."""

    def __init__(self, settings: Settings, keys: ProviderKeys, runtime: Runtime) -> None:
        self._settings = settings
        self._keys = keys
        self._runtime = runtime
        self._claims = Claims(
            principal=settings.oidc_principal_claim,
            tenant=settings.oidc_tenant_claim,
            roles=settings.oidc_roles_claim,
            scopes=settings.oidc_roles,
        )

    async def open(self, token: str) -> Key:
        """Return the key that a token stands for. BadToken says why it stands for none.

        ProviderAway where only the provider could tell, and does not answer.
        """
        if not self._settings.oidc_issuer:
            raise BadToken("There is no identity provider here: give an API key.")
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            found = (
                await self._keys.find(key_id, self._runtime) if isinstance(key_id, str) else None
            )
            if found is None:
                raise BadToken(
                    "This token is signed with a key that its provider does not publish."
                )
            return key_of(self._claims_in(token, found), self._claims)
        except _UNREADABLE as error:
            raise BadToken(f"This token opens nothing: {error}") from None

    def _claims_in(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        return jwt.decode(
            token,
            key.key,
            algorithms=ALGORITHMS[str(key.key_type)],
            audience=self._settings.oidc_audience,
            issuer=self._settings.oidc_issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud"]},
        )


def refuse_unfit_provider(settings: Settings) -> None:
    """SettingsError where the settings of the provider do not fit together."""
    if not settings.oidc_issuer:
        return
    for name, why in _NEEDED.items():
        if not getattr(settings, name):
            raise SettingsError(f"GRACE_GATEWAY_{name.upper()} is not set: {why}")
    place = urlsplit(settings.oidc_keys)
    if place.scheme == "http" and place.hostname not in _LOOPBACK:
        raise SettingsError(
            "GRACE_GATEWAY_OIDC_KEYS is not https: whoever stands in between could sign tokens"
        )
