# SPDX-License-Identifier: GPL-2.0-only
"""A headless Chromium, driven through chromedriver's HTTP protocol (W3C WebDriver).

Knows nothing of sockline.
"""
import base64
import ctypes
import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--force-device-scale-factor=1", "--hide-scrollbars",
         "--remote-debugging-pipe"]  # ends with chromedriver, however that ends
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "Shift": "\ue008", "Left": "\ue012",
        "Up": "\ue013", "Right": "\ue014", "Down": "\ue015"}


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Browser:
    """One window.  close() ends it and leaves nothing behind."""

    def __init__(self):
        self.home = tempfile.TemporaryDirectory(prefix="browser")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True,
                                       env={**os.environ, "TMPDIR": self.home.name},
                                       preexec_fn=die_with_parent)
        self.session = None
        try:
            self.port = self.read_port()
            options = {"args": [*FLAGS, f"--user-data-dir={self.home.name}/profile"]}
            self.session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL"}}}})["sessionId"]
        except BaseException:
            self.close()
            raise

    def read_port(self):
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return int(found.group(1))
        raise AssertionError("chromedriver does not start")

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, None if body is None else json.dumps(body),
                           {"Content-Type": "application/json"})
        value = json.loads(connection.getresponse().read())["value"]
        connection.close()
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{path}: {value['message']}")
        return value

    def do(self, what, body=None, method="POST"):
        return self.call(method, f"/session/{self.session}/{what}", body or {})

    def cdp(self, command, **params):
        return self.do("goog/cdp/execute", {"cmd": command, "params": params})

    def open(self, path):
        self.do("url", {"url": f"file://{path}"})

    def size(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)

    def dark(self, on):
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if on else "light"},
            # Smooth scrolling moves what is about to be clicked.
            {"name": "prefers-reduced-motion", "value": "reduce"}])

    def run(self, script, *args):
        """What the script returns; it is the body of a function."""
        return self.do("execute/sync", {"script": script, "args": list(args)})

    def until(self, script, what, seconds=10):
        deadline = time.monotonic() + seconds
        while True:
            value = self.run(script)
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {what}")
            time.sleep(0.02)

    def find(self, css):
        return self.do("element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        self.do(f"element/{self.find(css)}/click")

    def type(self, css, text):
        self.do(f"element/{self.find(css)}/value", {"text": text})

    def text(self, css):
        return self.run("return document.querySelector(arguments[0]).innerText", css)

    def press(self, *names):
        """Keys one after another; "Shift+Right" holds the first."""
        for name in names:
            keys = [KEYS.get(k, k) for k in name.split("+")]
            actions = [{"type": "keyDown", "value": k} for k in keys]
            actions += [{"type": "keyUp", "value": k} for k in reversed(keys)]
            self.do("actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def drag(self, css, *parts):
        """The pointer, pressed, along an element's middle: parts of its width, 0 to 1."""
        self.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", css)
        x, y, width, height = self.run("const r = document.querySelector(arguments[0])"
                                       ".getBoundingClientRect(); return [r.x, r.y, r.width, r.height]", css)
        moves = [{"type": "pointerMove", "x": round(x + width * p), "y": round(y + height / 2)}
                 for p in parts]
        self.do("actions", {"actions": [{
            "type": "pointer", "id": "mouse", "actions": [
                moves[0], {"type": "pointerDown", "button": 0}, *moves[1:],
                {"type": "pointerUp", "button": 0}]}]})

    def screenshot(self, path, whole=False):
        shot = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as f:
            f.write(base64.b64decode(shot["data"]))

    def complaints(self):
        """What stood on the console since the last call."""
        return [f"{entry['level']}: {entry['message']}" for entry in
                self.do("se/log", {"type": "browser"}) if entry["level"] != "DEBUG"]

    def close(self):
        if self.session:
            try:
                self.call("DELETE", f"/session/{self.session}")
            except (AssertionError, OSError):
                pass
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()
        self.home.cleanup()
