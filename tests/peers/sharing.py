"""Mailboxes that are shared between accounts, and annotations, with Python's imaplib and curl."""
import imaplib

from mailboxes import submit
from stack import demo, need, run


def signed_in(up, account):
    client = imaplib.IMAP4_SSL("localhost", up.port("imap-tls"), ssl_context=up.trust())
    client.login(*account)
    return client


def done(answer):
    kind, data = answer
    assert kind == "OK", answer
    return [line.decode() for line in data if line]


def flags(answer):
    """The flags of the one message that is told of; whether it is recent depends on who looked first."""
    (line,) = done(answer)
    return set(line.partition("FLAGS (")[2].rstrip(")").split()) - {r"\Recent"}


def asked(client, command, *arguments):
    """A command that imaplib does not know; its untagged responses of the same name."""
    word = command.lower()
    imaplib.Commands[command] = ("AUTH", "SELECTED")
    done(client._simple_command(command, *arguments))
    return client.response({"getmetadata": "METADATA"}.get(word, command))[1]


def check_imaplib_sharing(binary, folder):
    """imaplib shares a folder with setacl, the other account reads it, copies from it, and loses it again; curl sees it too"""
    need("curl")
    with demo(binary, folder) as up:
        owner, other = up.account("alice"), up.account("bob")
        alice, bob = signed_in(up, owner), signed_in(up, other)
        theirs = f'"Other Users/{owner[0]}/Projects"'
        assert b"(\"Other Users/\" \"/\")" in bob.namespace()[1][0]
        done(alice.create("Projects"))
        done(alice.append("Projects", r"(\Flagged)", None, b"Subject: shared\r\n\r\nx\r\n"))
        assert theirs not in "".join(done(bob.list()))

        done(alice.setacl("Projects", other[0], "lrs"))
        assert f"{other[0]} lrs" in done(alice.getacl("Projects"))[0]
        assert done(bob.myrights(theirs))[0].endswith(" lrs")
        assert any(theirs in line for line in done(bob.list()))
        seen = run("curl", "-sS", "--cacert", up.ca, "--user", ":".join(other), up.url("imaps", "imap-tls"))[1]
        assert theirs in seen, seen

        done(bob.select(theirs))
        # Without the right to delete, only \Seen is set.
        assert flags(bob.store("1", "+FLAGS", r"(\Seen \Deleted)")) == {r"\Flagged", r"\Seen"}
        assert bob.expunge()[0] == "NO" and bob.append(theirs, None, None, b"x")[0] == "NO"
        done(bob.copy("1", "INBOX"))
        done(alice.select("Projects"))
        assert flags(alice.fetch("1", "FLAGS")) == {r"\Flagged", r"\Seen"}

        asked(alice, "SETMETADATA", "Projects", '(/shared/comment "ours" /private/comment "mine")')
        noted = asked(bob, "GETMETADATA", theirs, "(/shared/comment /private/comment)")
        assert b'(/shared/comment "ours" /private/comment NIL)' in noted[0], noted

        done(alice.deleteacl("Projects", other[0]))
        try:
            for _ in range(100):
                bob.noop()
            raise AssertionError("a session goes on without the right to read")
        except imaplib.IMAP4.abort:
            pass
        again = signed_in(up, other)
        assert again.select(theirs)[0] == "NO" and theirs not in "".join(done(again.list()))
        submit(up, "still delivered")
