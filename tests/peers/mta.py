"""Postfix as the other MTA, in both directions and over TLS, as a private instance on loopback."""
import os
import pwd
import shutil
import ssl
import imaplib
from pathlib import Path

from stack import Missing, configured, free_port, message, need, run, wait_for

PASSWORD = "correct horse battery"


class Postfix:
    """A Postfix in a folder of its own: domain postfix.test, one mailbox; ours.test goes to us."""

    def __init__(self, folder, port, our_port):
        self.etc, self.queue, self.mail = folder / "etc", folder / "queue", folder / "mail"
        for path in (self.etc, self.queue, folder / "data", self.mail):
            path.mkdir(parents=True)
        for path in [folder, *folder.parents]:
            if str(path).startswith("/tmp/") and path != Path("/tmp"):
                path.chmod(0o755)
        owner = pwd.getpwnam("postfix")
        shutil.chown(folder / "data", owner.pw_uid, owner.pw_gid)
        os.chown(self.mail, 65534, 65534)
        (self.etc / "transport").write_text(f"ours.test smtp:[127.0.0.1]:{our_port}\n")
        (self.etc / "mailboxes").write_text("carol@postfix.test carol/\n")
        for name in ("key.pem", "certificate.pem"):
            shutil.copy(folder.parent / "ours" / name, folder / name)
        settings = {
            "compatibility_level": "3.6", "queue_directory": self.queue, "data_directory": folder / "data", "myhostname": "mail.postfix.test",
            "mydestination": "", "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "mynetworks": "127.0.0.0/8", "relay_domains": "ours.test",
            "transport_maps": f"texthash:{self.etc}/transport", "virtual_mailbox_domains": "postfix.test", "virtual_mailbox_base": self.mail,
            "virtual_mailbox_maps": f"texthash:{self.etc}/mailboxes", "virtual_uid_maps": "static:65534", "virtual_gid_maps": "static:65534",
            "maillog_file": folder / "log", "maillog_file_prefixes": folder, "smtpd_tls_cert_file": folder / "certificate.pem",
            "smtpd_tls_key_file": folder / "key.pem", "smtpd_tls_security_level": "may", "smtp_tls_security_level": "encrypt",
            "smtpd_recipient_restrictions": "permit_mynetworks, reject", "syslog_name": "peer",
        }
        (self.etc / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        master = Path("/usr/share/postfix/master.cf.dist")
        text = (master if master.exists() else Path("/etc/postfix/master.cf")).read_text()
        lines = []
        for line in text.splitlines():
            words = line.split()
            if len(words) >= 8 and words[0] == "smtp" and words[1] == "inet":
                line = f"127.0.0.1:{port} inet n - n - - smtpd"
            elif len(words) >= 8 and words[1] in ("unix", "fifo", "unix-dgram") and words[4] == "y":
                words[4] = "n"
                line = " ".join(words)
            lines.append(line)
        if "postlog" not in text:
            lines.append("postlog unix-dgram n - n - 1 postlogd")
        (self.etc / "master.cf").write_text("\n".join(lines) + "\n")
        self.folder = folder

    def __enter__(self):
        run("postfix", "-c", self.etc, "start")
        return self

    def __exit__(self, *_):
        run("postfix", "-c", self.etc, "stop", check=False)

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""


def check_postfix(binary, folder):
    """mail from Postfix to us and from us to Postfix, over TLS"""
    need("postfix", "openssl", "curl")
    if os.geteuid() != 0:
        raise Missing("a private Postfix needs root")
    port = free_port()
    ours = folder / "ours"
    ours.mkdir()
    for path in [folder, *folder.parents]:
        if str(path).startswith("/tmp/"):
            path.chmod(0o755)
    config = ("hostname = \"mail.ours.test\"\ndata_dir = \"data\"\n[tls]\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n"
              "[submission]\nlisten = [\"127.0.0.1:0\"]\nlisten_tls = [\"127.0.0.1:0\"]\n[relay]\nlisten = [\"127.0.0.1:0\"]\n"
              "[imap]\nlisten = [\"127.0.0.1:0\"]\nlisten_tls = [\"127.0.0.1:0\"]\n[pop3]\nlisten = []\nlisten_tls = [\"127.0.0.1:0\"]\n"
              f"[routes]\n\"postfix.test\" = \"127.0.0.1:{port}\"\n")
    with configured(binary, ours, config, "ours.test", ["alice@ours.test"], PASSWORD) as up:
        with Postfix(folder / "postfix", port, up.port("smtp-relay")) as postfix:
            try:
                both_ways(up, postfix)
            except Exception:
                print(postfix.log()[-4000:])
                raise


def both_ways(up, postfix):
    submission = f"smtps://localhost:{up.port('smtp-submission-tls')}"
    text = message("alice@ours.test", "carol@postfix.test", "to postfix", body="Grüße\n.dot\n").replace("\n", "\r\n")
    run("curl", "-sSk", "--url", submission, "--user", f"alice@ours.test:{PASSWORD}", "--mail-from", "alice@ours.test", "--mail-rcpt",
        "carol@postfix.test", "-T", "-", input=text)
    inbox = postfix.mail / "carol" / "new"
    wait_for("mail in Postfix's mailbox", lambda: inbox.is_dir() and list(inbox.iterdir()))
    got = next(inbox.iterdir()).read_text(errors="replace")
    assert "Subject: to postfix" in got and "\n.dot\n" in got, got
    assert "Anonymous TLS connection established from" in postfix.log() or "TLSv1" in got, "no TLS to Postfix"
    # An unknown recipient there becomes a notification here.
    run("curl", "-sSk", "--url", submission, "--user", f"alice@ours.test:{PASSWORD}", "--mail-from", "alice@ours.test", "--mail-rcpt",
        "nobody@postfix.test", "-T", "-", input=message("alice@ours.test", "nobody@postfix.test", "to nobody").replace("\n", "\r\n"))
    # And mail from there comes here.
    run("sendmail", "-C", postfix.etc, "-f", "carol@postfix.test", "alice@ours.test", input=message("carol@postfix.test", "alice@ours.test", "from postfix"),
        env={"MAIL_CONFIG": str(postfix.etc)})

    def inbox_here():
        context = ssl._create_unverified_context()  # noqa: SLF001: a throwaway certificate
        with imaplib.IMAP4_SSL("localhost", up.port("imap-tls"), ssl_context=context) as imap:
            imap.login("alice@ours.test", PASSWORD)
            imap.select("INBOX", readonly=True)
            return [part[1].decode(errors="replace") for part in imap.fetch("1:*", "(BODY.PEEK[])")[1] if isinstance(part, tuple)]

    wait_for("both messages here", lambda: len(inbox_here()) == 2)
    messages = inbox_here()
    assert any("Subject: from postfix" in m and "with ESMTPS" in m for m in messages), messages
    assert any("message/delivery-status" in m and "nobody@postfix.test" in m for m in messages), messages
