"""A browser without a window, told over a pipe what to do: enough of it to test a page.

The protocol is that of Chromium's developer tools; with `--remote-debugging-pipe` it is JSON and a
NUL on two descriptors, and needs no port and no library.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

#: Debian's and other systems' names of what can be told so.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")


def program():
    """The path of a browser, or `None`."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


needed = pytest.mark.skipif(
    os.name == "nt" or program() is None, reason="needs Chromium, such as Debian's package chromium"
)

#: What reaches beyond the screen, or is cut by what it stands in, but for what scrolls.
CUT = """[...document.querySelectorAll('main *, .top *')].filter((one) => {
  if (!one.checkVisibility() || one.closest('.unseen, .canvas svg, .tabs, thead')) return false;
  const box = one.getBoundingClientRect();
  const hides = getComputedStyle(one).overflowX === 'hidden';
  return box.right > innerWidth + 1 || box.left < -1
    || (hides && one.scrollWidth > one.clientWidth + 1);
}).map((one) => [one.tagName, one.className, one.textContent.slice(0, 40)])"""


class Browser:
    """A process of the browser with one page, which keeps what the page logs and asks for."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        told, self._tell = os.pipe()
        self._hear, heard = os.pipe()

        def arrange():
            # The browser reads commands on descriptor 3 and answers on 4.
            high = [os.dup(told), os.dup(heard)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._process = subprocess.Popen(
            [
                program(),
                "--headless",
                "--remote-debugging-pipe",
                f"--user-data-dir={self._folder.name}",
                # Run by root, as in a container, it has no sandbox to offer.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-extensions",
                "--disable-background-networking",
                "--force-device-scale-factor=1",
                "about:blank",
            ],
            preexec_fn=arrange,
            pass_fds=(3, 4),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(told)
        os.close(heard)
        self._left = b""
        self._number = 0
        self._session = None
        self.messages = []
        self.requests = []
        self._events = []
        targets = self("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        session = self("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        self._session = session
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self(f"{domain}.enable")

    def __call__(self, method, **parameters):
        """Call a method of the protocol and wait for what it gives."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._tell, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._note(answer)

    def _next(self):
        while b"\0" not in self._left:
            read = os.read(self._hear, 1 << 20)
            assert read, "the browser has ended"
            self._left += read
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        match event.get("method"):
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded":
                self.messages.append(event["params"])
            case "Network.requestWillBeSent":
                self.requests.append(event["params"]["request"]["url"])
            case other:
                self._events.append(other)

    def open(
        self, path, *, width=1280, height=900, dark=False, fragment="", touch=False, remember=False
    ):
        """Show a file; what was logged and asked for before is forgotten.

        So is what pages had the browser keep, unless it is to `remember` that.
        """
        self("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.resize(width, height)
        self.scheme("dark" if dark else "light")
        if not remember:
            self("Storage.clearDataForOrigin", origin="file://", storageTypes="local_storage")
        self("Page.navigate", url="about:blank")
        self.messages, self.requests, self._events = [], [], []
        self("Page.navigate", url=Path(path).absolute().as_uri() + fragment)
        deadline = time.monotonic() + 60
        while self.run("document.readyState") != "complete":
            assert time.monotonic() < deadline, "the page takes longer than a minute"
            time.sleep(0.02)

    def resize(self, width, height=900):
        """Give the page another size, in pixels; a narrow one is a telephone's."""
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def scheme(self, name):
        """Prefer light or dark colours."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self("Emulation.setEmulatedMedia", features=features)

    def run(self, code):
        """The value of an expression in the page, which may use its names."""
        result = self("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def press(self, *keys):
        """Press keys one after the other, such as `ArrowRight`."""
        for key in keys:
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            for kind in ("keyDown", "keyUp"):
                codes = {"Enter": 13, "Tab": 9}
                code = codes.get(key, 0)
                extra = {"text": text} if text and kind == "keyDown" else {}
                self(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key=key,
                    windowsVirtualKeyCode=code,
                    **extra,
                )

    def scripts(self, on):
        """Let pages run scripts, or not."""
        self("Emulation.setScriptExecutionDisabled", value=not on)

    def click(self, selector):
        """Click in the middle of the first element that a selector finds."""
        self.run(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        x, y = self.run(
            f"(() => {{const r = document.querySelector({selector!r}).getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]})()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, path, *, whole=False):
        """Write what the page shows as a PNG, all of its length if wanted."""
        shot = self("Page.captureScreenshot", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        """End the browser and remove what it has kept."""
        self._process.kill()
        self._process.wait()
        os.close(self._tell)
        os.close(self._hear)
        self._folder.cleanup()
