"""A program of Mozilla's without a screen, run by its Marionette protocol: scripts with the program's own objects."""
import contextlib
import json
import os
import signal
import socket
import subprocess

from stack import PATIENCE, wait_for

# Nothing leaves this machine: every name is loopback, the web is behind a proxy that isn't there.
ALONE = {
    "marionette.port": 0, "network.dns.forceResolve": "127.0.0.1", "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1", "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": 9,
}


class Driven:
    """The connection, with a session in it that may run scripts as the program itself."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.incoming, self.asked = self.socket.makefile("rb"), 0
        self.packet()
        self.ask("WebDriver:NewSession", {"timeouts": {"script": PATIENCE * 1000}})
        self.ask("Marionette:SetContext", {"value": "chrome"})

    def packet(self):
        """What it says next: the length in decimal, a colon, JSON."""
        length = b""
        while (octet := self.incoming.read(1)) != b":":
            assert octet, "it is gone"
            length += octet
        return json.loads(self.incoming.read(int(length)))

    def ask(self, command, parameters):
        self.asked += 1
        words = json.dumps([0, self.asked, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(words), words))
        _, answered, error, result = self.packet()
        assert answered == self.asked, answered
        assert not error, f"{error['message']}\n{error['stacktrace']}"
        return result

    def script(self, text, *arguments):
        """Runs it; what it returns, once that is known."""
        return self.ask("WebDriver:ExecuteScript", {"script": text, "args": arguments, "sandbox": "system"})["value"]

    def quit(self):
        self.ask("Marionette:Quit", {"flags": ["eForceQuit"]})
        self.socket.close()


@contextlib.contextmanager
def driven(program, folder, settings):
    """Starts it with a profile of its own, and ends it."""
    profile, home = folder / "profile", folder / "home"
    profile.mkdir(parents=True, exist_ok=True)
    home.mkdir(exist_ok=True)
    port = profile / "MarionetteActivePort"
    port.unlink(missing_ok=True)
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in {**ALONE, **settings}.items()]
    (profile / "user.js").write_text("".join(lines))
    command = [program, "--headless", "--marionette", "--remote-allow-system-access", "-profile", profile]
    # Two that share a folder for what they send would wait for each other.
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
    with open(folder / "said", "wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment,
                                   start_new_session=True)
    try:
        found = wait_for(f"{program} being ready", lambda: process.poll() is not None or (port.exists() and port.read_text()))
        assert process.poll() is None, f"{program} ended:\n{(folder / 'said').read_text(errors='replace')[-3000:]}"
        up = Driven(int(found))
        yield up
        up.quit()
        process.wait(PATIENCE)
    finally:
        # Its helpers as well.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
