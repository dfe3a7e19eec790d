"""DANE: zones that ldns signs and NSD serves, Unbound validating in front, and Postfix as the server that the records speak of."""
import contextlib
import hashlib
import os
import signal
import subprocess

from forwarders import submit
from mta import ALICE, CAROL, INTERNATIONAL_CAROL, Postfix, a_labels
from stack import Missing, configured, free_port, need, ours_with, run, wait_for

ORIGIN, WRONG = "postfix.test", a_labels(INTERNATIONAL_CAROL).split("@")[1]

NSD = """\
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: ""
  logfile: "{folder}/nsd.log"
  zonelistfile: "{folder}/zone.list"
remote-control:
  control-enable: no
"""
# All that it does not know it may ask the same server about, which refuses: nothing leaves this machine.
UNBOUND = """\
server:
  interface: 127.0.0.1
  port: {port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  logfile: "{folder}/unbound.log"
  use-syslog: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  local-zone: "test." nodefault
  {anchors}
stub-zone:
  name: "."
  stub-addr: 127.0.0.1@{authority}
  stub-prime: no
"""


def sign(folder, origin, records):
    """A signed zone file, and the file with its key."""
    plain = folder / origin
    plain.write_text(f"$ORIGIN {origin}.\n$TTL 5\n@ SOA ns root 1 60 60 60 5\n@ NS ns\nns A 127.0.0.1\n{records}")
    _, said = run("ldns-keygen", "-k", "-a", "ECDSAP256SHA256", origin, cwd=folder)
    key = said.split()[-1]
    run("ldns-signzone", "-n", "-o", origin, plain, key, cwd=folder)
    return folder / f"{origin}.signed", folder / f"{key}.key"


@contextlib.contextmanager
def service(*command):
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


@contextlib.contextmanager
def resolver(folder, port, zones):
    """A validating resolver for these zones at this port."""
    folder.mkdir()
    authority = free_port()
    signed = {origin: sign(folder, origin, records) for origin, records in zones.items()}
    nsd, unbound = folder / "nsd.conf", folder / "unbound.conf"
    nsd.write_text(NSD.format(port=authority, folder=folder) + "".join(
        f'zone:\n  name: "{origin}"\n  zonefile: "{zone}"\n' for origin, (zone, _) in signed.items()))
    anchors = "\n  ".join(f'trust-anchor-file: "{key}"' for _, key in signed.values())
    unbound.write_text(UNBOUND.format(port=port, authority=authority, folder=folder, anchors=anchors) + "".join(
        f'stub-zone:\n  name: "{origin}"\n  stub-addr: 127.0.0.1@{authority}\n' for origin in zones))
    with service("nsd", "-d", "-c", nsd), service("unbound", "-d", "-c", unbound):
        try:
            for origin in zones:
                wait_for("a proved answer", lambda: " ad" in flags(port, origin))
            yield
        except Exception:
            for name in ("nsd.log", "unbound.log"):
                log = folder / name
                print(f"The last of {name}:\n{log.read_text()[-3000:] if log.exists() else ''}")
            raise


def flags(port, origin):
    _, said = run("drill", "-D", "-p", port, "@127.0.0.1", origin, "MX", check=False)
    return next((line for line in said.splitlines() if "flags:" in line), "")


def digest(certificate):
    """Of the key in a certificate, for TLSA 3 1 1."""
    public = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True, capture_output=True)
    key = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public.stdout, check=True, capture_output=True)
    return hashlib.sha256(key.stdout).hexdigest()


def check_dane(binary, folder):
    """mail to Postfix, whose certificate signed TLSA records speak of, and not where they speak of another"""
    need("postfix", "nsd", "unbound", "ldns-signzone", "ldns-keygen", "drill", "curl", "openssl")
    if os.geteuid() != 0:
        raise Missing("a private Postfix needs root")
    closed = [str(path) for path in [folder, *folder.parents] if path.stat().st_mode & 0o001 == 0]
    if closed:
        raise Missing(f"Postfix's users may not enter {closed[-1]}: set TMPDIR to a folder for all")
    port, dns, own = free_port(), free_port(), folder / "ours"
    own.mkdir()
    config = ours_with({}) + f'[dns]\nservers = ["127.0.0.1:{dns}"]\n[relay.outbound]\nport = {port}\n'
    ours = configured(binary, own, config, "ours.test", [ALICE])
    # Postfix shows the same certificate as we do.
    certificate = own / "certificate.pem"
    tlsa = f"_{port}._tcp.mx TLSA 3 1 1"
    zones = {
        ORIGIN: f"@ MX 10 mx\nmx A 127.0.0.1\n{tlsa} {digest(certificate)}\n",
        WRONG: f"@ MX 10 mx\nmx A 127.0.0.1\n{tlsa} {'00' * 32}\n",
    }
    with resolver(folder / "dns", dns, zones), ours as up:
        with Postfix(folder / "postfix", port, up.port("smtp-relay"), own).running() as theirs:
            submit(up, "proved", CAROL)
            wait_for("the message at Postfix", lambda: theirs.find("proved"))
            wait_for("its journey", lambda: "certificate verified" in trace(binary, up, CAROL))
            other = f"carol@{WRONG}"
            submit(up, "not proved", other)
            journey = wait_for("why it waits", lambda: waits(trace(binary, up, other)))
            assert "handshake failed" in journey, journey
            assert not theirs.find("not proved"), "it went to a server that nothing speaks of"


def trace(binary, up, address):
    return run(binary, "trace", address, "--config", up.config)[1]


def waits(journey):
    return journey if "deferred" in journey else None
