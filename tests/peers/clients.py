"""Real mail clients with the settings that the demo prints."""
import imaplib
import os
import poplib
import pty
import select
import ssl
import time

from stack import demo, message, need, run, wait_for


def subjects(up, name):
    """What lies in an inbox, asked by Python's own IMAP client."""
    address, password = up.account(name)
    with imaplib.IMAP4_SSL("localhost", up.port("imap-tls"), ssl_context=trust(up)) as imap:
        imap.login(address, password)
        imap.select("INBOX", readonly=True)
        _, data = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return [part[1].decode().strip()[len("Subject: "):] for part in data if isinstance(part, tuple)]


def trust(up):
    return ssl.create_default_context(cafile=up.ready["ca_certificate"])


def arrives(up, name, subject):
    wait_for(f"{subject!r} in {name}'s inbox", lambda: subject in subjects(up, name))


def submit(up, subject, body="The body.\n", sender="alice", recipient="bob"):
    """Puts a message in by curl, for checks about reading."""
    (address, password), (to, _) = up.account(sender), up.account(recipient)
    run("curl", "-sS", "--cacert", up.ready["ca_certificate"], "--url", f"smtps://localhost:{up.port('smtp-submission-tls')}", "--user",
        f"{address}:{password}", "--mail-from", address, "--mail-rcpt", to, "-T", "-",
        input=message(address, to, subject, body).replace("\n", "\r\n"))
    arrives(up, recipient, subject)


def check_curl(binary, folder):
    """curl submits with STARTTLS and TLS, reads over IMAP and POP3"""
    need("curl")
    with demo(binary, folder) as up:
        (alice, password), (bob, bobs) = up.account("alice"), up.account("bob")
        ca = ["-sS", "--cacert", up.ready["ca_certificate"]]
        for number, url in enumerate((f"smtp://localhost:{up.port('smtp-submission')}", f"smtps://localhost:{up.port('smtp-submission-tls')}")):
            run("curl", *ca, "--ssl-reqd", "--url", url, "--user", f"{alice}:{password}", "--mail-from", alice, "--mail-rcpt", bob, "-T", "-",
                input=message(alice, bob, f"curl {number}").replace("\n", "\r\n"))
            arrives(up, "bob", f"curl {number}")
        for url in (f"imaps://localhost:{up.port('imap-tls')}/INBOX;MAILINDEX=1", f"pop3s://localhost:{up.port('pop3-tls')}/1"):
            read = run("curl", *ca, "--url", url, "--user", f"{bob}:{bobs}").stdout.decode()
            assert "Subject: curl" in read, read
        for url in (f"imap://localhost:{up.port('imap')}/INBOX;MAILINDEX=1", f"pop3://localhost:{up.port('pop3')}/1"):
            read = run("curl", *ca, "--ssl-reqd", "--url", url, "--user", f"{bob}:{bobs}").stdout.decode()
            assert "Subject: curl" in read, read


def check_printed_curl(binary, folder):
    """the curl line that the demo prints delivers as it stands"""
    need("curl")
    with demo(binary, folder) as up:
        wait_for("the printed line", lambda: "curl" in up.text())
        text = up.text().replace("\\\n", " ")
        line = next(line.strip() for line in text.splitlines() if "curl " in line and "--mail-from" in line)
        line = line[line.index("curl "):]
        if "|" in text[:text.index(line)].splitlines()[-1]:
            line = next(l.strip() for l in text.splitlines() if line in l)
        run("sh", "-c", line)
        wait_for("a message", lambda: subjects(up, "bob") or subjects(up, "alice"))


def check_swaks(binary, folder):
    """swaks submits with STARTTLS and AUTH, and talks to port 25 as an MTA"""
    need("swaks")
    with demo(binary, folder) as up:
        (alice, password), (bob, _) = up.account("alice"), up.account("bob")
        for mechanism in ("PLAIN", "LOGIN"):
            run("swaks", "--server", f"localhost:{up.port('smtp-submission')}", "--tls", "--auth", mechanism, "--auth-user", alice,
                "--auth-password", password, "--from", alice, "--to", bob, "--header", f"Subject: swaks {mechanism}")
            arrives(up, "bob", f"swaks {mechanism}")
        run("swaks", "--server", f"127.0.0.1:{up.port('smtp-relay')}", "--tls", "--from", "x@elsewhere.test", "--to", bob, "--header", "Subject: swaks 25")
        arrives(up, "bob", "swaks 25")
        refused = run("swaks", "--server", f"127.0.0.1:{up.port('smtp-relay')}", "--from", "x@elsewhere.test", "--to", "y@elsewhere.test", check=False)
        assert refused.returncode == 24 and b"550 5.7.1" in refused.stdout, refused.stdout


