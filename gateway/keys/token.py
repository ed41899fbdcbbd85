"""Tokens of the tenant port: EdDSA JWTs that name a caller and its roles, for at most 30 days."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from gateway.errors import AccessError, RequestError
from gateway.flow.ports.world import Clock
from gateway.keys import folder
from gateway.route.caller import Caller, Role

ALGORITHM = "EdDSA"
MAX_DAYS = 30
MAX_TOKEN_CHARS = 8192
_CLOCK_SKEW = timedelta(seconds=60)


class _EdDsaOnly(JWSRegistry):
    """Takes EdDSA and nothing else, whatever the token's header asks for.

    RFC 9864 deprecates the name because it leaves the curve open; here the key,
    which is Ed25519 by construction, closes it.
    """

    def get_alg(self, name: str) -> Any:
        if name != ALGORITHM:
            raise UnsupportedAlgorithmError(f"only {ALGORITHM} is taken")
        return self.algorithms[name]


_REGISTRY = _EdDsaOnly()


def issue_token(
    home: Path, subject: str, roles: Collection[Role | str], party: str, now: datetime, days: int = 30
) -> str:
    """Issue a token with the home's token key.

    Args:
        home: the home.
        subject: who will carry it, 1 to 200 printable characters.
        roles: at least one role.
        party: our party id, the token's audience.
        now: time of issue (UTC).
        days: lifetime, 1 to 30.

    Raises:
        RequestError: BAD_FIELD.
        StateError: NOT_FOUND without a token key.
    """
    if not 1 <= days <= MAX_DAYS:
        raise RequestError("BAD_FIELD", f"field days must be from 1 to {MAX_DAYS}")
    if not 0 < len(subject) <= 200 or not subject.isprintable():
        raise RequestError("BAD_FIELD", "field subject must be 1 to 200 printable characters")
    known = {role.value for role in Role}
    names = sorted({str(role) for role in roles})
    if not names or not known.issuperset(names):
        raise RequestError("BAD_FIELD", f"field roles must name one or more of {', '.join(sorted(known))}")
    private = folder.read_ed25519(home, folder.TOKEN_KEY)
    key = OKPKey.import_key(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    issued = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": party,
        "aud": party,
        "sub": subject,
        "roles": names,
        "iat": issued,
        "exp": issued + int(timedelta(days=days).total_seconds()),
        "jti": secrets.token_urlsafe(16),
    }
    return jwt.encode({"alg": ALGORITHM}, claims, key, registry=_REGISTRY)


class TokenVerifier:
    """Turns a bearer token into a Caller, or refuses it."""

    __slots__ = ("_clock", "_key", "_party")

    def __init__(self, public_key: bytes, party: str, clock: Clock) -> None:
        """Take the PEM of the token key's public half, our party id and the time."""
        self._key = OKPKey.import_key(public_key)
        self._party = party
        self._clock = clock

    @classmethod
    def load(cls, home: Path, party: str, clock: Clock) -> TokenVerifier:
        """Take the public half of the home's token key.

        Raises:
            StateError: NOT_FOUND.
            RequestError: BAD_FIELD.
        """
        public = folder.read_ed25519(home, folder.TOKEN_KEY).public_key()
        return cls(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), party, clock)

    def verify(self, token: str) -> Caller:
        """Check a token's signature, audience, time and roles.

        Raises:
            AccessError: UNAUTHENTICATED, saying which of these failed.
        """
        if len(token) > MAX_TOKEN_CHARS or not token.isascii():
            raise _refused("is not a compact JWT")
        try:
            claims = jwt.decode(token, self._key, registry=_REGISTRY).claims
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            # Before the signature is checked the parser sees a stranger's bytes: it may stumble in any of these ways.
            raise _refused("is malformed or was not signed by this gateway") from error
        if claims.get("aud") != self._party:
            raise _refused("was issued for another gateway")
        self._check_times(claims.get("iat"), claims.get("exp"))
        subject, roles = claims.get("sub"), claims.get("roles")
        if not isinstance(subject, str) or not subject:
            raise _refused("names no subject")
        if not isinstance(roles, list) or not roles or not all(isinstance(role, str) for role in roles):
            raise _refused("names no roles")
        if not {role.value for role in Role}.issuperset(roles):
            raise _refused("names a role that this release does not know")
        return Caller(subject, frozenset(Role(role) for role in roles))

    def _check_times(self, issued: object, expires: object) -> None:
        if type(issued) is not int or type(expires) is not int:
            raise _refused("has no time of issue or of expiry")
        now = self._clock.now().timestamp()
        if expires - issued > timedelta(days=MAX_DAYS).total_seconds():
            raise _refused(f"lives longer than {MAX_DAYS} days")
        if issued > now + _CLOCK_SKEW.total_seconds():
            raise _refused("was issued in the future; compare the clocks")
        if now >= expires:
            raise _refused("has expired")


def _refused(problem: str) -> AccessError:
    return AccessError("UNAUTHENTICATED", f"the bearer token {problem}; ask an administrator for a new one")
