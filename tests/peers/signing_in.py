"""Every way to sign in, by real clients: msmtp (GNU SASL), curl, swaks and Python, over all protocols."""
import contextlib
import imaplib
import json
import poplib
import re
import smtplib
import ssl

from mailboxes import arrives, message, send
from stack import ROOT, Account, configured, free_port, need, run, wait_for

# What the program cannot do without, and packages only suggest.
DIGEST_OF_SWAKS = ["/usr/share/perl5/Authen/SASL.pm", "/usr/share/perl5/Digest/HMAC_MD5.pm"]
MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-1", "EXTERNAL", "DIGEST-MD5", "CRAM-MD5", "APOP", "PLAIN", "LOGIN"]
ALICE, BOB = ("alice@peers.example", "correct horse battery"), ("bob@peers.example", "bob's secret, too")

CONFIG = """\
hostname = "localhost"
data_dir = "{folder}/data"
[tls]
certificate = "{folder}/certificate.pem"
key = "{folder}/key.pem"
[sign_in]
mechanisms = {mechanisms}
max_delay = "0s"
block.address_after = {block}
[submission]
listen = "127.0.0.1:{submission}"
listen_tls = "127.0.0.1:{submission_tls}"
[relay]
listen = "127.0.0.1:{relay}"
[imap]
listen = "127.0.0.1:{imap}"
listen_tls = "127.0.0.1:{imap_tls}"
[pop3]
listen = "127.0.0.1:{pop3}"
listen_tls = "127.0.0.1:{pop3_tls}"
[routes]
"*" = "hold: nothing leaves"
"""


@contextlib.contextmanager
def house(binary, folder, mechanisms=MECHANISMS, block=0):
    (folder / "data").mkdir()
    names = ("submission", "submission_tls", "relay", "imap", "imap_tls", "pop3", "pop3_tls")
    ports = {name: free_port() for name in names}
    config = CONFIG.format(folder=folder, mechanisms=json.dumps(mechanisms), block=block, **ports)
    accounts = [Account(*ALICE), Account(*BOB)]
    with configured(binary, folder, config, "peers.example", accounts) as up:
        yield up


def postrider(binary, up, *words):
    return run(binary, *words, "--config", up.config)[1]


def app_password(binary, up, label, *protocols):
    options = [word for protocol in protocols for word in ("--protocol", protocol)]
    return postrider(binary, up, "account", "app-password", "add", ALICE[0], label, *options).split()[0]


def by_msmtp(up, folder, mechanism, user, password, more=""):
    """Sends by msmtp; whether it was let in."""
    settings = folder / "msmtprc"
    settings.write_text(f"account default\nhost localhost\nport {up.port('smtp-submission-tls')}\ntls on\ntls_starttls off\n"
                        f"tls_trust_file {up.ca}\nauth {mechanism}\nuser {user}\npassword {password}\nfrom {ALICE[0]}\n{more}")
    settings.chmod(0o600)
    subject = f"msmtp {mechanism} {user}"
    ended, said = run("msmtp", "-C", settings, BOB[0], input=message(ALICE[0], BOB[0], subject), check=False)
    if ended == 0:
        arrives(up, "bob", subject)
    return ended == 0


def of_a_device(folder):
    """A certificate that its device has made for itself, and its key."""
    certificate, key = folder / "device.pem", folder / "device.key"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=alice", "-keyout", key, "-out", certificate)
    return certificate, key


def check_sign_in_msmtp(binary, folder):
    """msmtp signs in by every mechanism that GNU SASL has, with passwords, app passwords and a certificate"""
    need("msmtp", "openssl")
    with house(binary, folder) as up:
        app = app_password(binary, up, "phone")
        for mechanism in ("scram-sha-256", "scram-sha-1", "digest-md5", "cram-md5", "plain", "login"):
            for user in (ALICE[0], "alice"):
                assert by_msmtp(up, folder, mechanism, user, f'"{ALICE[1]}"'), f"{mechanism} {user}"
            assert by_msmtp(up, folder, mechanism, f"{ALICE[0]}%phone", app), f"{mechanism} with an app password"
            assert not by_msmtp(up, folder, mechanism, ALICE[0], "wrong"), f"{mechanism} took a wrong password"
        certificate, key = of_a_device(folder)
        tls = f"tls_cert_file {certificate}\ntls_key_file {key}\n"
        assert not by_msmtp(up, folder, "external", ALICE[0], "", tls), "an unknown certificate"
        postrider(binary, up, "account", "certificate", "add", ALICE[0], "laptop", certificate)
        wait_for("the certificate", lambda: by_msmtp(up, folder, "external", ALICE[0], "", tls))
        shown = json.loads(postrider(binary, up, "account", "show", ALICE[0], "--json"))
        devices = {last["device"] for last in shown["last_sign_ins"] if last["protocol"] == "submission"}
        assert devices == {"", "phone", "laptop"}, shown


