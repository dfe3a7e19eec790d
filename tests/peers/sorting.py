"""SORT, THREAD, saved searches and decoded parts, against Dovecot with the same messages."""
import random
import re

from messages import by_imap
from stack import demo, need

SORTS = ["ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "REVERSE DATE", "REVERSE FROM", "REVERSE SUBJECT",
         "SUBJECT DATE", "REVERSE TO FROM", "REVERSE SUBJECT REVERSE DATE"]
SEARCHES = ["ALL", "SUBJECT plan", "NOT SUBJECT plan LARGER 350", "1:40 FROM a"]
# What both must answer with the same untagged lines. Those before leave something behind for those after.
COMMANDS = [
    "SEARCH RETURN (MIN MAX COUNT) 3:9", "UID SEARCH RETURN (ALL) SUBJECT plan", "SEARCH RETURN () 1:3,7",
    "UID SEARCH RETURN (COUNT) SUBJECT nothing", "SEARCH RETURN (ALL) SUBJECT nothing", "SEARCH RETURN (SAVE) SUBJECT plan",
    "SEARCH $", "UID SEARCH UID $ 1:20", "FETCH $ (UID)", "SEARCH RETURN (SAVE MIN) 5:9", "SEARCH $",
    "SEARCH RETURN (SAVE MIN MAX) 5:9", "SEARCH NOT $", "SEARCH RETURN (SAVE) SUBJECT nothing", "FETCH $ (UID)",
    "SORT RETURN (MIN MAX COUNT) (SUBJECT DATE) UTF-8 ALL", "UID SORT RETURN (ALL) (REVERSE DATE) UTF-8 1:30",
    "FETCH {last} (BINARY.SIZE[1] BINARY.SIZE[2] BINARY.PEEK[1])", "FETCH {last} (BINARY.PEEK[2]<1.3>)",
    "FETCH {last} (BINARY.PEEK[2])", "FETCH {last} (BODY.PEEK[1]<0.5> BODY.PEEK[2.MIME])",
]
BINARY = b"""\
From: binary@a.test
Subject: parts
Date: Mon, 3 Feb 2020 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Transfer-Encoding: quoted-printable

caf=C3=A9 =
and more
--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

AAECAwQFBgc=
--b--
"""


def check_sorting(binary, place):
    """SORT, THREAD, ESEARCH, SEARCHRES and BINARY over some hundred messages, against Dovecot"""
    need("dovecot", "doveadm", files=["/usr/lib/dovecot/imap"])
    texts = [by_imap.with_crlf(octets) for octets in [*conversations(random.Random(5256)), BINARY]]
    with by_imap.dovecot(place / "dovecot", texts) as theirs, demo(binary, place) as up:
        ours = by_imap.signed_in(up.port("imap-tls"), up.account("alice"), up.trust())
        ours.put("sorting", texts)
        commands = [f"UID SORT ({keys}) UTF-8 {search}" for keys in SORTS for search in SEARCHES]
        commands += [f"{uid}THREAD {algorithm} UTF-8 {search}" for algorithm in ("ORDEREDSUBJECT", "REFERENCES")
                     for search in SEARCHES for uid in ("", "UID ")]
        commands += [command.format(last=len(texts)) for command in COMMANDS]
        different = []
        for command in commands:
            mine, other = said(ours, command), said(theirs, command)
            if mine != other:
                different.append(f"{command}\n  ours   {mine}\n  theirs {other}")
        assert not different, f"{len(different)} of {len(commands)} differ:\n" + "\n".join(different)


def said(connection, command):
    """The untagged lines without what is the session's own, and the word of the tagged one."""
    *untagged, tagged = connection.command(command)
    lines = [re.sub(rb'\(TAG "[^"]*"\)', b"(TAG)", line).rstrip() for line in untagged]
    # Without a NUL it should be a string (RFC 3516 section 4.3), which Dovecot does not look for.
    lines = [line.replace(b"~{", b"{") for line in lines]
    lines = [line for line in lines if not re.match(rb"\* (\d+ (EXISTS|RECENT)|OK )", line)]
    return lines, tagged.split()[1]


def conversations(chance):
    """Messages that answer each other, with gaps, loops and subjects that wander."""
    ids, subjects = [], ["plan", "Plan B", "apples", "=?utf-8?q?=C3=A9t=C3=A9?=", ""]
    marks = ["", "", "Re: ", "RE: ", "Fwd: ", "[list] ", "Re: [list] ", "re[2]: ", "Fw: Re: "]
    names = ["", '"Zoe" ', "Adam ", "=?utf-8?q?J=C3=B6rg?= "]
    for number in range(150):
        lines = [f"From: {chance.choice(names)}<{chance.choice('abcXYZ')}{number % 7}@a.test>"]
        if chance.random() < 0.8:
            lines.append(f"To: <{chance.choice('klmNOP')}@b.test>, x@y.test")
        if chance.random() < 0.4:
            lines.append(f"Cc: <{chance.choice('qrS')}@c.test>")
        mark = chance.choice(marks)
        tail = chance.choice(["", "", " (fwd)", "  "])
        lines.append(f"Subject: {mark}{chance.choice(subjects)}{tail}")
        minute, zone = chance.randrange(60), chance.choice(["+0000", "+0100", "-0830"])
        lines.append(f"Date: {1 + number % 28} Feb 2020 {chance.randrange(24):02}:{minute:02}:{number % 60:02} {zone}")
        own = f"<{number}@a.test>"
        if chance.random() < 0.95:
            lines.append(f"Message-ID: {own}")
        above = chance.sample(ids, min(len(ids), chance.randrange(4))) if chance.random() < 0.6 else []
        above += [f"<gap{chance.randrange(12)}@a.test>"] if chance.random() < 0.2 else []
        if above and chance.random() < 0.7:
            lines.append("References: " + " ".join(above))
        elif above:
            lines.append(f"In-Reply-To: {above[-1]}")
        ids.append(own)
        yield "\n".join([*lines, "", "x" * chance.randrange(300), ""]).encode()
