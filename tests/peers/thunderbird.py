"""Thunderbird itself, without a screen: what its windows do, done by its own objects (thunderbird.js)."""
import contextlib
import re
from pathlib import Path

from mailboxes import arrives, opened, submit, subjects
from marionette import driven
from signing_in import house
from stack import demo, need, wait_for

SCRIPT = Path(__file__).with_suffix(".js").read_text()
QUIETLY = {
    "mailnews.start_page.enabled": False, "mail.provider.suppress_dialog_on_startup": True,
    # A message is seen when it is marked so, and the folder is left as it is.
    "mailnews.mark_message_read.auto": False, "mail.purge.ask": False,
}
MARKS = r"\Seen", r"\Flagged", "$label1"
PLAIN, ENCRYPTED = "passwordCleartext", "passwordEncrypted"


class Thunderbird:
    """What the checks ask of it; each of these is a function of the script."""

    def __init__(self, program):
        self.program = program

    def __getattr__(self, action):
        return lambda *words: self.program.script(SCRIPT, action, *words)

    def shows(self, account, folder, *expected):
        """Opens a folder, and waits until it has exactly these."""
        self.open(account, folder)
        wait_for(f"{expected} in {folder}", lambda: self.subjects(account, folder) == sorted(expected))


@contextlib.contextmanager
def thunderbird(up, folder):
    need("thunderbird")
    with driven("thunderbird", folder / "thunderbird", QUIETLY) as program:
        client = Thunderbird(program)
        certificate = re.sub("-----.*?-----|\n", "", Path(up.ca).read_text())
        if up.ready["ca_certificate"]:
            client.trust(certificate)
        else:
            client.acceptAt(certificate, [up.port(name) for name, there in up.ready["listeners"].items() if there])
        yield client


def added(client, up, name, kind, security, method=PLAIN, **more):
    """Adds an account, with its servers for both ways; `kind` is how it reads."""
    tls = "-tls" if security == "SSL" else ""
    reading, sending = ({"port": up.port(listener + tls), "security": security, "method": method}
                        for listener in (kind, "smtp-submission"))
    return client.addAccount(*up.account(name), {"kind": kind, **reading, **more}, sending)


def has_flags(up, folder, number, *flags):
    """Whether a message of alice's has all these, as another client sees it."""
    with opened(up, "alice", folder) as (imap, _):
        found = imap.fetch(str(number), "(FLAGS)")[1][0].decode()
        return all(flag in found for flag in flags)


def check_thunderbird(binary, folder):
    """Thunderbird sends, files, hears at once, marks, moves, searches and deletes over IMAP; and fetches by POP3"""
    need("curl")
    with demo(binary, folder) as up, thunderbird(up, folder) as client:
        writes_and_files(up, client, added(client, up, "alice", "imap", "alwaysSTARTTLS"))
        fetches(up, client, added(client, up, "bob", "pop3", "SSL", keep=True))


