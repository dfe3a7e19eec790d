"""Postfix as the other MTA, in both directions and over TLS, as a private instance on loopback."""
import contextlib
import email
import email.policy
import os
import pwd
import shutil
import signal
import smtplib
import ssl
from pathlib import Path

from mailboxes import arrives, message, messages, send
from stack import Account, Missing, configured, free_port, is_alive, need, ours_with, run, wait_for

ALICE = Account("alice@ours.test", "correct horse battery")
CAROL = "carol@postfix.test"
# Another name of alice's and one of carol's, and their domains as they are written.
INTERNATIONAL_ALICE, INTERNATIONAL_CAROL = "앨리스@메일.test", "카롤@bücher.test"
NOBODY = 65534

# carol's domain; ours.test goes to us.
THEIRS = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
syslog_name = peer
myhostname = mail.postfix.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relay_domains = ours.test, {alice}
transport_maps = texthash:{folder}/transport
virtual_mailbox_domains = postfix.test, {carol}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/mailboxes
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
alias_maps =
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_tls_cert_file = {certificates}/certificate.pem
smtpd_tls_key_file = {certificates}/key.pem
smtpd_tls_security_level = encrypt
smtpd_tls_loglevel = 1
smtp_tls_security_level = encrypt
smtp_tls_loglevel = 1
"""


class Postfix:
    """A Postfix in a folder of its own."""

    def __init__(self, folder, port, our_port, certificates):
        self.folder, self.etc = folder, folder / "etc"
        for name in ("etc", "queue", "data", "mail"):
            (folder / name).mkdir(parents=True)
        owner = pwd.getpwnam("postfix")
        os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
        os.chown(folder / "mail", NOBODY, NOBODY)
        alice, carol = (a_labels(address).split("@")[1] for address in (INTERNATIONAL_ALICE, INTERNATIONAL_CAROL))
        (folder / "transport").write_text("".join(
            f"{domain} smtp:[127.0.0.1]:{our_port}\n" for domain in ("ours.test", alice)))
        (folder / "mailboxes").write_text(f"{CAROL} carol/\n{a_labels(INTERNATIONAL_CAROL)} carol/\n")
        (self.etc / "main.cf").write_text(THEIRS.format(folder=folder, certificates=certificates, nobody=NOBODY,
                                                        alice=alice, carol=carol))
        (self.etc / "master.cf").write_text(services(port))

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def mailbox(self):
        """What carol has."""
        found = self.folder.glob("mail/carol/new/*")
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in found]

    def find(self, subject):
        return next((found for found in self.mailbox() if found["Subject"] == subject), None)

    @contextlib.contextmanager
    def running(self):
        run("postfix", "-c", self.etc, "start")
        master = int((self.folder / "queue" / "pid" / "master.pid").read_text())
        try:
            yield self
        except Exception:
            print(f"The last of what Postfix said:\n{self.log()[-4000:]}")
            raise
        finally:
            os.kill(master, signal.SIGTERM)
            wait_for("the end of Postfix", lambda: not is_alive(master))


def a_labels(address):
    """An address with its domain as it goes over the wire."""
    local, domain = address.split("@")
    return f"{local}@{domain.encode('idna').decode()}"


def services(port):
    """The package's services, outside a chroot, with SMTP on this port."""
    packaged = [Path("/usr/share/postfix/master.cf.dist"), Path("/etc/postfix/master.cf")]
    text = next((path.read_text() for path in packaged if path.exists()), None)
    if text is None:
        raise Missing("there is no master.cf of the postfix package")
    lines = []
    for line in text.splitlines():
        words = line.split()
        if words[:2] == ["smtp", "inet"]:
            words[0] = f"127.0.0.1:{port}"
        # The fifth word: in a chroot.
        lines.append(" ".join(words[:4] + ["n"] + words[5:]) if is_service(line) else line)
    return "\n".join(lines) + "\n"


def is_service(line):
    return len(line.split()) >= 8 and line[0] not in "# \t"


def check_postfix(binary, folder):
    """mail and notifications of failure from Postfix to us and from us to Postfix, over TLS; with SMTPUTF8 too"""
    need("postfix", "openssl", "curl")
    if os.geteuid() != 0:
        raise Missing("a private Postfix needs root")
    closed = [str(path) for path in [folder, *folder.parents] if path.stat().st_mode & 0o001 == 0]
    if closed:
        raise Missing(f"Postfix's users may not enter {closed[-1]}: set TMPDIR to a folder for all")
    port, ours = free_port(), folder / "ours"
    ours.mkdir()
    routes = dict.fromkeys(["postfix.test", "bücher.test"], f"127.0.0.1:{port}")
    with configured(binary, ours, ours_with(routes), "ours.test", [ALICE]) as up:
        with Postfix(folder / "postfix", port, up.port("smtp-relay"), ours).running() as postfix:
            to_postfix(binary, up, postfix)
            from_postfix(up, postfix, f"smtp://127.0.0.1:{port}")
            international(binary, up, postfix, port)


