"""Who may take which route: one question, asked at the top of each."""

from __future__ import annotations

from gateway.errors import AccessError
from gateway.route.caller import Caller, Role


def require(caller: Caller, *roles: Role) -> None:
    """Let a caller pass who has at least one of the roles.

    Args:
        caller: whom the token names.
        roles: the roles that may take this route, at least one.

    Raises:
        AccessError: ROLE_MISSING, naming the roles.
    """
    if caller.roles.isdisjoint(roles):
        wanted = " or ".join(role.value for role in roles)
        raise AccessError("ROLE_MISSING", f"this needs the role {wanted}; ask an administrator for a token that has it")


def require_log_reader(caller: Caller) -> None:
    """Let officers and auditors pass: the log is read and proven, and nobody is asked about.

    Raises:
        AccessError: ROLE_MISSING.
    """
    require(caller, Role.COMPLIANCE_OFFICER, Role.AUDITOR)


def require_reader(caller: Caller) -> None:
    """Let anyone pass who has a role at all: what is read here concerns no person.

    Raises:
        AccessError: ROLE_MISSING.
    """
    require(caller, *Role)
