from __future__ import annotations

import pytest

from gateway.errors import RequestError
from gateway.identifier import SUPPORTED, MatchKey, parse


@pytest.mark.parametrize("name", SUPPORTED)
def test_every_supported_name_parses_to_itself(name: str) -> None:
    assert parse(name).name == name


def test_the_supported_keys_are_exactly_these() -> None:
    phones = {f"phone.{form}" for form in ("e164", "cn11", "digits")}
    mails = {f"email.{form}" for form in ("plain", "google", "google_dots", "uid2", "tiktok", "tiktok_dots")}
    others = {"oaid", "idfa", "gaid", "imei", "mac", "caid", "openid", "unionid"}
    hashed = {f"{key}.{hash_}" for key in phones | mails | others for hash_ in ("md5", "sha256", "sm3", "md5_sha256")}
    assert set(SUPPORTED) == phones | mails | others | hashed | {"id.opaque"}


def test_the_parts_of_a_name() -> None:
    assert parse("phone.cn11.sm3") == MatchKey("phone", "cn11", "sm3")
    assert parse("id.opaque") == MatchKey("id", "opaque", "")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "phone",
        "phone.",
        "phone.e164.",
        "Phone.e164",
        "phone.e164.SHA256",
        "phone.sha256",
        "id.opaque.md5",
        "email",
        "oaid.raw",
        "name",
    ],
)
def test_an_unsupported_name_is_a_bad_field_that_lists_what_is_supported(name: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse(name)
    assert caught.value.reason == "BAD_FIELD"
    assert "phone.e164" in caught.value.message


def test_a_hostile_name_is_not_repeated() -> None:
    with pytest.raises(RequestError) as caught:
        parse("13800138000\n[31m")
    assert "138001" not in caught.value.message
