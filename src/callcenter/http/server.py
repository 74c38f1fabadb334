"""uvicorn with a stop that doesn't wait for streams that never end."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from callcenter.errors import SetupFailed

STOP_SECONDS = 5
"""How long answers under way may take to finish when we are asked to stop."""


class Server(uvicorn.Server):
    """Calls `before_stop` when it is told to stop, before it waits for its connections."""

    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_stop = before_stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, then return: uvicorn's own would end the process before we have tidied up."""
        loop, stopping = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
        for number in stopping:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in stopping:
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_stop()
        await super().shutdown(sockets)


def listening_socket(host: str, port: int) -> socket.socket:
    """Bind at once, so that a taken port is a clear message. Raises `SetupFailed`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise SetupFailed(
            what=f"The API can't listen on {host}:{port}",
            why=error.strerror or str(error),
            mend="end what uses that port, or set CALLCENTER_HTTP_PORT",
        ) from None
    # connections inherit it; asyncio would set it, but does not know this socket for TCP. Without it the second
    # write of an answer, its body, waits for the client's delayed acknowledgement of the first: 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def serve(app: FastAPI, host: str, port: int, before_stop: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM. Raises `SetupFailed` when the port is taken.

    h11 parses the requests: unlike httptools it bounds the size of their heads.
    Requests are not logged: their addresses hold callers' numbers.
    """
    listener = listening_socket(host, port)
    config = uvicorn.Config(
        app, http="h11", ws="none", lifespan="on", access_log=False, log_config=None, server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS, timeout_keep_alive=30, limit_concurrency=500,
    )  # fmt: skip
    server = Server(config, before_stop)
    await server.serve(sockets=[listener])
