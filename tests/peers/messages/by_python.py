"""What Python's `email` makes of a message, in the same words as the record."""
import email
import email.header
import email.message
import email.policy
import email.utils
import functools
import inspect
import re
import zlib

from .recorded import unquoted

# Labels that Python does not know and mail has.
ALIASES = {"ks_c_5601-1987": "cp949", "ks_c_5601": "cp949", "ksc5601": "cp949", "euc-kr": "cp949",
           "korean": "cp949", "windows-949": "cp949", "x-windows-949": "cp949", "unicode-1-1-utf-7": "utf-7",
           # What the web's standard says of these labels, and every mail client does.
           "us-ascii": "cp1252", "ascii": "cp1252", "iso-8859-1": "cp1252", "latin1": "cp1252", "gb2312": "gbk"}


# Newer ones give up on a list with one fault unless they are told.
LENIENT = email.utils.getaddresses
if "strict" in inspect.signature(LENIENT).parameters:
    LENIENT = functools.partial(LENIENT, strict=False)


def parsed(octets):
    return email.message_from_bytes(octets, policy=email.policy.compat32)


def crc(text):
    octets = text.encode("utf-8", "replace") if isinstance(text, str) else text
    return zlib.crc32(octets)


def is_message(part):
    """Python looks into every `message/..`; only these hold one, and only if it is not encoded."""
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    is_plain = encoding not in ("base64", "quoted-printable")
    return part.is_multipart() and is_plain and part.get_content_type() in ("message/rfc822", "message/global")


def numbered(message, path=()):
    """Parts with their numbers, as IMAP counts."""
    yield ".".join(map(str, path)) or "0", message
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for number, part in enumerate(message.get_payload(), 1):
            yield from numbered(part, (*path, number))
    elif is_message(message):
        of = path or (1,)
        inner = message.get_payload(0)
        is_multipart = inner.get_content_maintype() == "multipart" and inner.is_multipart()
        yield from numbered(inner, of if is_multipart else (*of, 1))


def text_of(octets, charset):
    """Text as Python's codec of this label decodes it; None if it cannot."""
    label = (charset or "us-ascii").strip().strip('"').lower()
    try:
        text = octets.decode(ALIASES.get(label, label))
    except (LookupError, ValueError):
        return None
    return text.replace("\r\n", "\n")


def content_of(part):
    """(length, CRC-32) of what a leaf holds; None if Python cannot say."""
    octets = part.get_payload(decode=True)
    if octets is None and part.is_multipart() and part.get_content_maintype() == "message":
        # A leaf to us: what it holds is what Python took apart, put together again.
        octets = b"".join(inner.as_bytes() for inner in part.get_payload())
    if octets is None:
        return None
    if part.get_content_maintype() != "text":
        return len(octets), crc(octets)
    charset = part.get_param("charset")
    if isinstance(charset, tuple):
        charset = charset[2]
    text = text_of(octets, charset)
    return None if text is None else (len(text), crc(text))


def unfolded(value):
    """A field's value on one line, in UTF-8; None if it is in another charset."""
    # Python hands out octets above 127 as a header of unknown charset.
    octets = str(value._chunks[0][0] if isinstance(value, email.header.Header) else value)
    try:
        text = octets.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeDecodeError:
        return None
    return re.sub(r"\r?\n(?=[ \t])", "", text).strip()


def decoded(text):
    """Encoded words decoded; None if Python cannot."""
    try:
        chunks = email.header.decode_header(text)
    except (email.errors.HeaderParseError, ValueError):
        return None
    out = ""
    for octets, charset in chunks:
        if isinstance(octets, str):
            out += octets
            continue
        label = (charset or "us-ascii").lower()
        try:
            out += octets.decode(ALIASES.get(label, label) if charset else "raw_unicode_escape")
        except (LookupError, ValueError):
            return None
    return out


def addresses(message, name):
    """[(name, address)] of all fields of this name; None if Python cannot."""
    values = [unfolded(value) for value in message.get_all(name, [])]
    if None in values:
        return None
    try:
        read = LENIENT(values)
    except RecursionError:
        return None
    found = [(decoded(shown), address) for shown, address in read if shown or address]
    return None if any(shown is None for shown, _ in found) else found


STRING = r'("(?:[^"\\]|\\u\{[0-9a-f]+\}|\\.)*")'
ITEM = re.compile(rf"(?:{STRING} )?<([^>]*)>|group {STRING} \{{|\}}")


def recorded_addresses(text):
    """The mailboxes of a recorded list, in Python's form."""
    found = []
    for item in ITEM.finditer(text):
        name, address, _ = item.groups()
        if address is not None:
            # Python leaves source routes out.
            plain = re.sub(r"^@[^:]*:", "", address)
            found.append((unquoted(name) if name else "", unquoted(f'"{plain}"')))
    return found


def moment(text):
    """Seconds since 1970 of a date; None if Python sees none."""
    try:
        found = email.utils.parsedate_tz(text)
        return None if found is None else email.utils.mktime_tz(found)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def differences(record, octets):
    """(name, where, ours, theirs) of all in which Python reads a message otherwise than recorded."""
    message = parsed(octets)
    found = []
    theirs = list(numbered(message))
    kinds = [(part.number, part.kind) for part in record.parts]
    their_kinds = [(number, part.get_content_type()) for number, part in theirs]
    if kinds != their_kinds:
        found.append(("parts", kinds, their_kinds))
    else:
        for ours, (number, part) in zip(record.parts, theirs):
            # Python takes apart what is a leaf to us and holds fields, such as a delivery status.
            if ours.content and not (part.is_multipart() and ours.kind.startswith("message/")):
                found.append((number, ours.content, content_of(part)))
    subject = message.get("subject")
    subject = None if subject is None else unfolded(subject)
    ours = record.envelope.get("subject")
    found.append(("subject", ours and unquoted(ours), subject and decoded(subject)))
    for name in ("from", "sender", "reply-to", "to", "cc", "bcc"):
        found.append((name, recorded_addresses(record.envelope.get(name, "")), addresses(message, name)))
    if message.get("date") is not None:
        ours = record.envelope.get("date", "").rpartition(" = ")[2]
        found.append(("date", moment(ours), moment(str(message.get("date")))))
    return [(record.name, *it) for it in found if it[1] != it[2]]
