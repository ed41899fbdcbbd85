from __future__ import annotations

import pytest

from gateway.errors import RequestError
from gateway.route.mysql_url import connect_arguments


def test_a_url_is_taken_apart() -> None:
    found = connect_arguments("mysql://shop:p%40s%23s%C3%A9@db.internal:3307/crm?ssl_ca=/etc/ca.pem")
    assert found == {
        "host": "db.internal",
        "port": 3307,
        "user": "shop",
        "password": "p@s#sé".encode(),
        "database": "crm",
        "unix_socket": None,
        "ssl_ca": "/etc/ca.pem",
        "ssl_verify_identity": True,
    }
    assert connect_arguments("mysql://db.internal")["port"] == 3306


@pytest.mark.parametrize("url", ["mysql://db:99999/crm", "mysql://db:x/crm", "mysql://db/crm?charset=latin1"])
def test_what_is_not_known_is_refused_without_the_url(url: str) -> None:
    with pytest.raises(RequestError) as caught:
        connect_arguments(url.replace("db", "shop:geheim@db"))
    assert caught.value.reason == "BAD_FIELD"
    assert "geheim" not in caught.value.message
