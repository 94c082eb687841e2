"""Whose pages may write where nothing has to be shown."""

import pytest
from tests.transports.conftest import PRINCIPALS

from tailrace.settings import GrantEntry, PrincipalEntry, Server, Settings


@pytest.fixture
def settings():
    """Anybody may write, as within a company's network."""
    anybody = PrincipalEntry("anonymous", None, (GrantEntry(("write",), "orders"),))
    return Settings(principals=(*PRINCIPALS, anybody), server=Server(origins=("https://app.example",)))


async def write(client, origin, **headers):
    given = {"content-type": "text/plain"} | ({"origin": origin} if origin else {}) | headers
    answer = await client.post("/v1/topics/orders/records", content=b"x", headers=given)
    return answer.status_code


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://gateway", 200),
        ("https://app.example", 200),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
async def test_pages_of_other_sites_do_not_write_without_a_token(client, origin, status):
    """A browser sends text of any page unasked; with a token the page may write."""
    assert await write(client, origin, authorization="Bearer tr_writer") == 200
    del client.headers["authorization"]
    assert await write(client, origin) == status
