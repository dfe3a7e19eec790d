"""What an IMAP server says of messages: over a socket, or a pipe to Dovecot's own imap process."""
import contextlib
import os
import re
import socket
import subprocess
import zlib

CONFIG = """\
base_dir = {place}/run
state_dir = {place}/state
mail_location = maildir:{place}/Maildir
log_path = {place}/log
ssl = no
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
"""
NOBODY = 65534
TOKEN = re.compile(rb'\(|"(?:[^"\\]|\\.)*"|\{(\d+)\}\r\n|[^\s()"{\[]+(?:\[[^\]]*\])?')


class Connection:
    """Commands, and their untagged FETCH responses as lists."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.count = 0
        self.greeting = reader.readline()

    def command(self, *words):
        """Sends a command, octets as literals; all it answers, the tagged line last."""
        self.count += 1
        tag = line = b"t%d" % self.count
        for word in words:
            if isinstance(word, str):
                line += b" " + word.encode()
                continue
            self.send(line + b" {%d}\r\n" % len(word))
            said = self.response()
            if not said.startswith(b"+"):
                return [said]
            line = word
        self.send(line + b"\r\n")
        said = []
        while not said or not said[-1].startswith(tag + b" "):
            said.append(self.response())
        return said

    def send(self, octets):
        self.writer.write(octets)
        self.writer.flush()

    def response(self):
        """A line with its literals."""
        whole = b""
        while True:
            line = self.reader.readline()
            if not line:
                raise AssertionError(f"the server closed the connection after {whole[-200:]!r}")
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return whole
            whole += self.reader.read(int(literal[1]))

    def fetch(self, uid, items):
        """{item: value} of one message."""
        for said in self.command("UID FETCH", str(uid), items):
            found = re.match(rb"\* \d+ FETCH ", said)
            if found:
                values, _ = parsed(said, found.end())
                return dict(zip(values[0::2], values[1::2]))
        raise AssertionError(f"no answer about {uid}: {items[:200]}")

    def put(self, mailbox, messages):
        """These messages in a new mailbox, which is selected: UID 1 and on."""
        for words in [("CREATE", mailbox), *(("APPEND", mailbox, octets) for octets in messages), ("SELECT", mailbox)]:
            said = self.command(*words)[-1]
            assert said.split()[1] == b"OK", said


def parsed(octets, at):
    """The value that begins here, and where it ends: octets, a list, or None for NIL."""
    while octets[at:at + 1].isspace():
        at += 1
    token = TOKEN.match(octets, at)
    assert token, f"no value: {octets[at:at + 80]!r}"
    at, text = token.end(), token[0]
    if text == b"(":
        values = []
        while octets[at:at + 1] != b")":
            value, at = parsed(octets, at)
            values.append(value)
            while octets[at:at + 1].isspace():
                at += 1
        return values, at + 1
    if token[1]:
        end = at + int(token[1])
        return octets[at:end], end
    if text.startswith(b'"'):
        return re.sub(rb"\\(.)", rb"\1", text[1:-1]), at
    return (None if text.upper() == b"NIL" else text), at


def with_crlf(octets):
    """As messages are on the wire."""
    return re.sub(rb"\r?\n", b"\r\n", octets)


@contextlib.contextmanager
def dovecot(place, messages):
    """Dovecot's imap, signed in, with these messages as UID 1 and on, its mailbox selected."""
    mailbox = place / "Maildir"
    for folder in ("cur", "new", "tmp"):
        (mailbox / folder).mkdir(parents=True)
    for number, octets in enumerate(messages, 1):
        (mailbox / "cur" / f"{1_600_000_000 + number}.M{number}.peers:2,S").write_bytes(octets)
    # It never serves root.
    is_root = os.geteuid() == 0
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if is_root else {}
    uid, gid = (NOBODY, NOBODY) if is_root else (os.getuid(), os.getgid())
    config = place / "dovecot.conf"
    config.write_text(CONFIG.format(place=place, uid=uid, gid=gid))
    if is_root:
        for folder, _, files in os.walk(place):
            for path in (folder, *(os.path.join(folder, name) for name in files)):
                os.chown(path, NOBODY, NOBODY)
    environment = {"PATH": os.environ["PATH"], "USER": "peers", "HOME": str(place)}
    process = subprocess.Popen(["doveadm", "-c", config, "exec", "imap"], stdin=subprocess.PIPE, cwd=place,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, **who)
    try:
        talk = Connection(process.stdout, process.stdin)
        assert talk.command("SELECT", "INBOX")[-1].split()[1] == b"OK"
        yield talk
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def signed_in(port, account, trust):
    """A connection to Postrider, signed in."""
    plain = socket.create_connection(("localhost", port), timeout=60)
    connection = trust.wrap_socket(plain, server_hostname="localhost").makefile("rwb")
    talk = Connection(connection, connection)
    assert talk.command("LOGIN", f'"{account.address}"', f'"{account.password}"')[-1].split()[1] == b"OK"
    return talk


