"""Mail clients that need no screen, with the settings that the demo prints."""
import imaplib
import poplib
import re
import shutil
import signal

from mailboxes import arrives, flagged, message, send, subjects, submit
from stack import demo, need, run, wait_for

# What programs cannot do without, and packages only recommend.
TLS_OF_SWAKS = "/usr/share/perl5/IO/Socket/SSL.pm"
PLAIN_OF_MBSYNC = "/usr/lib/*/sasl2/libplain.so"
# What the demo calls each listener.
PRINTED = {
    ("sending (SMTP)", "STARTTLS"): "smtp-submission", ("sending (SMTP)", "SSL/TLS"): "smtp-submission-tls",
    ("reading (IMAP)", "STARTTLS"): "imap", ("reading (IMAP)", "SSL/TLS"): "imap-tls",
    ("reading (POP3)", "STARTTLS"): "pop3", ("reading (POP3)", "SSL/TLS"): "pop3-tls",
}


def check_printed(binary, folder):
    """what the demo prints is true: its table, its accounts, its curl lines; a second start prints it again"""
    need("curl")
    with demo(binary, folder) as up:
        text = wait_for("the instructions", lambda: "Mail to other domains" in up.text() and up.text())
        listeners, what = {}, None
        for row in re.finditer(r"^  (\S+ \(\S+\))? +localhost +(\d+) +(\S+)$", text, re.MULTILINE):
            what = row[1] or what
            listeners[PRINTED[what, row[3]]] = int(row[2])
        assert listeners == {name: up.port(name) for name in PRINTED.values()}, text
        for address, password in up.accounts:
            assert re.search(rf"^ +{address} +{password}$", text, re.MULTILINE), text
        assert str(up.ca) in text, text
        sending, reading = [line for line in text.splitlines() if "curl -" in line]
        run("sh", "-c", sending)
        wait_for("the message", lambda: subjects(up, "bob") == ["Hello"])
        _, read = run("sh", "-c", reading)
        assert "It works." in read, read
        up.stop(by=signal.SIGINT)
        instructions = text[text.index("Postrider demo"):text.index("Mail to other domains")]
        with demo(binary, folder) as again:
            wait_for("the same instructions", lambda: instructions in again.text())
            assert subjects(again, "bob") == ["Hello"]


def check_curl(binary, folder):
    """curl submits with STARTTLS and TLS, reads over IMAP and POP3"""
    need("curl")
    with demo(binary, folder) as up:
        alice, bob = up.account("alice"), up.account("bob")
        ca = ["--cacert", up.ca, "--ssl-reqd", "--user"]
        for scheme, listener in (("smtp", "smtp-submission"), ("smtps", "smtp-submission-tls")):
            text = message(alice.address, bob.address, f"curl {scheme}")
            send(up.url(scheme, listener), text, alice.address, bob.address, *ca, f"{alice.address}:{alice.password}")
            arrives(up, "bob", f"curl {scheme}")
        for url in (up.url("imaps", "imap-tls") + "/INBOX;MAILINDEX=1", up.url("imap", "imap") + "/INBOX;MAILINDEX=1",
                    up.url("pop3s", "pop3-tls") + "/1", up.url("pop3", "pop3") + "/1"):
            _, read = run("curl", "-sS", *ca, f"{bob.address}:{bob.password}", "--url", url)
            assert "Subject: curl smtp" in read and "The body." in read, read