def to_postfix(binary, up, postfix):
    def submit(subject, recipient, **more):
        send(up.url("smtps", "smtp-submission-tls"), message(ALICE.address, recipient, subject, **more), ALICE.address,
             recipient, "--cacert", up.ca, "--user", ":".join(ALICE))

    body = "Grüße\n.dot\n"
    submit("to postfix", CAROL, body=body, more="MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n")
    got = wait_for("mail in Postfix's mailbox", lambda: postfix.find("to postfix"))
    # Text that came as base64 has the line ends of the wire (RFC 2045 §6.8).
    assert got.get_content().replace("\r\n", "\n") == body, got
    assert "with ESMTPS " in got["Received"], got
    assert "TLS connection established from" in postfix.log()
    _, journey = run(binary, "trace", "to-postfix@peers.example", "--config", up.config)
    assert "queued as" in journey, journey

    # Someone unknown there becomes a notification here (RFC 3464).
    submit("to nobody", "nobody@postfix.test")
    report = wait_for("the notification", lambda: messages(up, "alice"))[0]
    assert report["Return-Path"] == "<>" and report.get_content_type() == "multipart/report", report
    said, status, original = report.iter_parts()
    assert "User unknown" in said.get_content(), said
    _, recipient = status.iter_parts()
    assert recipient["Final-Recipient"] == "rfc822; nobody@postfix.test", status
    assert recipient["Action"] == "failed" and recipient["Status"] == "5.1.1", status
    assert recipient["Diagnostic-Code"].startswith("smtp; 550 5.1.1"), status
    assert "Subject: to nobody" in original.as_string(), original


def from_postfix(up, postfix, url):
    send(url, message(CAROL, ALICE.address, "from postfix"), CAROL, ALICE.address, "--insecure", "--ssl-reqd")
    arrives(up, "alice", "from postfix")
    got = next(found for found in messages(up, "alice") if found["Subject"] == "from postfix")
    assert "with ESMTPS" in got["Received"] and got["Return-Path"] == f"<{CAROL}>", got
    # Someone unknown here is refused at once, so that Postfix is the one to report it.
    send(url, message(CAROL, "nobody@ours.test", "to nobody"), CAROL, "nobody@ours.test", "--insecure", "--ssl-reqd")
    report = wait_for("Postfix's notification", lambda: next(
        (found for found in postfix.mailbox() if found.get_content_type() == "multipart/report"), None))
    assert "550 5.1.1" in report.as_string(), report


def international(binary, up, postfix, port):
    """Names and domains in their own script on both sides (RFC 6531)."""
    run(binary, "domain", "add", INTERNATIONAL_ALICE.split("@")[1], "--config", up.config)
    run(binary, "alias", "add", INTERNATIONAL_ALICE, ALICE.address, "--config", up.config)
    both = (INTERNATIONAL_ALICE, INTERNATIONAL_CAROL)

    def hand_over(smtp, sender, recipient):
        text = message(sender, recipient, "grün", body="Grüße\n").replace("\n", "\r\n").encode()
        refused = smtp.sendmail(sender, [recipient], text, ["SMTPUTF8", "BODY=8BITMIME"])
        assert not refused, refused

    with smtplib.SMTP_SSL("localhost", up.port("smtp-submission-tls"), context=up.trust(), timeout=30) as smtp:
        smtp.login(*ALICE)
        hand_over(smtp, *both)
    got = wait_for("international mail in Postfix's mailbox", lambda: postfix.find("grün"))
    assert got["Return-Path"] == f"<{a_labels(INTERNATIONAL_ALICE)}>" and "with UTF8SMTPS " in got["Received"], got
    # As it was written: nothing was turned into encoded words.
    assert any("Subject: grün".encode() in path.read_bytes() for path in postfix.folder.glob("mail/carol/new/*"))

    with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
        smtp.starttls(context=unverified())
        hand_over(smtp, a_labels(INTERNATIONAL_CAROL), a_labels(INTERNATIONAL_ALICE))
    arrives(up, "alice", "grün")
    got = next(found for found in messages(up, "alice") if found["Subject"] == "grün")
    assert "with UTF8SMTPS" in got["Received"] and got["To"] == a_labels(INTERNATIONAL_ALICE), got


def unverified():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
