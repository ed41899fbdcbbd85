from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import assent_verify
from assent_verify import Report
from assent_verify.canonical import parse, serialize
from assent_verify.cli import main
from assent_verify.failure import Failure
from assent_verify.report import as_text
from assent_verify.signature import decode_base64, signature_ok, trusted_key
from tests.unit.verify.made_export import PUBLIC_KEYS, Made, make_export

LOW_ORDER = [
    bytes(32),
    bytes([1]) + bytes(31),
    bytes(31) + b"\x80",
    b"\xec" + b"\xff" * 30 + b"\x7f",
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]


@pytest.mark.parametrize("value", [1.5, 2**53, -(2**53), b"x", {"a": object()}, "\ud800", {"\ud800": 1}])
def test_what_has_no_canonical_form(value: object) -> None:
    with pytest.raises(ValueError, match=r"2\^53|surrogates"):
        serialize(value)


@pytest.mark.parametrize(
    "encoded", [b"1.5", b"NaN", b"9007199254740993", b"9" * 99, b"[" * 9000 + b"]" * 9000, b'{"a":1,"a":1}', b"[1, 2]"]
)
def test_what_is_not_canonical(encoded: bytes) -> None:
    with pytest.raises(ValueError, match="."):  # noqa: RUF043 - each has its own words
        parse(encoded)


def test_names_sort_by_utf16_code_units() -> None:
    assert serialize({"\ufb33": 1, "\U0001f600": 2, "a": [None, True]}) == (
        '{"a":[null,true],"\U0001f600":2,"\ufb33":1}'.encode()
    )


@pytest.mark.parametrize("key", LOW_ORDER)
def test_keys_of_low_order(key: bytes) -> None:
    for sign in (0, 0x80):
        with pytest.raises(ValueError, match="low order"):
            trusted_key(key[:31] + bytes([key[31] ^ sign]))


def test_other_keys() -> None:
    assert trusted_key(PUBLIC_KEYS["retailer"]) == PUBLIC_KEYS["retailer"]
    for key, words in (
        (b"short", "32 bytes"),
        ((2**255 - 19 + 3).to_bytes(32, "little"), "canonical"),
        (bytes([2]) + bytes(31), "not a point"),
    ):
        with pytest.raises(ValueError, match=words):
            trusted_key(key)
    assert not signature_ok(PUBLIC_KEYS["retailer"], b"message", b"short")


@pytest.mark.parametrize("text", ["AA", "AB==", "A A=", "AA==\n", "é", "____"])
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(ValueError, match="."):  # noqa: RUF043 - the standard library's words vary
        decode_base64(text)


def test_a_long_list_of_reasons_is_cut() -> None:
    report = Report(failures=[Failure("opened", f"entry {row}") for row in range(25)])
    lines = as_text(report).splitlines()
    assert len([line for line in lines if line.startswith("FAIL ")]) == 21
    assert "FAIL      and 5 more" in lines
    assert lines[-1].startswith("FAILED")


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make_export(tmp_path, 3)


def test_a_failed_check_is_exit_code_1(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.path("extra").write_bytes(b"")
    assert main([str(made.root)]) == 1
    out = capsys.readouterr().out
    assert "FAIL      files: extra: is not in the manifest\n" in out
    assert out.endswith("FAILED    this export is not what the log promised\n")


def test_as_a_module_with_a_poor_terminal(made: Made) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "assent_verify", str(made.root)],
        env={"PYTHONPATH": str(Path(assent_verify.__file__).parents[1]), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u7532" in done.stdout  # the legal name, as far as ASCII can show it