def writes_and_files(up, client, alice):
    client.open(alice, "INBOX")
    wait_for("the folders", lambda: client.folders(alice) == ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"])
    for name, use in (("Sent", "SentMail"), ("Drafts", "Drafts"), ("Trash", "Trash"), ("Junk", "Junk"), ("Archive", "Archive")):
        assert client.special(alice, name) == [use], name

    own = up.account("alice").address
    client.send(alice, own, "Grüße aus Wien", "Schön hier.\n.\n..\n")
    client.shows(alice, "Sent", "Grüße aus Wien")
    client.shows(alice, "INBOX", "Grüße aus Wien")
    text = client.read(alice, "INBOX", "Grüße aus Wien").encode("latin-1").decode()
    assert text.endswith("\r\n\r\nSchön hier.\r\n.\r\n..\r\n"), text
    client.send(alice, own, "unfinished", "Dear", "nsMsgSaveAsDraft")
    client.shows(alice, "Drafts", "unfinished")
    assert has_flags(up, "Drafts", 1, r"\Draft")

    # Told while it waits, and again when another client has marked it, and taken it away.
    submit(up, "live", sender="bob", recipient="alice")
    wait_for("the new message", lambda: client.subjects(alice, "INBOX") == ["Grüße aus Wien", "live"])
    client.mark(alice, "INBOX", "live")
    # It may well copy before it has told the marks.
    wait_for("the marks", lambda: has_flags(up, "INBOX", 2, *MARKS))
    client.copy(alice, "INBOX", "live", "Archive", False)
    client.copy(alice, "INBOX", "live", "Junk", True)
    client.shows(alice, "INBOX", "Grüße aus Wien")
    for name in ("Archive", "Junk"):
        client.shows(alice, name, "live")
        assert has_flags(up, name, 1, *MARKS), f"what was copied to {name} has lost its marks"
    with opened(up, "alice", "INBOX") as (imap, _):
        imap.select("INBOX")
        imap.store("1", "+FLAGS", r"(\Flagged)")
        wait_for("another's mark", lambda: client.flagged(alice, "INBOX") == ["Grüße aus Wien"])
        imap.append("INBOX", None, None, b"Subject: short-lived\r\n\r\n")
        wait_for("another's message", lambda: "short-lived" in client.subjects(alice, "INBOX"))
        imap.store("2", "+FLAGS", r"(\Deleted)")
        imap.expunge()
        wait_for("its end", lambda: client.subjects(alice, "INBOX") == ["Grüße aus Wien"])

    for attribute, text, expected in (("Subject", "Grüße", 1), ("Body", "SCHÖN", 1), ("Sender", own, 1), ("Body", "Wien", 0)):
        assert len(client.search(alice, "INBOX", attribute, text)) == expected, (attribute, text)

    client.create(alice, "Öfen & Co")
    wait_for("the new folder", lambda: "Öfen & Co" in client.folders(alice))
    client.rename(alice, "Öfen & Co", "日本")
    wait_for("its new name", lambda: {"日本", "Öfen & Co"} & set(client.folders(alice)) == {"日本"})
    client.copy(alice, "INBOX", "Grüße aus Wien", "日本", True)
    client.shows(alice, "日本", "Grüße aus Wien")

    client.delete(alice, "日本", "Grüße aus Wien", False)
    client.shows(alice, "Trash", "Grüße aus Wien")
    client.delete(alice, "Trash", "Grüße aus Wien", True)
    client.expunge(alice, "Trash")
    with opened(up, "alice", "Trash") as (_, count):
        assert count == 0


def fetches(up, client, bob):
    for subject in ("one", "two"):
        submit(up, subject, body=".a dot\n")
    for _ in range(3):
        assert client.fetchPop(bob) == ["one", "two"], "UIDL is not stable: mail came again"
    assert client.read(bob, "Inbox", "two").replace("\r\n", "\n").endswith("\n\n.a dot\n")
    submit(up, "three")
    assert client.fetchPop(bob) == ["one", "three", "two"]
    assert subjects(up, "bob") == ["one", "three", "two"]
    client.leaveOnServer(bob, False)
    submit(up, "four")
    assert client.fetchPop(bob) == ["four", "one", "three", "two"]
    wait_for("the end of what was fetched", lambda: subjects(up, "bob") == [])
    submit(up, "five")
    assert client.fetchPop(bob) == ["five", "four", "one", "three", "two"]
    client.send(bob, up.account("alice").address, "from a POP3 account", "By TLS.")
    arrives(up, "alice", "from a POP3 account")


def check_thunderbird_cram(binary, folder):
    """Thunderbird's "encrypted password" is CRAM-MD5, over SMTP, IMAP and POP3"""
    need("curl", "openssl")
    with house(binary, folder, ["CRAM-MD5"]) as up, thunderbird(up, folder) as client:
        alice = added(client, up, "alice", "imap", "SSL", ENCRYPTED)
        bob = added(client, up, "bob", "pop3", "alwaysSTARTTLS", ENCRYPTED)
        client.send(alice, up.account("bob").address, "encrypted", "By CRAM-MD5.")
        client.shows(alice, "Sent", "encrypted")
        wait_for("the message", lambda: client.fetchPop(bob) == ["encrypted"])
        said = [line for line in up.text().splitlines() if "signed in" in line]
        for protocol in ("submission", "imap", "pop3"):
            assert any(f'protocol="{protocol}"' in line and 'method="CRAM-MD5"' in line for line in said), said