def check_sign_in_curl(binary, folder):
    """curl signs in by every --login-options that it has, over SMTP, IMAP and POP3, and by a certificate"""
    need("curl", "openssl")
    with house(binary, folder) as up:
        app = app_password(binary, up, "phone")
        send(up.url("smtps", "smtp-submission-tls"), message(ALICE[0], ALICE[0], "curl"), ALICE[0], ALICE[0],
             "--cacert", up.ca, "--user", ":".join(ALICE))
        arrives(up, "alice", "curl")
        secrets = [":".join(ALICE), "alice:" + ALICE[1], f"{ALICE[0]}%phone:{app}"]
        for options in ("AUTH=PLAIN", "AUTH=LOGIN", "AUTH=CRAM-MD5", "AUTH=DIGEST-MD5", "AUTH=*"):
            for secret in secrets:
                url = up.url("smtps", "smtp-submission-tls")
                send(url, message(ALICE[0], ALICE[0], "again"), ALICE[0], ALICE[0], "--cacert", up.ca, "--user", secret,
                     "--login-options", options)
                for url in (up.url("imaps", "imap-tls") + "/INBOX;MAILINDEX=1", up.url("pop3s", "pop3-tls") + "/1"):
                    _, read = run("curl", "-sS", "--cacert", up.ca, "--user", secret, "--login-options", options,
                                  "--url", url)
                    assert "Subject: curl" in read, f"{options} {url} {read}"
        for secret in secrets:
            _, read = run("curl", "-sS", "--cacert", up.ca, "--user", secret, "--login-options", "AUTH=+APOP",
                          "--url", up.url("pop3s", "pop3-tls") + "/1")
            assert "Subject: curl" in read, read
        certificate, key = of_a_device(folder)
        postrider(binary, up, "account", "certificate", "add", ALICE[0], "laptop", certificate)
        external = ["--cacert", up.ca, "--cert", certificate, "--key", key, "--user", f"{ALICE[0]}:", "--login-options", "AUTH=EXTERNAL"]
        for url in (up.url("imaps", "imap-tls") + "/INBOX;MAILINDEX=1", up.url("pop3s", "pop3-tls") + "/1"):
            wait_for("the certificate", lambda url=url: "Subject: curl" in run("curl", "-sS", *external, "--url", url, check=False)[1])
        send(up.url("smtps", "smtp-submission-tls"), message(ALICE[0], ALICE[0], "again"), ALICE[0], ALICE[0], *external)
        ended, said = run("curl", "-sS", "--cacert", up.ca, "--user", f"{ALICE[0]}:wrong", "--login-options", "AUTH=DIGEST-MD5",
                          "--url", up.url("imaps", "imap-tls") + "/INBOX;MAILINDEX=1", check=False)
        assert ended == 67, said


def check_sign_in_swaks(binary, folder):
    """swaks signs in by PLAIN, LOGIN, CRAM-MD5 and DIGEST-MD5"""
    need("swaks", files=DIGEST_OF_SWAKS)
    with house(binary, folder) as up:
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"):
            for password, expected in ((ALICE[1], 0), ("wrong", 28)):
                ended, said = run("swaks", "--server", f"localhost:{up.port('smtp-submission')}", "--tls", "--auth", mechanism,
                                  "--auth-user", ALICE[0], "--auth-password", password, "--from", ALICE[0], "--to", BOB[0],
                                  "--header", f"Subject: swaks {mechanism}", check=False)
                assert ended == expected, said
            arrives(up, "bob", f"swaks {mechanism}")


