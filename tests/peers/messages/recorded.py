"""What was recorded of the corpus (crates/mime-core/tests/expected), read back."""
import re
from pathlib import Path
from typing import NamedTuple, Optional

ROOT = Path(__file__).resolve().parents[3]
CORPUS = ROOT / "tests/corpus"
EXPECTED = ROOT / "crates/mime-core/tests/expected"

QUOTED = re.compile(r'"((?:[^"\\]|\\u\{[0-9a-f]+\}|\\.)*)"')
WORD = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\u\{[0-9a-f]+\}|\\.)*")+')
PART = re.compile(r"^\d[\d.]* \S")
PLACE = re.compile(r"^@(\d+)\+(\d+)\+(\d+)$")


class Part(NamedTuple):
    number: str
    kind: str
    header_at: int
    body_at: int
    size: int
    lines: int
    # What a leaf holds, decoded: (octets or characters, CRC-32).
    content: Optional[tuple]
    words: list


class Recorded(NamedTuple):
    name: str
    # Of the message itself: `subject` and the like, as text behind the colon.
    envelope: dict
    parts: list
    # Some parts were left out of the record.
    shortened: bool
    attached: list


def unquoted(text):
    """The text of a quoted string, at the start of this."""
    inner = QUOTED.match(text).group(1)
    named = lambda found: chr(int(found[1], 16)) if found[1] else found[2]  # noqa: E731
    return re.sub(r"\\u\{([0-9a-f]+)\}|\\(.)", named, inner)


def part_of(line):
    words = WORD.findall(line)
    place = next(PLACE.match(word) for word in words if PLACE.match(word))
    header_at, header, size = map(int, place.groups())
    lines = next(int(word.removeprefix("lines=")) for word in words if word.startswith("lines="))
    content = None
    if words[-1].startswith("="):
        length, crc = words[-1][1:].split(":")
        content = int(length), int(crc, 16)
    kind = unquoted('"' + words[1].split(";")[0] + '"').lower()
    return Part(words[0], kind, header_at, header_at + header, size, lines, content, words[2:])


def message_of(paragraph):
    first, *lines = paragraph.splitlines()
    shortened = any(line.startswith(".. ") for line in lines)
    message = Recorded(first.removeprefix("# "), {}, [], shortened, [])
    for line in lines:
        if PART.match(line):
            message.parts.append(part_of(line))
        elif line.startswith("attached "):
            number, name = line.removeprefix("attached ").split(": ", 1)
            message.attached.append((number, None if name == "-" else unquoted(name)))
        else:
            key, colon, value = line.partition(": ")
            if colon and " " not in key and not key.endswith(">"):
                message.envelope[key] = value
    return message


def recorded():
    """Every message of the record, by its name."""
    messages = {}
    for path in sorted(EXPECTED.glob("*.txt")):
        for paragraph in path.read_text(encoding="utf-8").split("\n\n"):
            if paragraph.strip():
                message = message_of(paragraph)
                messages[message.name] = message
    return messages


def octets_of(name):
    """The message of this name; `x.mbox#2` is the second of a mailbox."""
    path, _, number = name.partition("#")
    octets = (CORPUS / path).read_bytes()
    if not number:
        return octets
    messages, blank = [], True
    for line in re.findall(rb"[^\n]*\n|[^\n]+", octets):
        if blank and line.startswith(b"From "):
            messages.append(b"")
        elif messages:
            messages[-1] += line
        blank = not line.strip()
    return messages[int(number) - 1]
