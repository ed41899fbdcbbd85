"""Resource names: `collection/id` on the wire, the bare id inside."""

from __future__ import annotations

import re

from gateway.rpc.convert.field import ID, refuse

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PARTY = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DECLARED = re.compile(r"[a-z][a-z0-9_-]{0,62}")
# Greedy: ids may hold slashes, the version is what stands last.
_NOTICE_VERSION = re.compile(r"notices/(.+)/versions/([1-9][0-9]{0,8})")

FORMS = {
    "agreements": _UUID,
    "basisRules": ID,
    "categories": ID,
    "datasets": ID,
    "deliveries": _UUID,
    "exportMechanisms": ID,
    "impactAssessments": ID,
    "jobs": _UUID,
    "notices": ID,
    "parties": _PARTY,
    "partyEvents": ID,
    "purposes": ID,
    "schedules": _DECLARED,
    "sinks": _DECLARED,
}


def id_of(name: str, collection: str, path: str = "name") -> str:
    """Return the id in a resource name.

    Args:
        name: e.g. "jobs/7f1c2c1e-6f0e-4d2a-9a53-0f5d0f6a2b11".
        collection: e.g. "jobs"; one of `FORMS`.
        path: the field, for the message.

    Raises:
        RequestError: BAD_FIELD.
    """
    prefix, slash, found = name.partition("/")
    if prefix != collection or not slash or FORMS[collection].fullmatch(found) is None:
        shape = "<uuid, as lists show it>" if FORMS[collection] is _UUID else "..."
        refuse(path, f'must be a name like "{collection}/{shape}"')
    return found


def name_of(collection: str, found: str) -> str:
    """Return the resource name of an id; an empty id has none."""
    return f"{collection}/{found}" if found else ""


def notice_version(name: str, path: str = "name") -> tuple[str, int]:
    """Return id and version in a name like "notices/sharing/versions/2".

    Raises:
        RequestError: BAD_FIELD.
    """
    match = _NOTICE_VERSION.fullmatch(name)
    if match is None or ID.fullmatch(match[1]) is None:
        refuse(path, 'must be a name like "notices/sharing/versions/2"')
    return match[1], int(match[2])


def notice_name(notice_id: str, version: int) -> str:
    """Return the resource name of a version of a notice."""
    return f"notices/{notice_id}/versions/{version}"
