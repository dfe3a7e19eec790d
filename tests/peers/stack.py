"""A Postrider under test: the demo, or one with a configuration of its own."""
import contextlib
import glob
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60


# A server for ours.test that takes mail and passes it on.
OURS = """\
hostname = "mail.ours.test"
data_dir = "data"
[tls]
certificate = "certificate.pem"
key = "key.pem"
[submission]
listen = []
listen_tls = ["127.0.0.1:0"]
[relay]
listen = ["127.0.0.1:0"]
[imap]
listen = []
listen_tls = ["127.0.0.1:0"]
[pop3]
listen = []
listen_tls = []
[routes]
"""


def ours_with(routes):
    """Its configuration, with the next hop of each of these domains."""
    return OURS + "".join(f'"{domain}" = "{hop}"\n' for domain, hop in routes.items())


class Missing(Exception):
    """Something that this check needs is not there."""


class Unfetched(Missing):
    """It would come from a registry that cannot always be reached."""


class Account(NamedTuple):
    address: str
    password: str


def need(*programs, files=()):
    for program in programs:
        if not shutil.which(program):
            raise Missing(f"{program} is not installed")
    for pattern in files:
        if not glob.glob(pattern):
            raise Missing(f"there is no {pattern}")


def build():
    """The executable, built as the README says."""
    cargo = ["cargo", "build", "--release", "--workspace", "--locked", "--quiet"]
    if subprocess.run(cargo, cwd=ROOT).returncode != 0:
        sys.exit("peers: nothing was run, the build failed")
    metadata = ["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"]
    said = subprocess.run(metadata, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    return Path(json.loads(said)["target_directory"], "release", "postrider")


def wait_for(what, probe, patience=PATIENCE):
    """Asks until the answer is true, and returns it; the clock only bounds how long."""
    end = time.monotonic() + patience
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.05)


def run(*command, input=None, check=True, env=None, cwd=None):
    """Runs a program to its end; what it said is in the error if it fails."""
    done = subprocess.run([str(word) for word in command], input=(input or "").encode(), capture_output=True,
                          timeout=PATIENCE, cwd=cwd, env={**os.environ, **(env or {})})
    said = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{said}")
    return done.returncode, said


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def listens(port):
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_alive(pid):
    return Path("/proc", str(pid)).exists()


class Up:
    """A running `postrider up`."""

    def __init__(self, binary, folder, config, arguments, accounts=(), ca=None):
        self.folder, self.config = folder, config
        self.ready_file = folder / "ready.json"
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([binary, "up", *arguments, "--ready-file", self.ready_file],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_for("the ready file", lambda: self.ready_file.exists() or self.must_live())
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.ready = json.loads(self.ready_file.read_text())
        self.accounts = [Account(**account) for account in self.ready.get("accounts") or accounts]
        self.ca = self.ready["ca_certificate"] or ca

    def must_live(self):
        if self.process.poll() is not None:
            raise AssertionError(f"postrider up ended with {self.process.returncode}:\n{self.text()}")

    def text(self):
        """All that it has printed."""
        return self.log.read_text(errors="replace")

    def port(self, listener):
        return int(self.ready["listeners"][listener][0].rpartition(":")[2])

    def url(self, scheme, listener):
        return f"{scheme}://localhost:{self.port(listener)}"

    def account(self, name):
        return next(account for account in self.accounts if account.address.startswith(name + "@"))

    def trust(self):
        """For Python's clients: verified as any client would, with the authority imported."""
        return ssl.create_default_context(cafile=self.ca)

    def stop(self, by=signal.SIGTERM):
        """Stops it as an operator would, and sees that nothing is left."""
        self.process.send_signal(by)
        try:
            ended = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        assert ended == 0, f"postrider up ended with {ended}"
        left = [agent for agent, pid in self.ready["processes"].items() if is_alive(pid)]
        assert not left, f"still there after the end: {left}"


@contextlib.contextmanager
def running(binary, folder, *settings, **more):
    up = Up(binary, folder, *settings, **more)
    try:
        yield up
    except Exception:
        print(f"The last of what postrider said:\n{up.text()[-6000:]}")
        up.process.terminate()
        up.process.wait()
        raise
    except BaseException:
        up.process.terminate()
        up.process.wait()
        raise
    up.stop()


def demo(binary, folder):
    """The demo, as the README's first command starts it, in a folder of its own."""
    place = folder / "demo"
    return running(binary, folder, place / "config.toml", ["--data-dir", place])


def configured(binary, folder, config, domain, accounts):
    """A stack with this configuration, one domain and its accounts."""
    path, certificate = folder / "config.toml", folder / "certificate.pem"
    path.write_text(config)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem",
        "-out", certificate)
    run(binary, "migrate", "--config", path)
    run(binary, "domain", "add", domain, "--config", path)
    for address, password in accounts:
        run(binary, "account", "add", address, "--password-stdin", "--config", path, input=password)
    return running(binary, folder, path, ["--config", path], ca=certificate,
                   accounts=[account._asdict() for account in accounts])
