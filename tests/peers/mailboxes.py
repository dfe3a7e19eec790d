"""Messages, and what lies in mailboxes: put in by curl, looked at with Python's own IMAP client."""
import contextlib
import email
import email.policy
import imaplib

from stack import run, wait_for

HEADERS = "From: <{}>\nTo: <{}>\nSubject: {}\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-ID: <{}@peers.example>\n"


def message(sender, recipient, subject, body="The body.\n", more=""):
    """A message with the line ends of Unix; `more` is further header lines."""
    return HEADERS.format(sender, recipient, subject, subject.replace(" ", "-")) + more + "\n" + body


def send(url, text, sender, recipient, *options):
    """Hands a message to a server by curl."""
    run("curl", "-sS", "--crlf", "--url", url, "--mail-from", sender, "--mail-rcpt", recipient, *options, "-T", "-",
        input=text)


def submit(up, subject, sender="alice", recipient="bob", **more):
    """Sends as a user of ours to another, and waits until it is there."""
    own, to = up.account(sender), up.account(recipient).address
    send(up.url("smtps", "smtp-submission-tls"), message(own.address, to, subject, **more), own.address, to,
         "--cacert", up.ca, "--user", f"{own.address}:{own.password}")
    arrives(up, recipient, subject)


@contextlib.contextmanager
def opened(up, name, mailbox="INBOX"):
    """A mailbox, opened for reading only; and how many messages it has."""
    address, password = up.account(name)
    with imaplib.IMAP4_SSL("localhost", up.port("imap-tls"), ssl_context=up.trust()) as imap:
        imap.login(address, password)
        _, (count,) = imap.select(mailbox, readonly=True)
        yield imap, int(count)


def messages(up, name):
    """The messages in someone's inbox, parsed."""
    with opened(up, name) as (imap, count):
        # "*" is no message of an empty mailbox, so BAD would be the right answer (RFC 3501 §9, seq-number).
        found = imap.fetch("1:*", "(BODY.PEEK[])")[1] if count else []
    parse = lambda octets: email.message_from_bytes(octets, policy=email.policy.default)  # noqa: E731
    return [parse(part[1]) for part in found if isinstance(part, tuple)]


def subjects(up, name):
    return sorted(found["Subject"] for found in messages(up, name))


def flagged(up, name):
    """How many messages of someone's inbox are flagged."""
    with opened(up, name) as (imap, _):
        return len(imap.search(None, "FLAGGED")[1][0].split())


def arrives(up, name, subject):
    wait_for(f"{subject!r} in {name}'s inbox", lambda: subject in subjects(up, name))
