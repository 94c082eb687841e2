"""When a connection is read."""

from uvicorn.protocols.http.flow_control import FlowControl


class Flow(FlowControl):
    """Reads nothing while requests wait: the one that is answered would ask for more, in vain."""

    requests_wait = False

    def resume_reading(self) -> None:
        """Read on, unless requests wait."""
        if self.read_paused and not self.requests_wait:
            super().resume_reading()

    def let_wait(self) -> None:
        """Read no more until what was read is answered."""
        self.requests_wait = True
        self.pause_reading()