def check_msmtp(binary, folder):
    """msmtp submits as a sendmail would"""
    need("msmtp")
    with demo(binary, folder) as up:
        (alice, password), (bob, _) = up.account("alice"), up.account("bob")
        for number, (port, starttls) in enumerate(((up.port("smtp-submission"), "on"), (up.port("smtp-submission-tls"), "off"))):
            settings = folder / "msmtprc"
            settings.write_text(f"account default\nhost localhost\nport {port}\ntls on\ntls_starttls {starttls}\ntls_trust_file {up.ready['ca_certificate']}\n"
                                f"auth on\nuser {alice}\npassword {password}\nfrom {alice}\n")
            settings.chmod(0o600)
            run("msmtp", "-C", settings, bob, input=message(alice, bob, f"msmtp {number}"))
            arrives(up, "bob", f"msmtp {number}")


def check_mbsync(binary, folder):
    """mbsync mirrors an account both ways and sees flags"""
    need("mbsync", "curl")
    with demo(binary, folder) as up:
        bob, password = up.account("bob")
        submit(up, "mbsync one")
        submit(up, "mbsync two")
        local = folder / "mirror"
        local.mkdir()
        settings = folder / "mbsyncrc"
        settings.write_text(f"IMAPAccount demo\nHost localhost\nPort {up.port('imap-tls')}\nUser {bob}\nPass {password}\nSSLType IMAPS\n"
                            f"CertificateFile {up.ready['ca_certificate']}\nAuthMechs PLAIN\n\nIMAPStore far\nAccount demo\n\n"
                            f"MaildirStore near\nPath {local}/\nInbox {local}/INBOX\nSubFolders Verbatim\n\n"
                            f"Channel demo\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n")
        sync = lambda: run("mbsync", "-c", settings, "-a")  # noqa: E731
        sync()
        found = [p for sub in ("new", "cur") for p in (local / "INBOX" / sub).iterdir()]
        assert len(found) == 2, found
        for name in ("Sent", "Drafts", "Trash", "Junk", "Archive"):
            assert (local / name).is_dir(), f"{name} was not mirrored"
        # A message put into the mirror goes up; a flag set there too.
        (local / "INBOX" / "cur" / "1.local.peers:2,S").write_text(message(bob, bob, "from the mirror"))
        first = sorted(found)[0]
        first.rename(local / "INBOX" / "cur" / (first.name.split(":")[0] + ":2,FS"))
        sync()
        assert sorted(subjects(up, "bob")) == ["from the mirror", "mbsync one", "mbsync two"], subjects(up, "bob")
        with imaplib.IMAP4_SSL("localhost", up.port("imap-tls"), ssl_context=trust(up)) as imap:
            imap.login(bob, password)
            imap.select("INBOX", readonly=True)
            assert imap.search(None, "FLAGGED")[1][0].split(), "the flag did not come up"
        # What is deleted here goes there.
        for path in [p for sub in ("new", "cur") for p in (local / "INBOX" / sub).iterdir() if "local.peers" not in p.name]:
            path.unlink()
        sync()
        assert len(subjects(up, "bob")) == 1, subjects(up, "bob")


