"""Does a class fit on this machine? A hub of its own, and all students press Run All at once.

    python tests/benchmarks/classroom.py --students 30 --notebook 02

Needs jupyterhub (``pip install jupyterhub``) and its proxy (``npm install -g
configurable-http-proxy``). The hub listens on this machine alone, anybody may log in, and all that
it writes is in a folder that goes with it.
"""

import argparse
import asyncio
import json
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path

import psutil  # comes with Jupyter's kernel
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from helpers.setup.machine import ROOT, cores

PROXY = "configurable-http-proxy"
PATIENCE = 300  # seconds for the hub, or for a server, to start
CONFIGURATION = """
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_port = {ports[1]}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = c.Spawner.notebook_dir = {home!r}
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser", "--allow-root"]
c.Spawner.environment = {{"PYTHONPATH": {root!r}}}
c.Spawner.start_timeout = c.Spawner.http_timeout = {patience}
c.JupyterHub.concurrent_spawn_limit = 1000
c.JupyterHub.services = [{{"name": "class", "api_token": {token!r}}}]
scopes = ["admin:users", "admin:servers", "access:servers"]
c.JupyterHub.load_roles = [{{"name": "class", "services": ["class"], "scopes": scopes}}]
"""


def find_lack():
    """Return one sentence that says what to install first; "" if all is there."""
    if not find_spec("jupyterhub"):
        return f"a class needs a hub: run  {sys.executable} -m pip install jupyterhub"
    if not shutil.which(PROXY):
        return f"the hub needs its proxy, which npm has: run  npm install -g {PROXY}"
    return ""


class Hub:
    """A JupyterHub in a folder; ``with`` starts and ends it, with all servers of students."""

    def __init__(self, folder):
        self.folder, self.token, self._process = Path(folder), secrets.token_hex(16), None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115, it is closed with the hub
        self.headers = {"Authorization": f"token {self.token}"}
        with ExitStack() as held:  # all at once, so that they differ
            free = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
            self.ports = [each.getsockname()[1] for each in free]
        self.place = f"127.0.0.1:{self.ports[0]}"

    def __enter__(self):
        settings = {"ports": self.ports, "home": f"{self.folder}/{{username}}", "root": str(ROOT)}
        settings |= {"python": sys.executable, "token": self.token, "patience": PATIENCE}
        file = self.folder / "jupyterhub_config.py"
        file.write_text(CONFIGURATION.format(**settings), encoding="utf-8")
        command = [sys.executable, "-m", "jupyterhub", "-f", file.name]
        out = {"stdout": self._log, "stderr": subprocess.STDOUT}
        self._process = subprocess.Popen(command, cwd=self.folder, **out)
        return self

    def __exit__(self, *_):
        ends = self.processes()
        for process in ends:
            process.terminate()
        for process in psutil.wait_procs(ends, timeout=10)[1]:
            process.kill()
        self._log.close()

    def processes(self):
        """Return the processes of the hub and its proxy, and of each server with its kernels."""
        if self._process.poll() is not None:
            return []
        hub = psutil.Process(self._process.pid)
        return [hub, *hub.children(recursive=True)]

    def memory(self):
        """Return bytes of memory: of all, and of the largest server with its kernel."""
        hub, owners, sizes = self._process.pid, {}, Counter()
        for one in self.processes():  # parents come before their children
            with suppress(psutil.Error):  # it has ended
                owner = owners.get(one.ppid(), one.pid)
                sizes[owner] += one.memory_info().rss
                if one.pid != hub:
                    owners[one.pid] = owner
        return sizes.total(), max((sizes[each] for each in sizes if each != hub), default=0)

    async def call(self, path, method="GET", body=None):
        """Return what the hub, or the server of a student, answers to a request."""
        body = None if body is None else json.dumps(body)
        options = {"body": body, "request_timeout": PATIENCE, "allow_nonstandard_methods": True}
        request = HTTPRequest(f"http://{self.place}/{path}", method, self.headers, **options)
        return json.loads((await AsyncHTTPClient().fetch(request)).body or "null")

    async def wait_for(self, path, is_there):
        """Ask until ``is_there(answer)``; raise RuntimeError if it takes too long or cannot be."""
        end, trouble = time.monotonic() + PATIENCE, ""
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if is_there(await self.call(path)):
                    return
            except (OSError, HTTPClientError) as error:  # not yet
                trouble = f": {error}"
            await asyncio.sleep(0.5)
        if self._process.poll() is not None:
            self._log.seek(0)
            last = self._log.read().decode(errors="replace").strip().splitlines()[-1:]
            raise RuntimeError(f"the hub has ended: {''.join(last)}")
        raise RuntimeError(f"{path} was not there after {PATIENCE} seconds{trouble}")


