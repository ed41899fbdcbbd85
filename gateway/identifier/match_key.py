"""Names of match keys: `<type>[.<form>][.<hash>]`, as an agreement lists them.

Both sides must declare the same form and hash: a silent mismatch of forms is
the commonest loss in the field. A side with raw values derives the form, and
the hash of it; a side with digests uses them as they are, since hashing twice
would match nobody. Which of the two a column holds is declared, never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.errors import RequestError

DIGEST_HEX_LENGTH = {"md5": 32, "sha256": 64, "sm3": 64, "md5_sha256": 64}
"""Hexadecimal digits of each hash a match key may name; `md5_sha256` is the SHA-256 of the MD5's lower-case text."""

FORMS = {
    "phone": ("e164", "cn11", "digits"),
    "email": ("plain", "google", "google_dots", "uid2", "tiktok", "tiktok_dots"),
    "oaid": (),
    "idfa": (),
    "gaid": (),
    "imei": (),
    "mac": (),
    "caid": (),
    "openid": (),
    "unionid": (),
    "id": ("opaque",),
}
"""The forms of each type; a type without any has one, which needs no name."""

_UNHASHED_TYPES = frozenset({"id"})
_PRINTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class MatchKey:
    """A parsed match key.

    Attributes:
        type: what is identified: "phone", "email", "oaid" and so on.
        form: the canonical form, e.g. "e164"; "" for a type that has one only.
        hash: "md5", "sha256", "sm3", "md5_sha256", or "" for values as they are.
    """

    type: str
    form: str
    hash: str = ""

    @property
    def name(self) -> str:
        """The name as it stands in agreements and on the wire."""
        return ".".join(part for part in (self.type, self.form, self.hash) if part)


def _supported() -> dict[str, MatchKey]:
    keys = []
    for type_, forms in FORMS.items():
        hashes = ("",) if type_ in _UNHASHED_TYPES else ("", *DIGEST_HEX_LENGTH)
        keys += [MatchKey(type_, form, hash_) for form in forms or ("",) for hash_ in hashes]
    return {key.name: key for key in keys}


_BY_NAME = _supported()

SUPPORTED = tuple(sorted(_BY_NAME))
"""Every match key that this release can normalise, by name."""


def parse(name: str) -> MatchKey:
    """Return the match key of a name.

    Args:
        name: e.g. "phone.e164" or "phone.cn11.sha256"; case counts.

    Raises:
        RequestError: BAD_FIELD for a name that is not in `SUPPORTED`.
    """
    key = _BY_NAME.get(name)
    if key is None:
        shown = f'"{name}"' if _PRINTABLE.fullmatch(name) else "(unprintable)"
        plain = ", ".join(known for known, parsed in sorted(_BY_NAME.items()) if not parsed.hash)
        raise RequestError(
            "BAD_FIELD",
            f"match key {shown} is not supported; use one of {plain}, "
            f"each but id.opaque also with .{', .'.join(DIGEST_HEX_LENGTH)}",
        )
    return key
