from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assent_verify import policy as second
from assent_verify.failure import CheckError
from assent_verify.witness import parse_witness_key
from gateway.errors import HostileInput, RequestError
from gateway.tlog.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from gateway.tlog.cosignature import CosignerKey, cosign
from gateway.tlog.note import NoteSigner, VerifierKey
from gateway.tlog.policy import Policy, check_policy, format_policy, parse_policy, simple_policy
from tests.unit.gateway.tlog.test_cosignature import private, public

LOG = NoteSigner(VerifierKey("log.example/audit", public(1)), private(1).sign)
OLD_LOG = VerifierKey("log.example/audit", public(40))
KEYS = {name: CosignerKey(f"{name}.example/witness", public(seed)) for seed, name in enumerate("abcdef", 2)}
HEAD = Checkpoint(LOG.key.name, 9, bytes(range(32)))

NESTED = f"""\
# two of three of ours, and one of theirs
log {LOG.key.vkey} https://log.example/
\twitness  a {KEYS["a"].vkey}\t https://a.example/
witness b {KEYS["b"].vkey}
witness c {KEYS["c"].vkey}
group ours 2 a b c

witness d {KEYS["d"].vkey}
witness 证人 {KEYS["e"].vkey}
group theirs any d 证人
group both all ours theirs
quorum both
"""


def cosigned(*names: str) -> bytes:
    lines = [cosign(format_checkpoint(HEAD), KEYS[name], 7, private("abcdef".index(name) + 2).sign) for name in names]
    return sign_checkpoint(HEAD, [LOG]) + "".join(lines).encode()


def accepted(text: bytes, note: bytes) -> bool:
    """The verdict of both implementations, which must be one."""

    def holds(call: Callable[[], Any], *refusals: type[Exception]) -> bool:
        try:
            call()
        except refusals:
            return False
        return True

    ours = holds(lambda: check_policy(note, parse_policy(text)), HostileInput)
    theirs = holds(lambda: second.read_by_policy(note, second.parse_policy(text), "policy"), CheckError)
    assert ours == theirs
    return ours


@pytest.mark.parametrize(
    ("names", "enough"),
    [("abd", True), ("ace", True), ("abcde", True), ("ab", False), ("ad", False), ("de", False), ("", False)],
)
def test_groups_of_groups(names: str, enough: bool) -> None:
    assert accepted(NESTED.encode(), cosigned(*names)) is enough


@given(st.sets(st.sampled_from("abcdef")), st.integers(0, 4))
@settings(max_examples=30)
def test_k_of_n(names: set[str], quorum: int) -> None:
    policy = simple_policy([LOG.key], {name: KEYS[name] for name in "abcd"}, quorum)
    text = format_policy(policy)
    assert parse_policy(text) == policy
    assert accepted(text, cosigned(*sorted(names))) is (len(names & set("abcd")) >= quorum)


def test_a_quorum_that_cannot_be_had_is_refused() -> None:
    with pytest.raises(RequestError, match="quorum of 2"):
        simple_policy([LOG.key], {"a": KEYS["a"]}, 2)


def test_names_that_a_party_may_have_do_not_disturb() -> None:
    policy = simple_policy([LOG.key], {"witnesses": KEYS["a"], "none-such": KEYS["b"]}, 1)
    assert parse_policy(format_policy(policy)) == policy


def test_a_log_must_be_named_and_must_have_signed() -> None:
    other = NoteSigner(VerifierKey("other.example/audit", public(9)), private(9).sign)
    quorum_only = b"quorum none\n"
    assert accepted(f"log {LOG.key.vkey}\nquorum none\n".encode(), cosigned())
    assert not accepted(quorum_only, cosigned())
    assert not accepted(f"log {other.key.vkey}\nquorum none\n".encode(), cosigned())
    # A key that the log had before, beside its present one.
    assert accepted(f"log {OLD_LOG.vkey}\nlog {LOG.key.vkey}\nquorum none\n".encode(), cosigned())
    assert not accepted(f"log {OLD_LOG.vkey}\nquorum none\n".encode(), cosigned())