def check_swaks(binary, folder):
    """swaks submits with STARTTLS and AUTH, and talks to port 25 as an MTA"""
    need("swaks", files=[TLS_OF_SWAKS])
    with demo(binary, folder) as up:
        alice, bob = up.account("alice"), up.account("bob")
        for mechanism in ("PLAIN", "LOGIN"):
            run("swaks", "--server", f"localhost:{up.port('smtp-submission')}", "--tls", "--tls-verify",
                "--tls-ca-path", up.ca, "--auth", mechanism, "--auth-user", alice.address,
                "--auth-password", alice.password, "--from", alice.address, "--to", bob.address,
                "--header", f"Subject: swaks {mechanism}")
            arrives(up, "bob", f"swaks {mechanism}")
        relay = ["swaks", "--server", f"127.0.0.1:{up.port('smtp-relay')}", "--from", "x@elsewhere.test"]
        run(*relay, "--tls", "--to", bob.address, "--header", "Subject: swaks 25")
        arrives(up, "bob", "swaks 25")
        # 24: no recipient was taken. 28: no AUTH was offered.
        ended, said = run(*relay, "--to", "y@elsewhere.test", check=False)
        assert ended == 24 and "550 5.7.1" in said, said
        ended, said = run(*relay, "--tls", "--auth", "PLAIN", "--auth-user", alice.address,
                          "--auth-password", alice.password, "--to", bob.address, check=False)
        assert ended == 28 and "235" not in said, said


def check_msmtp(binary, folder):
    """msmtp submits as a sendmail would"""
    need("msmtp")
    with demo(binary, folder) as up:
        alice, bob = up.account("alice"), up.account("bob")
        settings = folder / "msmtprc"
        for listener, starttls in (("smtp-submission", "on"), ("smtp-submission-tls", "off")):
            settings.write_text(f"account default\nhost localhost\nport {up.port(listener)}\ntls on\n"
                                f"tls_starttls {starttls}\ntls_trust_file {up.ca}\nauth on\nuser {alice.address}\n"
                                f"password {alice.password}\nfrom {alice.address}\n")
            settings.chmod(0o600)
            run("msmtp", "-C", settings, bob.address, input=message(alice.address, bob.address, f"msmtp {starttls}"))
            arrives(up, "bob", f"msmtp {starttls}")


MBSYNCRC = """\
IMAPAccount demo
Host localhost
Port {port}
User {user}
Pass {password}
SSLType {tls}
CertificateFile {ca}
AuthMechs PLAIN

IMAPStore far
Account demo

MaildirStore near
Path {local}/
Inbox {local}/INBOX
SubFolders Verbatim

Channel demo
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
"""


def check_mbsync(binary, folder):
    """mbsync mirrors an account both ways, with flags and deletions"""
    need("mbsync", "curl", files=[PLAIN_OF_MBSYNC])
    with demo(binary, folder) as up:
        bob = up.account("bob")
        submit(up, "mbsync one")
        submit(up, "mbsync two")
        local, settings = folder / "mirror", folder / "mbsyncrc"
        inbox = local / "INBOX"
        local.mkdir()

        def sync(listener, tls):
            settings.write_text(MBSYNCRC.format(port=up.port(listener), user=bob.address, password=bob.password, tls=tls,
                                                ca=up.ca, local=local))
            run("mbsync", "-c", settings, "-a")

        def mirrored():
            return sorted([*inbox.glob("new/*"), *inbox.glob("cur/*")])

        sync("imap-tls", "IMAPS")
        assert len(mirrored()) == 2, mirrored()
        for name in ("Sent", "Drafts", "Trash", "Junk", "Archive"):
            assert (local / name).is_dir(), f"{name} was not mirrored"
        # A message put into the mirror goes up; a flag set there too.
        one, two = mirrored()
        one.rename(inbox / "cur" / (one.name.split(":")[0] + ":2,FS"))
        own = inbox / "cur" / "1.local.peers:2,S"
        own.write_text(message(bob.address, bob.address, "from the mirror"))
        sync("imap", "STARTTLS")
        assert subjects(up, "bob") == ["from the mirror", "mbsync one", "mbsync two"], subjects(up, "bob")
        assert flagged(up, "bob") == 1
        # What is deleted here goes there, and a folder made here is made there.
        for path in mirrored():
            if "local.peers" not in path.name:
                path.unlink()
        for sub in ("cur", "new", "tmp"):
            (local / "Projekte" / sub).mkdir(parents=True)
        sync("imap-tls", "IMAPS")
        assert subjects(up, "bob") == ["from the mirror"], subjects(up, "bob")
        # All of it is there for a second mirror.
        shutil.rmtree(local)
        local.mkdir()
        sync("imap-tls", "IMAPS")
        assert len(mirrored()) == 1 and (local / "Projekte").is_dir(), list(local.iterdir())


