"""Who one is to a gateway."""

import msgspec

from tailrace.client.exchange import Address, request
from tailrace.core.errors import Unavailable
from tailrace.protocol.routes_bodies import Session


def who_am_i(address: Address) -> Session:
    """The name and grants of whoever the address shows.

    Raises:
        Unauthenticated: nobody's.
    """
    try:
        return msgspec.json.decode(request(address, "GET", "/v1/session"), type=Session)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unavailable(
            "The answer is not a gateway's.", cause=str(error), hint="Check the address (--url)."
        ) from None
