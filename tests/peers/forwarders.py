"""Exim and OpenSMTPD as other MTAs: each takes mail for carol from us and sends it on to bob, who is ours.

So each message is proof of both directions. Debian lets only one MTA be installed, so these two are unpacked beside it.
"""
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from mailboxes import arrives, message, messages, send
from stack import Account, Missing, configured, free_port, listens, need, ours_with, wait_for

# Where the packages of these two are unpacked.
UNPACKED = Path("/var/cache/postrider-peers")
EXIM = UNPACKED / "exim4-daemon-light/usr/sbin/exim4"
OPENSMTPD = UNPACKED / "opensmtpd/usr/sbin/smtpd"
# The users that these programs will not do without, as their packages would make them.
USERS = {"exim4-daemon-light": ["Debian-exim"], "opensmtpd": ["opensmtpd", "opensmtpq"]}
# Likewise, folders: their places are compiled in.
FOLDERS = {"opensmtpd": ["/var/lib/opensmtpd/empty", "/var/spool/smtpd"]}

ALICE, BOB = Account("alice@ours.test", "correct horse battery"), Account("bob@ours.test", "battery horse correct")

EXIM_CONF = """\
primary_hostname = mail.exim.test
exim_path = {program}
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = {folder}/spool
log_file_path = {folder}/spool/%slog
pid_file_path = {folder}/spool/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
keep_environment =
tls_advertise_hosts = *
tls_certificate = {certificates}/certificate.pem
tls_privatekey = {certificates}/key.pem
domainlist theirs = exim.test
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
log_selector = +smtp_protocol_error +tls_cipher
begin acl
mail:
  deny message = 5.7.10 TLS it must be
    !encrypted = *
  accept
rcpt:
  accept domains = +theirs
    verify = recipient
  deny message = 5.7.1 not here
begin routers
known:
  driver = redirect
  domains = +theirs
  data = ${{if inlist{{$local_part}}{{carol:카롤}}{{bob@ours.test}}}}
onward:
  driver = manualroute
  domains = ours.test
  route_list = * 127.0.0.1
  self = send
  transport = onward
begin transports
onward:
  driver = smtp
  port = {our_port}
  allow_localhost
  hosts_require_tls = *
begin retry
* * F,1h,2s
"""

# The OpenSMTPD of Debian 12 offers STARTTLS and fails at every handshake, with any client (its separated key does not
# work with OpenSSL 3). Whoever needs no certificate goes on in clear then.
OPENSMTPD_CONF = """\
pki theirs cert "{folder}/certificate.pem"
pki theirs key "{folder}/key.pem"
table names {{ "carol@opensmtpd.test" = "bob@ours.test" }}
listen on 127.0.0.1 port {port} tls pki theirs hostname mail.opensmtpd.test
action "expand" expand-only virtual <names>
action "onward" relay host smtp+tls://127.0.0.1:{our_port} tls no-verify
match from any for domain "opensmtpd.test" action "expand"
match from any for domain "ours.test" action "onward"
"""


def need_unpacked(program, users):
    if os.geteuid() != 0:
        raise Missing(f"a private {program.name} needs root")
    if not program.exists():
        raise Missing(f"there is no {program}")
    for name in users:
        try:
            pwd.getpwnam(name)
        except KeyError:
            raise Missing(f"there is no user {name}") from None


@contextlib.contextmanager
def daemon(command, log):
    """A program in the foreground; what it says is in the log."""
    with open(log, "wb") as output:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield
    except Exception:
        print(f"The last of what {command[0]} said:\n{log.read_text(errors='replace')[-4000:]}")
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def submit(up, subject, recipient, more_recipients=(), **more):
    """Sends as alice."""
    others = [word for one in more_recipients for word in ("--mail-rcpt", one)]
    send(up.url("smtps", "smtp-submission-tls"), message(ALICE.address, recipient, subject, **more), ALICE.address,
         recipient, "--cacert", up.ca, "--user", ":".join(ALICE), *others)


def there_and_back(up, domain, by):
    """A message goes to carol and comes back to bob, over TLS; nobody is refused."""
    body = "Grüße\n.dot\n" + "x" * 900 + "\n"
    submit(up, "to carol", f"carol@{domain}", body=body,
           more="MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n")
    arrives(up, "bob", "to carol")
    got = messages(up, "bob")[0]
    hops = [" ".join(hop.split()) for hop in got.get_all("Received")]
    assert "with ESMTPS" in hops[0], hops
    assert f"by {by}" in hops[1] and "mail.ours.test" in hops[1], hops
    assert got.get_content().replace("\r\n", "\n") == body, got
    assert got["Return-Path"] == f"<{ALICE.address}>", got

    submit(up, "to nobody", f"nobody@{domain}")
    report = wait_for("the notification", lambda: messages(up, "alice"))[0]
    _, status, _ = report.iter_parts()
    _, recipient = status.iter_parts()
    assert recipient["Action"] == "failed" and recipient["Status"].startswith("5."), status
    assert recipient["Final-Recipient"] == f"rfc822; nobody@{domain}", status


def check_exim(binary, folder):
    """mail to Exim, and from Exim to us, over TLS; by BDAT both ways, and with SMTPUTF8"""
    need("curl", "openssl")
    need_unpacked(EXIM, USERS["exim4-daemon-light"])
    port, theirs = free_port(), folder / "exim"
    (theirs / "spool").mkdir(parents=True)
    shutil.chown(theirs / "spool", "Debian-exim")
    ours = ours_with({"exim.test": f"127.0.0.1:{port}"})
    with configured(binary, folder, ours, "ours.test", [ALICE, BOB]) as up:
        (folder / "key.pem").chmod(0o644)
        conf = theirs / "exim.conf"
        conf.write_text(EXIM_CONF.format(folder=theirs, certificates=folder, port=port, program=EXIM,
                                         our_port=up.port("smtp-relay")))
        with daemon([EXIM, "-C", conf, "-bdf", "-q5s"], theirs / "log"):
            wait_for("Exim", lambda: listens(port))
            there_and_back(up, "exim.test", "mail.exim.test")
            utf8 = "카롤@exim.test"
            submit(up, "to an international carol", utf8)
            arrives(up, "bob", "to an international carol")
        log = (theirs / "spool" / "mainlog").read_text()
        # X: the cipher; K: by BDAT. In both directions.
        for sign in ("<= alice@ours.test", "=> bob@ours.test"):
            line = next(line for line in log.splitlines() if sign in line)
            assert " X=TLS" in line and " K " in line, line


def check_opensmtpd(binary, folder):
    """mail to OpenSMTPD, in clear where its TLS fails, and from OpenSMTPD to us, over TLS"""
    need("curl", "openssl")
    need_unpacked(OPENSMTPD, USERS["opensmtpd"])
    port, theirs = free_port(), folder / "opensmtpd"
    theirs.mkdir()
    ours = ours_with({"opensmtpd.test": f"127.0.0.1:{port}"})
    with configured(binary, folder, ours, "ours.test", [ALICE, BOB]) as up:
        conf = theirs / "smtpd.conf"
        conf.write_text(OPENSMTPD_CONF.format(folder=folder, port=port, our_port=up.port("smtp-relay")))
        with daemon([OPENSMTPD, "-d", "-f", conf], theirs / "log"):
            wait_for("OpenSMTPD", lambda: listens(port))
            there_and_back(up, "opensmtpd.test", "mail.opensmtpd.test")
