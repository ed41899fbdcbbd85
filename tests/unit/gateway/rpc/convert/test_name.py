from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rpc.convert.field import ID
from gateway.rpc.convert.name import id_of, name_of, notice_name, notice_version
from tests.unit.gateway.rpc.convert.messages import UUID, refused

IDS = st.from_regex(ID, fullmatch=True)


@given(IDS)
def test_an_id_comes_back_out_of_its_name(found: str) -> None:
    assert id_of(name_of("purposes", found), "purposes") == found


@given(IDS, st.integers(min_value=1, max_value=999_999_999))
def test_a_notice_comes_back_out_of_its_name(found: str, version: int) -> None:
    assert notice_version(notice_name(found, version)) == (found, version)


@pytest.mark.parametrize(
    "name",
    ["", UUID, "jobs/", "jobs", f"job/{UUID}", f"jobs/{UUID}/x", f"jobs/{UUID.upper()}", f"jobs/{UUID}\n", "jobs/../x"],
)
def test_other_names_are_refused(name: str) -> None:
    refused(lambda value: id_of(value, "jobs", "job.name"), name, "job.name")


@pytest.mark.parametrize(
    "name",
    ["notices/N", "notices/N/versions/0", "notices/N/versions/01", "notices//versions/1", "notices/N/versions/-1"],
)
def test_other_notice_names_are_refused(name: str) -> None:
    refused(notice_version, name, "name")


@pytest.mark.parametrize("party", ["RET", "-a", "a-", "a" * 64, "a_b", "ä"])
def test_parties_are_dns_labels(party: str) -> None:
    refused(lambda value: id_of(value, "parties", "recipient"), f"parties/{party}", "recipient")