async def log_in(hub, name, notebook):
    """Start the server of a student, whose folder holds the notebook."""
    folder = hub.folder / name
    folder.mkdir()
    shutil.copy(notebook, folder)
    user = f"hub/api/users/{name}"
    await hub.call(user, "POST")
    await hub.call(f"{user}/server", "POST")
    await hub.wait_for(user, lambda known: known["servers"].get("", {}).get("ready"))


async def run_all(hub, name, cells):
    """Run code cells in a new kernel of a student; return the seconds that took.

    Raises RuntimeError, with the cell and the error, for the first that fails.
    """
    begun = time.monotonic()
    kernel = await hub.call(f"user/{name}/api/kernels", "POST", {"name": "python3"})
    address = f"ws://{hub.place}/user/{name}/api/kernels/{kernel['id']}/channels"
    request = HTTPRequest(address, headers=hub.headers, request_timeout=PATIENCE)
    channel = await websocket_connect(request, max_message_size=2**30)
    for cell in cells:
        reply = await execute(channel, "".join(cell["source"]))
        if reply["status"] != "ok":
            said = f"{reply['ename']}: {reply['evalue']}".splitlines()[0]
            raise RuntimeError(f"cell {cell['id']}: {said}")
    return time.monotonic() - begun


async def execute(channel, code):
    """Run code in a kernel; return its reply, with "status", and "ename" and "evalue" of errors."""
    known = {"msg_id": uuid.uuid4().hex, "username": "", "session": uuid.uuid4().hex}
    header = known | {"msg_type": "execute_request", "version": "5.3", "date": ""}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    await channel.write_message(json.dumps(message | {"channel": "shell"}))
    while (text := await channel.read_message()) is not None:
        answer = json.loads(text) if isinstance(text, str) else {}  # bytes: of a widget
        if answer.get("msg_type") == "execute_reply":  # of this code: one cell runs at a time
            return answer["content"]
    return {"status": "error", "ename": "the kernel", "evalue": "has ended"}


async def hold(students, notebook):
    """Let ``students`` run a notebook at once; return what each gave, and the peaks of memory.

    Of each student that is the seconds, or the exception; of memory, bytes of all students together
    and of the largest, each with its server and its kernel.
    """
    AsyncHTTPClient.configure(None, max_clients=4 * students)
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    cells = [cell for cell in cells if cell["cell_type"] == "code"]
    names = [f"student{number:02d}" for number in range(1, students + 1)]
    with tempfile.TemporaryDirectory() as folder, Hub(folder) as hub:
        await hub.wait_for("hub/api/", lambda answer: "version" in answer)
        await asyncio.gather(*(log_in(hub, name, notebook) for name in names))
        together = (run_all(hub, name, cells) for name in names)
        work = asyncio.gather(*together, return_exceptions=True)
        peaks = [0, 0]
        while not work.done():
            peaks = [*map(max, peaks, hub.memory())]
            await asyncio.wait([work], timeout=1)
        return dict(zip(names, work.result(), strict=True)), peaks


def report(results, peaks):
    """Return lines that say how a class went."""
    seconds = sorted(each for each in results.values() if not isinstance(each, Exception))
    lines = [f"finished: {len(seconds)} of {len(results)}"]
    if seconds:
        median, slowest = statistics.median(seconds), seconds[-1]
        lines.append(f"seconds: {median:.0f} for the median student, {slowest:.0f} for the slowest")
    total, largest = (peak / 1e9 for peak in peaks)
    lines.append(f"memory at the peak: {total:.1f} GB in all, {largest:.2f} GB for one student")
    errors = [f"{name}: {each}" for name, each in results.items() if isinstance(each, Exception)]
    return [*lines, *errors]


def main(words):
    """Hold a class as the command line says it, and print how it went."""
    parser = argparse.ArgumentParser(description="So many students run a notebook at once.")
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--notebook", default="02", help="its number, or the path of another")
    asked = parser.parse_args(words)
    course = (ROOT / "notebooks").glob("[!.]*.ipynb")
    found = [path for path in course if path.name.startswith(f"{asked.notebook}_")]
    found.append(Path(asked.notebook))
    if lack := find_lack():
        sys.exit(lack)
    if asked.students < 1 or not found[0].is_file():
        sys.exit(f"{asked.students} students cannot run notebook {asked.notebook}")
    print(f"{asked.students} students run {found[0].name} at once, on {cores()} cores", flush=True)
    try:
        results, peaks = asyncio.run(hold(asked.students, found[0]))
    except RuntimeError as error:
        sys.exit(f"the class could not begin: {error}")
    print(*report(results, peaks), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
