"""A switch from Dovecot: 10,000 messages are taken over by IMAP while it runs, and again after some came meanwhile."""
import contextlib
import json
import os
import signal
import subprocess

from forwarders import ALICE, BOB
from stack import Missing, configured, free_port, listens, need, ours_with, run, wait_for

NOBODY = 65534
MESSAGES = 10_000

THEIRS = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
first_valid_gid = 1
ssl = required
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/mail
namespace inbox {{
  inbox = yes
  separator = .
  prefix = INBOX.
  mailbox Gesendet {{
    special_use = \\Sent
  }}
}}
passdb {{
  driver = static
  args = password=theirs
}}
userdb {{
  driver = static
  args = uid={nobody} gid={nobody} home={folder}/home
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""


@contextlib.contextmanager
def dovecot(folder, port):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
        "-keyout", folder / "key.pem", "-out", folder / "certificate.pem")
    conf = folder / "dovecot.conf"
    conf.write_text(THEIRS.format(folder=folder, port=port, nobody=NOBODY))
    process = subprocess.Popen(["dovecot", "-F", "-c", str(conf)], stdin=subprocess.DEVNULL)
    try:
        wait_for("Dovecot", lambda: listens(port))
        yield
    except Exception:
        log = folder / "log"
        print(f"The last of what Dovecot said:\n{log.read_text()[-4000:] if log.exists() else ''}")
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def put(folder, number, flags, name="cur"):
    """A message file, as Dovecot would have written it."""
    text = f"From: a@old.test\r\nSubject: number {number}\r\nMessage-ID: <{number}@old.test>\r\n\r\n" + "text\r\n" * (number % 50)
    path = folder / name / f"{1_600_000_000 + number}.M{number}.old:2,{flags}"
    path.write_text(text, newline="")
    os.utime(path, (1_600_000_000 + number,) * 2)
    os.chown(path, NOBODY, NOBODY)


def maildir(root):
    """Three folders with all the messages between them."""
    root.mkdir(parents=True)
    for folder in (root, root / ".Gesendet", root / ".Archiv.2020"):
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True)
    for number in range(MESSAGES):
        folder = (root, root / ".Gesendet", root / ".Archiv.2020")[number % 3]
        put(folder, number, ["", "S", "RS", "FS"][number % 4])
    for path in (root, *root.rglob("*")):
        os.chown(path, NOBODY, NOBODY)


def check_switching(binary, folder):
    """import of 10,000 messages from Dovecot over IMAP, twice, beside the same Maildir read as files"""
    need("dovecot", "openssl", files=["/usr/lib/dovecot/imap"])
    if os.geteuid() != 0:
        raise Missing("a private Dovecot needs root")
    theirs, port = folder / "dovecot", free_port()
    maildir(theirs / "mail")
    (theirs / "home").mkdir()
    with configured(binary, folder, ours_with({}), "ours.test", [ALICE, BOB]) as up, dovecot(theirs, port):
        password = folder / "theirs"
        password.write_text("theirs\n")

        def taken(account, source, *more):
            _, said = run(binary, "import", account, source, "--json", "--config", up.config, *more)
            return {one["mailbox"]: one for one in json.loads(said)["folders"]}

        def by_imap():
            return taken(ALICE.address, f"imaps://localhost:{port}", "--user", "old", "--password-file", password, "--authorities", theirs / "certificate.pem")

        first, files = by_imap(), taken(BOB.address, f"maildir:{theirs / 'mail'}", "--map", "Gesendet=Sent")
        assert sum(one["imported"] for one in first.values()) == MESSAGES, first
        assert {name: one["digest"] for name, one in first.items()} == {name: one["digest"] for name, one in files.items()}
        assert set(first) == {"INBOX", "Sent", "Archiv/2020"}, set(first)
        put(theirs / "mail", MESSAGES, "")
        again = by_imap()
        assert sum(one["imported"] for one in again.values()) == 1, again
        assert sum(one["imported_before"] for one in again.values()) == MESSAGES, again
