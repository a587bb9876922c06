"""A browser without a window, driven over the DevTools protocol through a pair of pipes."""

import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = [
    "--headless", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check",
    "--disable-gpu", "--disable-quic", "--disable-sync", "--disable-component-update",
    "--disable-extensions", "--disable-background-networking", "--disable-dev-shm-usage",
    "--window-size=1400,900",
]  # fmt: skip
# The browser reads at 3 and writes at 4.
START = "import os, sys; a, b, *c = sys.argv[1:]; os.dup2(int(a), 3); os.dup2(int(b), 4)"
START += "; os.execv(c[0], c)"
KEYS = {"Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "End": 35, "Home": 36, "Tab": 9}


def installed() -> str | None:
    """Return the browser's program, if one is on the PATH; Windows cannot hand pipes over so."""
    if os.name == "nt":
        return None
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def check_harmless(browser: "Browser") -> None:
    """Check that a page asked for nothing, complained about nothing, and ran no text."""
    asked = [e["params"]["type"] for e in browser.events if "requestWillBeSent" in e["method"]]
    assert "Document" in asked, "requests are not seen at all"
    assert browser.see("window.pwned") is None, "a text was run"
    assert browser.see("document.images.length") == 0
    assert browser.complaints() == []


class Browser:
    """One page in a browser of its own; what it logs and asks for is kept in `events`."""

    def __init__(self, program: str, profile: Path, wait: float = 60.0) -> None:
        import fcntl  # not on Windows

        self.wait = wait
        self.events: list[dict[str, Any]] = []
        self._left, self._number, self._session = b"", 0, None
        there, self._out = os.pipe()
        self._in, back = os.pipe()
        # Away from the numbers that they get in the end.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (there, back)]
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        command = [program, *OPTIONS, *root, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, *map(str, ends), *command],
            pass_fds=ends,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (there, back, *ends):
            os.close(end)
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._in, selectors.EVENT_READ)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End the browser and wait for it."""
        os.close(self._out)
        os.close(self._in)
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and give its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        content = json.dumps(message).encode() + b"\0"
        while content:
            content = content[os.write(self._out, content) :]
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            assert self._ready.select(self.wait), f"no answer of the browser in {self.wait} s"
            block = os.read(self._in, 1 << 20)
            assert block, "the browser has ended"
            self._left += block
        message, self._left = self._left.split(b"\0", 1)
        return json.loads(message)

    def open(self, address: str) -> None:
        """Go to an address and wait until the page has built itself."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        self.until(lambda: self.see("document.documentElement?.dataset.ready === 'yes'"))

    def see(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited where it is a promise."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        end = time.monotonic() + self.wait
        while not holds():
            assert time.monotonic() < end, "it did not come true in time"
            time.sleep(0.02)

    def click(self, selector: str) -> None:
        """Click into the middle of an element, as a mouse does."""
        box = self.see(
            f"(e => {{ e.scrollIntoView({{block: 'nearest'}}); const b = e.getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]; })"
            f"(document.querySelector({json.dumps(selector)}))"
        )
        place = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **place)

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            code = {"key": key, "windowsVirtualKeyCode": KEYS.get(key, ord(key[0].upper()))}
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", **code, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", **code)

    def write(self, text: str) -> None:
        """Write a text where the focus is, as a keyboard or an input method does."""
        self.call("Input.insertText", text=text)

    def complaints(self) -> list[Any]:
        """Return what the page logged as an error, and what it asked for beside itself."""
        self.see("1")
        found: list[Any] = []
        for event in self.events:
            given = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                found.append(given["exceptionDetails"])
            elif event["method"] == "Log.entryAdded" and given["entry"]["level"] == "error":
                found.append(given["entry"])
            elif event["method"] == "Runtime.consoleAPICalled" and given["type"] == "error":
                found.append(given["args"])
            elif event["method"] == "Network.requestWillBeSent":
                address = given["request"]["url"]
                if not (given["type"] == "Document" and address.startswith(("file:", "about:"))):
                    found.append(address)
        return found