ENVELOPE = ("date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id")
# What Dovecot writes where nothing was.
PLACEHOLDERS = (b"MISSING_MAILBOX", b"MISSING_DOMAIN", b"SYNTAX_ERROR", b"")
# Of more parts only the kinds are compared: commands are bounded.
PARTS_MAX = 50
LEAF = ("kind", "subtype", "parameters", "id", "description", "encoding", "size")
MORE = ("md5", "disposition", "language", "location")


def differences(ours, theirs, uid):
    """(where, ours, theirs) of all that two servers say otherwise of a message."""
    items = "(RFC822.SIZE ENVELOPE BODYSTRUCTURE)"
    left, right = ours.fetch(uid, items), theirs.fetch(uid, items)
    found = [("size", left[b"RFC822.SIZE"], right[b"RFC822.SIZE"])]
    found += [(name, envelope_value(a), envelope_value(b))
              for name, a, b in zip(ENVELOPE, left[b"ENVELOPE"], right[b"ENVELOPE"])]
    left, right = (list(parts_of(side[b"BODYSTRUCTURE"])) for side in (left, right))
    kinds = [[(number, part["kind"], part["subtype"]) for number, part in side] for side in (left, right)]
    found.append(("parts", *kinds))
    sections = ["HEADER", "TEXT"]
    if kinds[0] == kinds[1]:
        for (number, a), (_, b) in list(zip(left, right))[:PARTS_MAX]:
            found += [(f"{number} {name}", a[name], b[name]) for name in a if name not in ("kind", "subtype")]
            # What has the same length must also be the same octets.
            if a["kind"] != b"multipart" and a["size"] == b["size"]:
                sections += [number, f"{number}.MIME"]
    wanted = "(" + " ".join(f"BODY.PEEK[{section}]" for section in sections) + ")"
    left, right = ours.fetch(uid, wanted), theirs.fetch(uid, wanted)
    for section in sections:
        name = f"BODY[{section}]"
        found.append((name, *(digest(side.get(name.encode())) for side in (left, right))))
    return [it for it in found if it[1] != it[2]]


def digest(octets):
    """(length, CRC-32); what is not there is empty."""
    return len(octets or b""), zlib.crc32(octets or b"")


def spaced(value):
    """Dovecot makes white space one space; unfolding leaves it as it is (RFC 5322 §2.2.3)."""
    return b" ".join(value.split()) if isinstance(value, bytes) else value


def envelope_value(value):
    if not isinstance(value, list):
        return spaced(value)
    return [[b"" if part in PLACEHOLDERS else spaced(part) for part in address] for address in value]


def parts_of(part, number=""):
    """(number, {name: value}) of each part, as both servers would say it."""
    if isinstance(part[0], list):
        # The extension data may be lists as well, but stand behind the subtype.
        children = part[:next(at for at, value in enumerate(part) if not isinstance(value, list))]
        subtype, parameters, *more = part[len(children):]
        values = {"kind": b"multipart", "subtype": subtype.lower(), "parameters": parameters_of(parameters)}
        yield number or "0", {**values, **more_of([None, *more])}
        for count, child in enumerate(children, 1):
            yield from parts_of(child, f"{number}.{count}".lstrip("."))
        return
    values = dict(zip(LEAF, part))
    values = {**values, "kind": values["kind"].lower(), "subtype": values["subtype"].lower(),
              "encoding": values["encoding"].lower(), "id": spaced(values["id"]),
              "description": spaced(values["description"])}
    more = list(part[len(LEAF):])
    inner = None
    if (values["kind"], values["subtype"]) in ((b"message", b"rfc822"), (b"message", b"global")):
        envelope, inner, values["lines"], *more = more
        values |= {f"its {name}": envelope_value(value) for name, value in zip(ENVELOPE, envelope or [])}
    elif values["kind"] == b"text":
        values["lines"], *more = more
    values["parameters"] = parameters_of(values["parameters"], values["kind"] == b"text")
    yield number or "1", {**values, **more_of(more)}
    if inner:
        of = number or "1"
        yield from parts_of(inner, of if isinstance(inner[0], list) else f"{of}.1")


def more_of(values):
    """Extension data, which stands behind the rest and may end early."""
    found = dict(zip(MORE, [*values, None, None, None, None]))
    if found["disposition"]:
        kind, parameters = found["disposition"]
        found["disposition"] = [kind.lower(), parameters_of(parameters)]
    # One tag may be a string or a list of one.
    if isinstance(found["language"], bytes):
        found["language"] = [found["language"]]
    return found


def parameters_of(values, is_text=False):
    """Parameters by name: Dovecot puts sections together (RFC 2231 §3) and adds a default charset to text."""
    pairs = list(zip(values[0::2], values[1::2])) if values else []
    whole, sections = [], {}
    for name, value in pairs:
        name = name.lower()
        section = re.fullmatch(rb"(.+)\*(\d+)(\*?)", name)
        if section:
            sections.setdefault(section[1], []).append((int(section[2]), section[3], value))
        else:
            whole.append((name, spaced(value)))
    for name, parts in sections.items():
        star = b"*" if any(marked for _, marked, _ in parts) else b""
        whole.append((name + star, b"".join(value for _, _, value in sorted(parts))))
    if is_text and b"charset" not in dict(whole):
        whole.append((b"charset", b"us-ascii"))
    return sorted(whole)
