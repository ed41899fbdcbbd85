from __future__ import annotations

import pyarrow as pa

from gateway import identifier
from gateway.identifier import expected, shapes

MD5, SHA256 = "d41d8cd98f00b204e9800998ecf8427e", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_values_are_told_apart_by_their_digits() -> None:
    values = [
        "13800000001",
        " a@b.cn ",
        MD5,
        MD5.upper(),
        f" {SHA256}\n",
        SHA256.upper(),
        SHA256.replace("e", "E"),
        "",
        None,
    ]
    values += ["0" * 32, MD5[:-1] + "x", SHA256[:-1]]
    assert dict(shapes(pa.array(values, pa.string()))) == {
        "plain": 4,
        "md5 lower": 2,
        "md5 upper": 1,
        "sha256 or sm3 lower": 1,
        "sha256 or sm3 upper": 1,
        "sha256 or sm3 mixed": 1,
    }
    assert not shapes(pa.array([None, " "], pa.string()))
    sliced = pa.array(["x", MD5, "y"], pa.string()).slice(1, 1)
    assert dict(shapes(sliced)) == {"md5 lower": 1}


def test_one_shape_is_expected_where_the_type_has_one() -> None:
    assert expected(identifier.parse("phone.e164"), digests=False) == "plain"
    assert expected(identifier.parse("phone.cn11.md5"), digests=True) == "md5 lower"
    assert expected(identifier.parse("email.plain.sm3"), digests=True) == "sha256 or sm3 lower"
    # An OAID may be 32 or 64 hexadecimal digits itself.
    assert expected(identifier.parse("oaid"), digests=False) is None
