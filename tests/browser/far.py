"""A server far away: a proxy on the loopback that delays whatever passes, both ways."""

import asyncio
import threading
from contextlib import contextmanager, suppress


@contextmanager
def far(address, milliseconds):
    """Yield an address behind which ``address`` is, so many milliseconds away each way."""
    loop, port = asyncio.new_event_loop(), int(address.rpartition(":")[2])
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def serve():
        def connect(*ends):
            return _connect(*ends, port, milliseconds / 1000)

        return await asyncio.start_server(connect, "127.0.0.1")

    server = asyncio.run_coroutine_threadsafe(serve(), loop).result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(server.close)


async def _connect(reader, writer, port, delay):
    there = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_carry(reader, there[1], delay), _carry(there[0], writer, delay))


async def _carry(reader, writer, delay):
    """Pass on what comes, ``delay`` seconds later, and at last that nothing more will come."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        while data := await reader.read(2**16):
            loop.call_later(delay, writer.write, data)
    await asyncio.sleep(delay)
    writer.close()
