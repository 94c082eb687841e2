"""The `/kafka` namespace of Socket.IO: a page made for it works unchanged, with clients 3 and 4.

`mount` is the door (what the library leaves unbounded has bounds there), `engine` the library as it is set
up here, `namespace` the events, `listing` the topic's records in the order of time.
"""

from tailrace.transports.socketio.mount import socketio_mount

__all__ = ["socketio_mount"]
