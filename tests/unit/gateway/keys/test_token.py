from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import AccessError, RequestError
from gateway.keys import folder
from gateway.keys.token import TokenVerifier, issue_token
from gateway.route.caller import Caller, Role
from tests.unit.gateway.keys.homes import NOW, StoppedClock, make_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("token")
    make_home(path)
    return path


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def forge(key: Ed25519PrivateKey, header: Any, claims: Any) -> str:
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{signed}.{b64(key.sign(signed.encode()))}"


def claims(**changes: Any) -> dict[str, Any]:
    issued = int(NOW.timestamp())
    given_claims = {"aud": "retailer", "sub": "cdp", "roles": ["cdp_job"], "iat": issued, "exp": issued + 3600}
    return {name: value for name, value in (given_claims | changes).items() if value is not None}


@pytest.fixture
def own(home: Path) -> Callable[..., str]:
    """Signs anything with the home's own token key."""
    key = folder.read_ed25519(home, folder.TOKEN_KEY)
    return lambda header=None, **changes: forge(key, header or {"alg": "EdDSA"}, claims(**changes))


def verifier(home: Path, clock: StoppedClock | None = None) -> TokenVerifier:
    return TokenVerifier.load(home, "retailer", clock or StoppedClock())


def test_an_issued_token_names_its_caller(home: Path) -> None:
    token = issue_token(home, "cdp-nightly", [Role.CDP_JOB, "compliance_officer"], "retailer", NOW)
    assert verifier(home).verify(token) == Caller("cdp-nightly", frozenset({Role.CDP_JOB, Role.COMPLIANCE_OFFICER}))
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header == {"alg": "EdDSA", "typ": "JWT"}


def test_any_ed25519_jwt_library_could_have_made_it(home: Path, own: Callable[..., str]) -> None:
    assert verifier(home).verify(own()).subject == "cdp"


def test_a_token_dies_on_its_day(home: Path) -> None:
    token = issue_token(home, "cdp", ["cdp_job"], "retailer", NOW, days=2)
    clock = StoppedClock(NOW + timedelta(days=2, seconds=-1))
    verifier(home, clock).verify(token)
    clock.at = NOW + timedelta(days=2)
    with pytest.raises(AccessError, match="expired"):
        verifier(home, clock).verify(token)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"aud": "platform"}, "another gateway"),
        ({"aud": None}, "another gateway"),
        ({"aud": ["retailer", "platform"]}, "another gateway"),
        ({"exp": None}, "time of issue"),
        ({"iat": None}, "time of issue"),
        ({"exp": "tomorrow"}, "time of issue"),
        ({"exp": True}, "time of issue"),
        ({"exp": int(NOW.timestamp()) + 31 * 86_400}, "longer than 30 days"),
        ({"exp": int(NOW.timestamp())}, "expired"),
        ({"iat": int(NOW.timestamp()) + 61}, "future"),
        ({"roles": []}, "no roles"),
        ({"roles": None}, "no roles"),
        ({"roles": "administrator"}, "no roles"),
        ({"roles": [1]}, "no roles"),
        ({"roles": ["cdp_job", "regulator"]}, "does not know"),
        ({"sub": ""}, "no subject"),
        ({"sub": None}, "no subject"),
        ({"sub": 7}, "no subject"),
    ],
)
def test_a_signed_token_with_wrong_claims_is_refused(
    home: Path, own: Callable[..., str], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(AccessError, match=said) as caught:
        verifier(home).verify(own(**changes))
    assert caught.value.reason == "UNAUTHENTICATED"


@pytest.mark.parametrize("alg", ["none", "HS256", "Ed25519", "ES256", "", None, 5])
def test_no_other_algorithm_is_taken(home: Path, own: Callable[..., str], alg: Any) -> None:
    token = own({"alg": alg})
    for tried in (token, token.rpartition(".")[0] + "."):
        with pytest.raises(AccessError, match="malformed"):
            verifier(home).verify(tried)


def test_a_strangers_key_is_refused_whatever_the_header_says(home: Path) -> None:
    stranger = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(stranger.public_key().public_bytes_raw())}
    for header in ({"alg": "EdDSA"}, {"alg": "EdDSA", "jwk": jwk}, {"alg": "EdDSA", "kid": "token.key"}):
        with pytest.raises(AccessError):
            verifier(home).verify(forge(stranger, header, claims()))


def test_critical_extensions_are_refused(home: Path, own: Callable[..., str]) -> None:
    with pytest.raises(AccessError):
        verifier(home).verify(own({"alg": "EdDSA", "crit": ["b64"], "b64": False}))


def test_a_changed_token_is_refused(home: Path) -> None:
    header, payload, signature = issue_token(home, "cdp", ["cdp_job"], "retailer", NOW).split(".")
    raised = b64(json.dumps(claims(roles=["administrator"])).encode())
    for token in (f"{header}.{raised}.{signature}", f"{header}.{payload}", f"{header}.{payload}.", payload):
        with pytest.raises(AccessError):
            verifier(home).verify(token)


def test_a_token_of_another_home_is_refused(home: Path, tmp_path: Path) -> None:
    make_home(tmp_path)
    with pytest.raises(AccessError):
        verifier(home).verify(issue_token(tmp_path, "cdp", ["cdp_job"], "retailer", NOW))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=60)
    | st.lists(
        st.binary(max_size=40).map(b64)
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["alg", "crit"]), inner),
        ).map(lambda value: b64(json.dumps(value).encode())),
        min_size=2,
        max_size=5,
    ).map(".".join)
)
def test_noise_is_refused_and_nothing_else_happens(home: Path, token: str) -> None:
    with pytest.raises(AccessError):
        verifier(home).verify(token)


@pytest.mark.parametrize("token", ["", ".", "..", "a" * 9000, b64(b"[" * 380) + ".e30.e30", "é.é.é"])
def test_chosen_noise_is_refused(home: Path, token: str) -> None:
    with pytest.raises(AccessError):
        verifier(home).verify(token)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"days": 0}, "days"),
        ({"days": 31}, "days"),
        ({"subject": ""}, "subject"),
        ({"subject": "a\nb"}, "subject"),
        ({"roles": []}, "roles"),
        ({"roles": ["regulator"]}, "roles"),
    ],
)
def test_only_sound_tokens_are_issued(home: Path, changes: dict[str, Any], named: str) -> None:
    fields: dict[str, Any] = {"subject": "cdp", "roles": ["cdp_job"], "party": "retailer", "now": NOW, "days": 1}
    with pytest.raises(RequestError, match=named):
        issue_token(home, **(fields | changes))
