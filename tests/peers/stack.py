"""A Postrider under test: the demo, or one with a configuration of its own."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60


class Missing(Exception):
    """A program that this check needs is not installed."""


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Missing(f"{program} is not installed")


def build():
    """The executable, built as the README says."""
    subprocess.run(["cargo", "build", "--release", "--workspace", "--locked", "--quiet"], cwd=ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    return Path(target, "release", "postrider")


def wait_for(what, probe, patience=PATIENCE):
    """Asks until the answer is true; the clock only bounds how long."""
    end = time.monotonic() + patience
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.05)


def run(*command, input=None, check=True, env=None, timeout=PATIENCE, cwd=None):
    """Runs a program to its end; its output is in the error if it fails."""
    text = input.encode() if isinstance(input, str) else input
    done = subprocess.run([str(part) for part in command], input=text, capture_output=True, timeout=timeout, cwd=cwd,
                          env=dict(os.environ, **(env or {})))
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n"
                             f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}")
    return done


def free_port(host="127.0.0.1"):
    with socket.create_server((host, 0)) as listener:
        return listener.getsockname()[1]


class Up:
    """A running `postrider up`."""

    def __init__(self, binary, folder, arguments):
        self.binary, self.folder = binary, Path(folder)
        self.ready_file = self.folder / "ready.json"
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen([binary, "up", *arguments, "--ready-file", self.ready_file], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        wait_for("the ready file", lambda: self.ready_file.exists() or self.ended())

    def ended(self):
        if self.process.poll() is not None:
            raise AssertionError(f"postrider up ended with {self.process.returncode}:\n{self.text()}")

    def text(self):
        self.log.flush()
        return (self.folder / "log").read_text(errors="replace")

    @property
    def ready(self):
        return json.loads(self.ready_file.read_text())

    def port(self, listener):
        return int(self.ready["listeners"][listener][0].rpartition(":")[2])

    def account(self, name):
        """The address and the password of one of the demo's accounts."""
        for account in self.ready["accounts"]:
            if account["address"].startswith(name + "@"):
                return account["address"], account["password"]
        raise AssertionError(f"no account {name}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)
        self.log.close()


@contextlib.contextmanager
def demo(binary, folder):
    """The demo, as the README's first command starts it, in a folder of its own."""
    up = Up(binary, folder, ["--data-dir", folder / "demo"])
    try:
        yield up
    except Exception:
        print(up.text()[-6000:])
        raise
    finally:
        up.stop()


@contextlib.contextmanager
def configured(binary, folder, config, domain, accounts, password):
    """A stack with this configuration, one domain and its accounts."""
    path = folder / "config.toml"
    path.write_text(config)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
        "/CN=localhost", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem")
    run(binary, "migrate", "--config", path)
    run(binary, "domain", "add", domain, "--config", path)
    for account in accounts:
        run(binary, "account", "add", account, "--password-stdin", "--config", path, input=password)
    up = Up(binary, folder, ["--config", path])
    try:
        yield up
    except Exception:
        print(up.text()[-6000:])
        raise
    finally:
        up.stop()


def message(sender, recipient, subject, body="The body.\n"):
    return (f"From: <{sender}>\nTo: <{recipient}>\nSubject: {subject}\nDate: Sun, 22 Nov 2026 12:00:00 +0000\n"
            f"Message-ID: <{subject.replace(' ', '-')}@peers.example>\n\n{body}")
