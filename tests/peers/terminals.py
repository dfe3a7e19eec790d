"""Full-screen mail clients, each in a terminal of its own."""
import os
import pty
import select
import time

from mailboxes import arrives, flagged, submit
from stack import PATIENCE, demo, need, run

COMMON = """\
set ssl_starttls=yes
set ssl_force_tls=yes
set ssl_verify_host=yes
set certificate_file={ca}
set header_cache=
"""
SENDING = """\
set from={user}
set use_envelope_from=yes
set record=
set copy=no
set smtp_url={url}
set smtp_pass="{password}"
"""
# A folder that is there: a question whether to make one would eat the keys.
READING = """\
set folder={url}
set imap_user={user}
set imap_pass="{password}"
set confirmcreate=no
set confirmappend=no
set quit=yes
set mbox_type=mbox
set move=no
set delete=yes
set wait_key=no
push "<tag-pattern>~A<enter><tag-prefix><copy-message>{copy}<enter><tag-prefix><set-flag>!<quit>"
"""


def in_a_terminal(command, environment):
    """Runs a full-screen program until it ends by itself."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, {**os.environ, "TERM": "xterm", "LINES": "40", "COLUMNS": "120", **environment})
    seen, end = b"", time.monotonic() + PATIENCE
    try:
        while chunk := read(terminal, end):
            seen += chunk
    except TimeoutError:
        os.kill(pid, 9)
    finally:
        # It hears of that (SIGHUP), should it still be there.
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
    ended = os.waitstatus_to_exitcode(status)
    assert ended == 0, f"{command[0]} ended with {ended}; its screen: {seen[-2000:]!r}"


def read(terminal, end):
    """What it shows next; nothing once it has ended."""
    if not select.select([terminal], [], [], max(0.0, end - time.monotonic()))[0]:
        raise TimeoutError
    try:
        return os.read(terminal, 65536)
    except OSError:
        # How Linux says that nobody holds the other side any more.
        return b""


def sends_and_reads(program, binary, folder):
    need(program, "curl")
    with demo(binary, folder) as up:
        alice, bob = up.account("alice"), up.account("bob")
        home = {"HOME": str(folder)}

        def settings(name, text, account, **more):
            path = folder / name
            path.write_text((COMMON + text).format(ca=up.ca, user=account.address, password=account.password, **more))
            return path

        def url(scheme, listener, account):
            return up.url(scheme, listener).replace("//", "//" + account.address.replace("@", "%40") + "@")

        for scheme, listener in (("smtp", "smtp-submission"), ("smtps", "smtp-submission-tls")):
            rc = settings("send", SENDING, alice, url=url(scheme, listener, alice))
            run(program, "-n", "-F", rc, "-s", f"by {scheme}", "--", bob.address, input="Sent by a terminal.\n", env=home)
            arrives(up, "bob", f"by {scheme}")
        submit(up, "third", body="Read in a terminal.\n")
        copy = folder / "copy"
        for scheme, listener in (("imaps", "imap-tls"), ("imap", "imap")):
            server = url(scheme, listener, bob)
            rc = settings("read", READING, bob, url=server, copy=copy)
            in_a_terminal([program, "-n", "-F", str(rc), "-f", server + "/INBOX"], home)
            text = copy.read_text()
            assert "Subject: by smtps" in text and "Read in a terminal." in text, text
            assert flagged(up, "bob") == 3
            copy.unlink()


def check_mutt(binary, folder):
    """mutt sends over SMTP, reads, copies and flags over IMAP"""
    sends_and_reads("mutt", binary, folder)


def check_neomutt(binary, folder):
    """neomutt does the same"""
    sends_and_reads("neomutt", binary, folder)
