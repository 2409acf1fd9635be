"""A server far away: a proxy on the loopback that delays whatever passes, both ways."""

import asyncio
import threading
from contextlib import contextmanager, suppress
from math import inf


class Line:
    """A line to a server: so many seconds each way, and so many bytes a second.

    It may be cut. What is on its way then is held back until it is mended, or lost; in the second
    case all connections are over, too, as a computer notices at last. ``delay`` and ``rate`` may
    change at any time; ``address`` is that of the server, behind the line.
    """

    def __init__(self, address, delay, rate=inf):
        self._port, self.delay, self.rate = int(address.rpartition(":")[2]), delay, rate
        self._free = {"up": 0.0, "down": 0.0}  # when the last byte will have left
        self._loop, self._whole, self._loses = asyncio.new_event_loop(), asyncio.Event(), False
        self._writers = set()
        self._whole.set()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def open(self):
        """Begin to serve; return the address."""
        serving = asyncio.start_server(self._connect, "127.0.0.1")
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        self.address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self.address

    def close(self):
        self._loop.call_soon_threadsafe(self._server.close)

    def cut(self, loses=False):
        """Let nothing pass from now on."""
        self._loses = loses
        self._loop.call_soon_threadsafe(self._whole.clear)

    def mend(self):
        """Let everything pass again; on new connections, if something was lost."""
        for writer in [*self._writers] if self._loses else []:
            self._loop.call_soon_threadsafe(writer.transport.abort)
        self._loses = False
        self._loop.call_soon_threadsafe(self._whole.set)

    async def _connect(self, reader, writer):
        await self._whole.wait()
        there = await asyncio.open_connection("127.0.0.1", self._port)
        ways = (reader, there[1], "up"), (there[0], writer, "down")
        await asyncio.gather(*(self._carry(*way) for way in ways))

    async def _carry(self, reader, writer, way):
        """Pass on what comes, later, and at last that nothing more will come."""
        under_way = asyncio.Queue()
        self._writers.add(writer)
        delivery = asyncio.create_task(self._deliver(under_way, writer))
        with suppress(ConnectionError):
            while data := await reader.read(2**16):
                self._free[way] = max(self._free[way], self._loop.time()) + len(data) / self.rate
                under_way.put_nowait((self._free[way] + self.delay, data))
        under_way.put_nowait((self._loop.time() + self.delay, b""))
        await delivery
        self._writers.discard(writer)

    async def _deliver(self, under_way, writer):
        """Write, one after another, what has been on its way long enough; close after no bytes."""
        data = True
        while data:
            time, data = await under_way.get()
            await asyncio.sleep(time - self._loop.time())
            if self._loses:
                continue
            await self._whole.wait()
            writer.write(data)
        writer.close()


@contextmanager
def far(address, milliseconds, rate=inf):
    """Yield a Line behind which ``address`` is, so many milliseconds away each way."""
    line = Line(address, milliseconds / 1000, rate)
    line.open()
    try:
        yield line
    finally:
        line.close()