def in_a_terminal(command, environment, seconds=60):
    """Runs a full-screen program in a terminal of its own until it ends."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, dict(os.environ, TERM="xterm", LINES="40", COLUMNS="120", **environment))
    seen, end = b"", time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    chunk = os.read(terminal, 65536)
                except OSError:
                    chunk = b""
                if not chunk:
                    break
                seen += chunk
        else:
            os.kill(pid, 9)
            raise AssertionError(f"{command[0]} did not end: {seen[-2000:]!r}")
    finally:
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, f"{command[0]}: {seen[-2000:]!r}"


def mutt(program, binary, folder):
    need(program, "curl")
    with demo(binary, folder) as up:
        (alice, password), (bob, bobs) = up.account("alice"), up.account("bob")
        common = f"set ssl_starttls=yes\nset ssl_force_tls=yes\nset certificate_file={up.ready['ca_certificate']}\nset ssl_verify_host=yes\nset header_cache=\n"
        send = folder / "send"
        send.write_text(common + f"set from={alice}\nset use_envelope_from=yes\nset record=\nset copy=no\n"
                        f"set smtp_url=smtps://{alice.replace('@', '%40')}@localhost:{up.port('smtp-submission-tls')}\nset smtp_pass=\"{password}\"\n")
        run(program, "-n", "-F", send, "-s", f"by {program}", "--", bob, input="Sent by a terminal.\n", env={"HOME": str(folder)})
        arrives(up, "bob", f"by {program}")
        submit(up, "second", body="Read in a terminal.\n")
        copy = folder / "copy"
        read = folder / "read"
        read.write_text(common + f"set folder=imaps://{bob.replace('@', '%40')}@localhost:{up.port('imap-tls')}\nset imap_user={bob}\nset imap_pass=\"{bobs}\"\n"
                        "set confirmcreate=no\nset confirmappend=no\nset quit=yes\nset mbox_type=mbox\nset move=no\nset delete=yes\nset wait_key=no\n"
                        f"push \"<tag-pattern>~A<enter><tag-prefix><copy-message>{copy}<enter><tag-prefix><set-flag>!<quit>\"\n")
        in_a_terminal([program, "-n", "-F", str(read), "-f", f"imaps://{bob.replace('@', '%40')}@localhost:{up.port('imap-tls')}/INBOX"], {"HOME": str(folder)})
        text = copy.read_text()
        assert f"Subject: by {program}" in text and "Read in a terminal." in text, text
        with imaplib.IMAP4_SSL("localhost", up.port("imap-tls"), ssl_context=trust(up)) as imap:
            imap.login(bob, bobs)
            imap.select("INBOX", readonly=True)
            assert len(imap.search(None, "FLAGGED")[1][0].split()) == 2, "the flags set in the terminal"


def check_mutt(binary, folder):
    """mutt sends over SMTP, reads, copies and flags over IMAP"""
    mutt("mutt", binary, folder)


def check_neomutt(binary, folder):
    """neomutt does the same"""
    mutt("neomutt", binary, folder)


def check_fetchmail(binary, folder):
    """fetchmail empties a maildrop over POP3, and leaves one alone with keep"""
    need("fetchmail", "curl")
    with demo(binary, folder) as up:
        bob, password = up.account("bob")
        for number in range(3):
            submit(up, f"fetchmail {number}", body=".a dot\nend\n")
        got = folder / "got"

        def fetch(options, port, tls):
            settings = folder / "fetchmailrc"
            settings.write_text(f"set no bouncemail\npoll localhost protocol pop3 port {port} uidl user \"{bob}\" password \"{password}\" "
                                f"{tls} sslcertck sslcertfile \"{up.ready['ca_certificate']}\" {options} mda \"tee -a {got} >/dev/null\"\n")
            settings.chmod(0o600)
            # Exit code 1: no new mail.
            done = run("fetchmail", "-f", settings, "--pidfile", folder / "pid", "-i", folder / "ids", env={"HOME": str(folder)}, check=False)
            assert done.returncode in (0, 1), done

        fetch("keep", up.port("pop3-tls"), "ssl")
        assert got.read_text().count("Subject: fetchmail") == 3, got.read_text()
        assert len(subjects(up, "bob")) == 3
        fetch("keep", up.port("pop3-tls"), "ssl")
        assert got.read_text().count("Subject: fetchmail") == 3, "UIDL is not stable: mail came again"
        fetch("fetchall nokeep", up.port("pop3"), "sslproto tls1.2+")
        assert got.read_text().count("\n.a dot") == 6, got.read_text()
        assert subjects(up, "bob") == []


def check_python(binary, folder):
    """Python's imaplib and poplib"""
    with demo(binary, folder) as up:
        bob, password = up.account("bob")
        submit(up, "python")
        pop3 = poplib.POP3_SSL("localhost", up.port("pop3-tls"), context=trust(up))
        pop3.user(bob)
        pop3.pass_(password)
        assert pop3.stat()[0] == 1 and b"Subject: python" in pop3.retr(1)[1] and len(pop3.uidl()[1]) == 1
        pop3.quit()
        with imaplib.IMAP4("localhost", up.port("imap")) as imap:
            imap.starttls(trust(up))
            imap.login(bob, password)
            assert imap.select("INBOX")[1] == [b"1"]
            assert imap.append("Drafts", "(\\Draft)", None, b"Subject: draft\r\n\r\nx\r\n")[0] == "OK"
            assert imap.uid("MOVE", "1", "Archive")[0] == "OK"
            assert imap.select("Archive")[1] == [b"1"]


def check_sendmail(binary, folder):
    """`postrider sendmail -t`, as cron and PHP call it"""
    with demo(binary, folder) as up:
        bob, _ = up.account("bob")
        run(binary, "sendmail", "-t", "-i", "--config", folder / "demo" / "config.toml", input=f"To: {bob}\nSubject: sendmail\n\nx\n")
        arrives(up, "bob", "sendmail")


