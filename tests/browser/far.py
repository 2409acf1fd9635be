"""A server far away: a proxy on the loopback that delays whatever passes, both ways."""

import asyncio
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass
class Server:
    """Where it answers, and how far away it is each way; move it at any time."""

    address: str
    milliseconds: float


@contextmanager
def far(address, milliseconds):
    """Yield a Server behind which ``address`` is."""
    there = Server("", milliseconds)
    loop, port = asyncio.new_event_loop(), int(address.rpartition(":")[2])
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def serve():
        def connect(*ends):
            return _connect(*ends, port, there)

        return await asyncio.start_server(connect, "127.0.0.1")

    server = asyncio.run_coroutine_threadsafe(serve(), loop).result()
    try:
        there.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield there
    finally:
        loop.call_soon_threadsafe(server.close)


async def _connect(reader, writer, port, there):
    back, on = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_carry(reader, on, there), _carry(back, writer, there))


async def _carry(reader, writer, there):
    """Pass on what comes, later, and at last that nothing more will come."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        while data := await reader.read(2**16):
            loop.call_later(there.milliseconds / 1000, writer.write, data)
    await asyncio.sleep(there.milliseconds / 1000)
    writer.close()
