"""The basis rule table (PIPL 13): how far legal bases other than consent reach here, and who answers for each row."""

from __future__ import annotations

from collections.abc import Mapping

from consent.basis import BasisRule
from gateway.errors import RequestError
from gateway.flow.access import require
from gateway.flow.ports import House, RegistryItem
from gateway.flow.registry import create_version, load_registry, reading, refuse_set_by_server
from gateway.route.caller import Caller, Role

BASIS_RULE = "basis_rule"


async def create_basis_rule(house: House, caller: Caller, body: Mapping[str, object], version: int = 0) -> RegistryItem:
    """Add a row, or the next version of one; a row ends by a version with `valid_until`.

    Args:
        house: ports.
        caller: an administrator or a compliance officer.
        body: as `consent.basis.BasisRule` reads it.
        version: that it is to be; 0 is the next one.

    Returns:
        The stored version; the newest again is the newest.

    Raises:
        RequestError: BAD_FIELD.
        StateError: REVISION_CONFLICT when `version` is not the next one.
    """
    require(caller, Role.ADMINISTRATOR, Role.COMPLIANCE_OFFICER)
    refuse_set_by_server(body)
    with reading():
        rule = BasisRule.from_mapping(body)
    async with house.store.begin() as tx:
        registry = await load_registry(tx, house)
        for field, names, registered in (
            ("purpose", {rule.purpose}, registry.purposes),
            ("categories", rule.categories, registry.categories),
            ("recipients", rule.recipients - {None}, registry.parties),
        ):
            if not names <= registered.keys():
                raise RequestError("BAD_FIELD", f"field {field} holds a name that is not registered; register it first")
        return await create_version(tx, house, caller, BASIS_RULE, rule.id, rule.to_mapping(), version)
