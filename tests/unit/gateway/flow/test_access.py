from __future__ import annotations

import pytest

from gateway.errors import AccessError
from gateway.flow.access import require, require_reader
from gateway.route.caller import Caller, Role


def test_one_of_the_roles_is_enough() -> None:
    caller = Caller("ann", frozenset({Role.CDP_JOB, Role.COMPLIANCE_OFFICER}))
    require(caller, Role.COMPLIANCE_OFFICER)
    require(caller, Role.ADMINISTRATOR, Role.CDP_JOB)


@pytest.mark.parametrize("held", [frozenset(), frozenset({Role.CDP_JOB}), frozenset({Role.COMPLIANCE_OFFICER})])
def test_without_them_nobody_passes(held: frozenset[Role]) -> None:
    with pytest.raises(AccessError) as caught:
        require(Caller("bob", held), Role.ADMINISTRATOR)
    assert caught.value.reason == "ROLE_MISSING"
    assert "administrator" in caught.value.message
    assert "bob" not in caught.value.message


def test_an_administrator_is_no_cdp_job() -> None:
    with pytest.raises(AccessError):
        require(Caller("root", frozenset({Role.ADMINISTRATOR})), Role.CDP_JOB)


def test_a_route_that_names_no_role_lets_nobody_pass() -> None:
    with pytest.raises(AccessError):
        require(Caller("root", frozenset(Role)))


def test_reading_needs_some_role() -> None:
    for role in Role:
        require_reader(Caller("ann", frozenset({role})))
    with pytest.raises(AccessError):
        require_reader(Caller("ann", frozenset()))
