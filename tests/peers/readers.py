"""The corpus as others read it: Python's `email`, and Dovecot over IMAP. What differs is listed, with its reason."""
from messages import by_imap, by_python, recorded
from stack import demo, need

LISTS = recorded.ROOT / "tests/peers/messages"


def check_email(_binary, _place):
    """what is recorded of each message of the corpus, against Python's email"""
    differences = []
    for name, record in recorded.recorded().items():
        if not record.shortened:
            differences += by_python.differences(record, recorded.octets_of(name))
    against(LISTS / "python.tsv", differences)


def check_dovecot(binary, place):
    """ENVELOPE, BODYSTRUCTURE and sections of each message of the corpus, against Dovecot"""
    need("dovecot", "doveadm", files=["/usr/lib/dovecot/imap"])
    texts = {name: by_imap.with_crlf(recorded.octets_of(name)) for name in recorded.recorded()}
    # No octets at all: that calls an APPEND off (RFC 3502 section 6.3.11).
    texts = {name: octets for name, octets in texts.items() if octets}
    differences = []
    with by_imap.dovecot(place / "dovecot", texts.values()) as theirs, demo(binary, place) as up:
        ours = by_imap.signed_in(up.port("imap-tls"), up.account("alice"), up.trust())
        ours.put("corpus", texts.values())
        for uid, name in enumerate(texts, 1):
            found = by_imap.differences(ours, theirs, uid)
            differences += [(name, *difference) for difference in found]
    against(LISTS / "dovecot.tsv", differences)


def against(path, differences):
    """Fails unless exactly these differences are listed: message, where, reason."""
    reasons, listed = {}, {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            key, _, text = line[2:].partition(": ")
            reasons[key] = text
        elif line:
            name, where, reason = line.split("\t")
            assert reason in reasons, f"{path.name}: {reason} is explained nowhere"
            listed[name, where] = reason
    found = {}
    for name, where, ours, theirs in differences:
        found.setdefault((name, where), (ours, theirs))
    new = [f"{name}\t{where}\tours {str(ours)[:300]}\ttheirs {str(theirs)[:300]}"
           for (name, where), (ours, theirs) in found.items() if (name, where) not in listed]
    gone = ["\t".join(key) for key in listed if key not in found]
    assert not new, f"{len(new)} differences that {path.name} does not list:\n" + "\n".join(new)
    assert not gone, f"{len(gone)} listed in {path.name} that are none:\n" + "\n".join(gone)