def check_fetchmail(binary, folder):
    """fetchmail leaves a maildrop alone with keep, and empties it over POP3"""
    need("fetchmail", "curl")
    with demo(binary, folder) as up:
        bob = up.account("bob")
        for number in range(3):
            submit(up, f"fetchmail {number}", body=".a dot\nend\n")
        got, settings = folder / "got", folder / "fetchmailrc"

        def fetch(listener, tls, options):
            settings.write_text(f"set no bouncemail\npoll localhost protocol pop3 port {up.port(listener)} uidl "
                                f"user \"{bob.address}\" password \"{bob.password}\" {tls} sslcertck "
                                f"sslcertfile \"{up.ca}\" {options} mda \"tee -a {got} >/dev/null\"\n")
            settings.chmod(0o600)
            ended, said = run("fetchmail", "-f", settings, "--pidfile", folder / "pid", "-i", folder / "ids",
                              env={"FETCHMAILHOME": str(folder)}, check=False)
            # 1: no new mail.
            assert ended in (0, 1), said
            return got.read_text()

        assert fetch("pop3-tls", "ssl", "keep").count("Subject: fetchmail") == 3
        assert len(subjects(up, "bob")) == 3
        text = fetch("pop3-tls", "ssl", "keep")
        assert text.count("Subject: fetchmail") == 3, "UIDL is not stable: mail came again"
        text = fetch("pop3", "sslproto tls1.2+", "fetchall nokeep")
        assert text.count("\n.a dot\nend\n") == 6, text
        assert subjects(up, "bob") == []


def check_python(binary, folder):
    """Python's imaplib and poplib; an IDLE'ing client hears of new mail"""
    need("curl")
    with demo(binary, folder) as up:
        bob = up.account("bob")
        submit(up, "python")
        pop3 = poplib.POP3_SSL("localhost", up.port("pop3-tls"), context=up.trust())
        pop3.user(bob.address)
        pop3.pass_(bob.password)
        assert pop3.stat()[0] == 1 and b"Subject: python" in pop3.retr(1)[1] and len(pop3.uidl()[1]) == 1
        pop3.quit()
        with imaplib.IMAP4("localhost", up.port("imap"), timeout=30) as imap:
            imap.starttls(up.trust())
            imap.login(bob.address, bob.password)
            assert imap.select("INBOX")[1] == [b"1"]
            assert imap.append("Drafts", "(\\Draft)", None, b"Subject: draft\r\n\r\nx\r\n")[0] == "OK"
            assert imap.uid("MOVE", "1", "Archive")[0] == "OK"
            assert imap.select("Archive")[1] == [b"1"]
            imap.select("INBOX")
            imap.send(b"i IDLE\r\n")
            while not imap.readline().startswith(b"+"):
                pass
            submit(up, "news")
            # A read that ends without the line fails by its time limit.
            while imap.readline() != b"* 1 EXISTS\r\n":
                pass
            imap.send(b"DONE\r\n")
            while not (line := imap.readline()).startswith(b"i "):
                pass
            assert line.startswith(b"i OK"), line


def check_sendmail(binary, folder):
    """`postrider sendmail -t`, as cron and PHP call it"""
    with demo(binary, folder) as up:
        bob = up.account("bob").address
        run(binary, "sendmail", "-t", "-i", "--config", up.config, input=f"To: {bob}\nSubject: sendmail\n\n.\nx\n")
        arrives(up, "bob", "sendmail")
