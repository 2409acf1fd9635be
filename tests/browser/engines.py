"""Three engines of browsers behind one interface: open a page, evaluate, press, drag and tap.

Chromium is driven by Playwright, Firefox by WebDriver BiDi, and WebKit by WebDriver. Firefox and
WebKit are those of Debian: apt-get install firefox-esr webkit2gtk-driver xvfb.
"""

import itertools
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

import websocket

KEYS = {"ArrowLeft": "\ue012", "ArrowRight": "\ue014", "ArrowDown": "\ue015"}
KEYS |= {"Home": "\ue011", "End": "\ue010"}
OFFLINE = {"network.dns.disabled": "true"}  # Firefox asks its makers for nothing
# What comes back is JSON, which means the same in both protocols.
AS_JSON = "Promise.resolve({}).then((value) => JSON.stringify(value ?? null))".format


class Chromium:
    """The browser of the other tests, which is running."""

    needs = ()

    def __init__(self, browser, dark=False):
        scheme = "dark" if dark else "light"
        self._context = browser.new_context(has_touch=True, color_scheme=scheme)
        self._page = self._context.new_page()
        self.open, self.evaluate = self._page.goto, self._page.evaluate
        self.press, self.tap = self._page.keyboard.press, self._page.touchscreen.tap

    def drag(self, x, y, to):
        """Press the mouse at (x, y), and let it go at (to, y)."""
        self._page.mouse.move(x, y)
        self._page.mouse.down()
        self._page.mouse.move(to, y, steps=9)
        self._page.mouse.up()

    def close(self):
        """Close the page."""
        self._context.close()


class Driven:
    """What Firefox and WebKit share: the actions of WebDriver."""

    def press(self, key):
        """Press a key and let it go."""
        steps = [{"type": f"key{way}", "value": KEYS[key]} for way in ("Down", "Up")]
        self._act({"type": "key", "id": "keys", "actions": steps})

    def drag(self, x, y, to):
        """Press the mouse at (x, y), and let it go at (to, y)."""
        self._point("mouse", x, y, {"type": "pointerMove", "x": round(to), "y": round(y)})

    def tap(self, x, y):
        """Touch the screen at (x, y)."""
        self._point("touch", x, y)

    def _point(self, kind, x, y, *between):
        to, down, up = ({"type": f"pointer{step}"} for step in ("Move", "Down", "Up"))
        to, button = to | {"x": round(x), "y": round(y)}, {"button": 0}
        steps = [to, down | button, *between, up | button]
        pointer = {"type": "pointer", "id": kind, "parameters": {"pointerType": kind}}
        self._act(pointer | {"actions": steps})


class Firefox(Driven):
    """Firefox without a window. home: a folder of its own. dark: whether it asks for dark pages."""

    needs = ("firefox-esr",)

    def __init__(self, home, dark=False):
        settings = OFFLINE | {"ui.systemUsesDarkTheme": str(int(dark))}
        lines = [f'user_pref("{name}", {value});\n' for name, value in settings.items()]
        (home / "user.js").write_text("".join(lines), encoding="utf-8")
        command = ["firefox-esr", "--headless", "--no-remote", "--remote-debugging-port=0"]
        with (home / "log").open("w") as log:
            command += ["--profile", str(home)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        find = re.compile(r"BiDi listening on (ws://\S+)").search
        address = wait_for(lambda: find((home / "log").read_text()))[1]
        self._socket = websocket.create_connection(f"{address}/session", suppress_origin=True)
        self._numbers = itertools.count()
        self._send("session.new", capabilities={})
        (page,) = self._send("browsingContext.getTree")["contexts"]
        self._page = {"context": page["context"]}

    def _send(self, method, **params):
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        answers = (json.loads(self._socket.recv()) for _ in itertools.count())
        answer = next(answer for answer in answers if answer.get("id") == number)
        assert answer["type"] == "success", answer
        return answer["result"]

    def open(self, url):
        """Open a page, and wait until it is loaded."""
        self._send("browsingContext.navigate", url=url, wait="complete", **self._page)

    def evaluate(self, expression):
        """Return the value of an expression of JavaScript."""
        script = {"expression": AS_JSON(expression), "awaitPromise": True, "target": self._page}
        answer = self._send("script.evaluate", **script)
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def _act(self, source):
        self._send("input.performActions", actions=[source], **self._page)

    def close(self):
        """End the browser."""
        self._socket.close()
        end(self._process)


class WebKit(Driven):
    """WebKitGTK's small browser, on a screen that nobody sees."""

    needs = ("WebKitWebDriver", "Xvfb")

    def __init__(self, home, dark=False):
        command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x1024x24"]
        self._screen = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        with self._screen.stdout as told:
            own = {"DISPLAY": f":{told.readline().strip()}", "HOME": str(home)}
        own |= {"GTK_THEME": "Adwaita:dark"} if dark else {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._process = subprocess.Popen(
            ["WebKitWebDriver", f"--port={port}"], env=os.environ | own, stderr=subprocess.DEVNULL
        )
        self._address = f"http://127.0.0.1:{port}/session"
        self._address += "/" + wait_for(self._begin)["sessionId"]

    def _begin(self):
        try:
            return self._post("", capabilities={})
        except urllib.error.HTTPError:
            raise
        except OSError:
            return None  # the driver does not listen yet

    def _post(self, command, **values):
        asked = urllib.request.Request(self._address + command, json.dumps(values).encode())
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, url):
        """Open a page, and wait until it is loaded: the driver is at times too early."""
        self._post("/url", url=url)
        wait_for(lambda: self.evaluate("document.readyState === 'complete'"))

    def evaluate(self, expression):
        """Return the value of an expression of JavaScript."""
        script = f"const done = arguments[0]; {AS_JSON(expression)}.then(done);"
        return json.loads(self._post("/execute/async", script=script, args=[]))

    def _act(self, source):
        self._post("/actions", actions=[source])

    def close(self):
        """End the browser."""
        end_session = urllib.request.Request(self._address, method="DELETE")
        urllib.request.urlopen(end_session, timeout=60).close()
        end(self._process)
        end(self._screen)


ENGINES = {kind.__name__: kind for kind in (Chromium, Firefox, WebKit)}


def end(process):
    """End a process that was started here."""
    process.terminate()
    process.wait(timeout=30)


def wait_for(look, seconds=60):
    """Return what ``look`` returns as soon as that is true."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        if found := look():
            return found
        time.sleep(0.1)
    raise TimeoutError(f"nothing after {seconds} seconds")