def test_a_cosignature_over_another_checkpoint_spoils_it() -> None:
    policy = f"log {LOG.key.vkey}\nwitness a {KEYS['a'].vkey}\nwitness b {KEYS['b'].vkey}\nquorum a\n".encode()
    other = format_checkpoint(Checkpoint(HEAD.origin, 8, HEAD.root))
    replayed = cosign(other, KEYS["b"], 7, private(3).sign)
    assert accepted(policy, cosigned("a"))
    assert not accepted(policy, cosigned("a") + replayed.encode())


A, B = KEYS["a"].vkey, KEYS["b"].vkey
WRONG = {
    "no quorum": f"witness a {A}\n",
    "two quorums": "quorum none\nquorum none\n",
    "unknown quorum": "quorum a\n",
    "quorum before its witness": f"quorum a\nwitness a {A}\n",
    "a cut line": f"witness a {A}\nquorum a",
    "a log's key as witness": f"witness a {LOG.key.vkey}\nquorum a\n",
    "a witness's key as log": f"log {A}\nquorum none\n",
    "a witness twice": f"witness a {A}\nwitness b {A}\nquorum a\n",
    "a key under two names": f"witness a {A}\nwitness b {CosignerKey('z', public(2)).vkey}\nquorum a\n",
    "a log twice": f"log {LOG.key.vkey}\nlog {LOG.key.vkey}\nquorum none\n",
    "a name twice": f"witness a {A}\nwitness a {B}\nquorum a\n",
    "the name none": f"witness none {A}\nquorum none\n",
    "none in a group": f"witness a {A}\ngroup g 1 a none\nquorum g\n",
    "an empty group": f"witness a {A}\ngroup g any\nquorum a\n",
    "a group too large": f"witness a {A}\ngroup g 2 a\nquorum g\n",
    "a group of 0": f"witness a {A}\ngroup g 0 a\nquorum g\n",
    "a group of 01": f"witness a {A}\ngroup g 01 a\nquorum g\n",
    "a group of +1": f"witness a {A}\ngroup g +1 a\nquorum g\n",
    "a member twice": f"witness a {A}\nwitness b {B}\ngroup g 2 a a\nquorum g\n",
    "a member of two groups": f"witness a {A}\nwitness b {B}\ngroup g any a\ngroup h any a b\nquorum h\n",
    "a group of itself": "group g any g\nquorum g\n",
    "an unknown word": "quorun none\n",
    "words too many": f"witness a {A} https://a b\nquorum a\n",
    "a carriage return": "quorum none\r\n",
    "a vertical tab": "quorum\vnone\n",
    "delete": "# \x7f\nquorum none\n",
    "nothing": "",
    "too long": "#" * 65_536 + "\nquorum none\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_policy_is_refused_by_both(text: str) -> None:
    with pytest.raises(RequestError):
        parse_policy(text.encode())
    with pytest.raises(ValueError, match="policy"):
        second.parse_policy(text.encode())


def test_thirty_two_of_each_and_octets_that_are_no_utf8() -> None:
    witnesses = [CosignerKey(f"w{row}", public(100 + row)) for row in range(32)]
    lines = [f"witness w{row} {key.vkey}" for row, key in enumerate(witnesses)]
    lines += [f"group g{row} any w{row}" for row in range(31)] + [
        "group all 31 " + " ".join(f"g{r}" for r in range(31))
    ]
    text = "".join(line + "\n" for line in [*lines, "quorum all"]).encode()
    assert len(parse_policy(text).groups) == 32
    assert len(second.parse_policy(text).groups) == 32
    odd = f"witness \udcff\udcfe {A}\nquorum \udcff\udcfe\n".encode("utf-8", "surrogateescape")
    assert parse_policy(odd).met_by({KEYS["a"]})
    assert second.parse_policy(odd).met_by([parse_witness_key(A)])
    assert format_policy(parse_policy(odd)) == odd


def test_nobody_has_cosigned_by_default() -> None:
    assert Policy((LOG.key,)).met_by(())
