"""Dovecot as an LMTP server of ours: a private instance on loopback, over TCP and over a Unix socket."""
import contextlib
import email
import email.policy
import os
import signal
import subprocess

from forwarders import ALICE, submit
from mailboxes import messages
from stack import Missing, configured, free_port, listens, need, ours_with, wait_for

NOBODY = 65534

THEIRS = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = lmtp
listen = 127.0.0.1
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
first_valid_gid = 1
ssl = yes
ssl_cert = <{certificates}/certificate.pem
ssl_key = <{certificates}/key.pem
mail_location = maildir:{folder}/mail/%n
mail_plugins = quota
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {folder}/users
}}
plugin {{
  quota = count:all
  quota_vsizes = yes
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
  unix_listener {folder}/lmtp {{
    mode = 0666
  }}
}}
"""
USERS = """\
carol::{nobody}:{nobody}::{folder}/home::
dave::{nobody}:{nobody}::{folder}/home::userdb_quota_rule=*:bytes=1
"""


@contextlib.contextmanager
def dovecot(folder, port, certificates):
    (folder / "mail").mkdir(parents=True)
    (folder / "home").mkdir()
    for name in ("mail", "home"):
        os.chown(folder / name, NOBODY, NOBODY)
    (folder / "users").write_text(USERS.format(folder=folder, nobody=NOBODY))
    conf = folder / "dovecot.conf"
    conf.write_text(THEIRS.format(folder=folder, port=port, certificates=certificates))
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


def check_lmtp(binary, folder):
    """mail to Dovecot by LMTP, over TCP with STARTTLS and over a Unix socket, with a reply for each recipient"""
    need("dovecot", "curl", "openssl", files=["/usr/lib/dovecot/lmtp"])
    if os.geteuid() != 0:
        raise Missing("a private Dovecot needs root")
    port, theirs = free_port(), folder / "dovecot"
    theirs.mkdir()
    ours = ours_with({"tcp.test": f"lmtp:127.0.0.1:{port}"})
    ours += f'"socket.test" = "lmtp:{theirs}/lmtp"\n'
    with configured(binary, folder, ours, "ours.test", [ALICE]) as up:
        with dovecot(theirs, port, folder):
            for domain in ("tcp.test", "socket.test"):
                submit(up, f"by {domain}", f"carol@{domain}", body="x\n.dot\n")
                got = wait_for(f"mail by {domain}", lambda: find(theirs, f"by {domain}"))
                assert got.get_content() == "x\n.dot\n", got
            received = [hop for hop in find(theirs, "by tcp.test").get_all("Received") if "LMTP" in hop]
            assert "with LMTPS" in " ".join(received[0].split()), received
            # One of two has no room when the message is there: only he is reported.
            submit(up, "one of two", "carol@tcp.test", more_recipients=["dave@tcp.test", "nobody@tcp.test"])
            wait_for("mail for one of two", lambda: find(theirs, "one of two"))
            wait_for("the notifications", lambda: len(reported(up)) == 2)
            assert reported(up) == {"dave@tcp.test": "5.2.2", "nobody@tcp.test": "5.1.1"}, reported(up)


def find(theirs, subject):
    for path in theirs.glob("mail/carol/new/*"):
        found = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if found["Subject"] == subject:
            return found
    return None


def reported(up):
    """Who was reported to alice as failed, and with which status."""
    failed = {}
    for report in messages(up, "alice"):
        _, status, _ = report.iter_parts()
        for part in list(status.iter_parts())[1:]:
            failed[part["Final-Recipient"].removeprefix("rfc822; ")] = part["Status"]
    return failed