def check_sign_in_python(binary, folder):
    """Python signs in by PLAIN, LOGIN, CRAM-MD5 and APOP; what is limited or revoked is refused; sessions end with it"""
    with house(binary, folder) as up:
        reading = app_password(binary, up, "tablet", "imap")
        trust = up.trust()

        def imap():
            return imaplib.IMAP4_SSL("localhost", up.port("imap-tls"), ssl_context=trust)

        def pop():
            return poplib.POP3_SSL("localhost", up.port("pop3-tls"), context=trust)

        def smtp():
            return smtplib.SMTP_SSL("localhost", up.port("smtp-submission-tls"), context=trust)

        with imap() as client:
            client.login_cram_md5(*ALICE)
        with imap() as client:
            plain = "\0".join(("", *ALICE)).encode()
            client.authenticate("PLAIN", lambda _: plain)
        pop().apop(*ALICE)
        for mechanism in ("auth_plain", "auth_login", "auth_cram_md5"):
            with smtp() as client:
                client.ehlo()
                client.user, client.password = ALICE
                code, _ = client.auth(mechanism.removeprefix("auth_").replace("_", "-").upper(), getattr(client, mechanism))
                assert code == 235, mechanism
        with imap() as client:
            client.login(ALICE[0], reading)
        with smtp() as client:
            refused(smtplib.SMTPAuthenticationError, lambda: client.login(ALICE[0], reading))
        refused(poplib.error_proto, lambda: sign_in(pop(), (ALICE[0], reading)))

        # What is revoked ends what rests on it, within seconds.
        held = imap()
        held.login(ALICE[0], reading)
        dropped, sender = pop(), smtp()
        sign_in(dropped, ALICE)
        sender.login(*ALICE)
        postrider(binary, up, "account", "app-password", "remove", ALICE[0], "tablet")
        wait_for("the end of the sessions", lambda: ended(held.noop) and ended(dropped.noop) and ended(sender.noop), 5)
        with imap() as client:
            refused(imaplib.IMAP4.error, lambda: client.login(ALICE[0], reading))


def check_sign_in_blocked(binary, folder):
    """different wrong passwords block an address, the command lifts it, and fail2ban's expression finds each failure"""
    with house(binary, folder, block=5) as up:
        trust = up.trust()

        def tries(password):
            with imaplib.IMAP4_SSL("localhost", up.port("imap-tls"), ssl_context=trust) as client:
                return client._simple_command("LOGIN", ALICE[0], f'"{password}"')[1][0].decode()

        for _ in range(8):
            assert "AUTHENTICATIONFAILED" in tries("mistyped")
        assert "nothing is blocked" in postrider(binary, up, "block", "list")
        for number in range(5):
            tries(f"guess {number}")
        wait_for("the block", lambda: "blocked" in tries("guess"))
        blocks = json.loads(postrider(binary, up, "block", "list", "--json"))
        assert [(block["kind"], block["subject"]) for block in blocks] == [("address", "127.0.0.1")], blocks
        assert "blocked" in tries(ALICE[1]), "also the right one"
        postrider(binary, up, "block", "remove", "127.0.0.1")
        wait_for("the end of the block", lambda: "Signed in" in tries(ALICE[1]))
        expression = re.search(r"failregex = (.*)", (ROOT / "deploy/fail2ban/filter.d/postrider.conf").read_text())[1]
        expression = re.compile(expression.replace("<HOST>", r"(?P<host>[0-9a-f.:]+)"))
        failures = [line for line in up.text().splitlines() if "sign-in failed" in line]
        assert len(failures) >= 13 and all(expression.search(line)["host"] == "127.0.0.1" for line in failures), failures


def sign_in(client, account):
    client.user(account[0])
    client.pass_(account[1])


def refused(error, action):
    try:
        action()
    except error:
        return
    raise AssertionError("was let in")


def ended(action):
    """Whether the session is over: whatever the client makes of it."""
    try:
        answer = action()
    except (OSError, EOFError, ssl.SSLError, imaplib.IMAP4.error, poplib.error_proto, smtplib.SMTPException):
        return True
    return isinstance(answer, tuple) and answer[0] == 421
