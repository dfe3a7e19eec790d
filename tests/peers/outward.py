"""The way out beside other MTAs: one that refuses in several ways, one that wants a password, one that comes for its mail.

Postfix and Exim refuse, Exim is the smarthost, and fetchmail asks by ETRN; NSD has the names.
"""
import json
import os

from forwarders import BOB, EXIM, EXIM_CONF, USERS, daemon, need_unpacked, submit
from mailboxes import messages, subjects
from mta import ALICE, CAROL, Postfix
from signed_zones import NSD, service
from stack import Missing, configured, free_port, listens, need, ours_with, run, wait_for

# What Postfix says to some of carol's neighbours, and of some messages.
ANSWERS = {
    "later": "450 4.2.2 the letter box is full to the brim",
    "never": "554 5.7.1 this house takes no letters",
}
CLOSED = "REJECT 5.7.1 such words are not wanted here"
FEW = 3
MORE = """\
smtpd_recipient_limit = {few}
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/answers, permit_mynetworks, reject
header_checks = regexp:{folder}/words
"""

PASSWORD = "no spaces, but \\ and ü"
AUTHENTICATORS = """\
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{ours}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""

ZONE = """\
$ORIGIN postfix.test.
$TTL 5
@ SOA ns root 1 60 60 60 5
@ NS ns
ns A 127.0.0.1
@ MX 10 mx
mx AAAA ::1
mx A 127.0.0.1
"""
NAMES = """\
zone:
  name: "postfix.test"
  zonefile: "{folder}/postfix.test"
"""


def queued(binary, up):
    """What is in the queue: the problem of each recipient."""
    listed = json.loads(run(binary, "queue", "list", "--json", "--config", up.config)[1])
    return {one["address"]: one for entry in listed for one in entry["recipients"]}


def is_open(folder):
    closed = [str(path) for path in [folder, *folder.parents] if path.stat().st_mode & 0o001 == 0]
    if closed:
        raise Missing(f"Postfix's users may not enter {closed[-1]}: set TMPDIR to a folder for all")


def check_refusals(binary, folder):
    """mail to a Postfix that takes few recipients at once, some later, some never, and not every message"""
    need("postfix", "curl", "openssl")
    if os.geteuid() != 0:
        raise Missing("a private Postfix needs root")
    is_open(folder)
    port, ours = free_port(), folder / "ours"
    ours.mkdir()
    with configured(binary, ours, ours_with({"postfix.test": f"127.0.0.1:{port}"}), "ours.test", [ALICE]) as up:
        theirs = Postfix(folder / "postfix", port, up.port("smtp-relay"), ours)
        names = [f"carol{number}@postfix.test" for number in range(7)]
        refused = {f"{name}@postfix.test": answer for name, answer in ANSWERS.items()}
        (theirs.folder / "mailboxes").write_text("".join(f"{name} carol/\n" for name in [CAROL, *names, *refused]))
        (theirs.folder / "answers").write_text("".join(f"{name} {answer}\n" for name, answer in refused.items()))
        (theirs.folder / "words").write_text(f"/^Subject: forbidden/ {CLOSED}\n")
        with open(theirs.etc / "main.cf", "a") as conf:
            conf.write(MORE.format(folder=theirs.folder, few=FEW))
        with theirs.running():
            submit(up, "to all", names[0], names[1:])
            wait_for("all copies", lambda: sum(found["Subject"] == "to all" for found in theirs.mailbox()) == len(names))
            assert theirs.log().count(f"nrcpt={FEW} ") == len(names) // FEW, theirs.log()
            journey = run(binary, "trace", names[-1], "--config", up.config)[1]
            assert "deferred" not in journey, f"to have come in too many is no failure: {journey}"

            later, never = refused
            submit(up, "to the neighbours", CAROL, [later, never])
            wait_for("carol's copy", lambda: theirs.find("to the neighbours"))
            waits = wait_for("the one who is for later", lambda: queued(binary, up).get(later, {}).get("problem"))
            assert ANSWERS["later"].split(" ", 2)[2] in waits and "4.2.2" in waits, waits
            report = wait_for("the notification", lambda: messages(up, "alice"))[0].as_string()
            code, words = ANSWERS["never"].split(" ", 2)[::2]
            said = " ".join(report.split())
            assert f"Diagnostic-Code: smtp; {code}" in said and words in said and "Status: 5.7.1" in said, report
            assert f"Final-Recipient: rfc822; {never}" in said and later not in said, report

            submit(up, "forbidden", CAROL)
            report = wait_for("the second notification", lambda: messages(up, "alice")[1:])[0].as_string()
            assert CLOSED.split(" ", 2)[2] in " ".join(report.split()), report
            wait_for("only who is for later to be left", lambda: [
                name for name, one in queued(binary, up).items() if one["state"] in ("waiting", "leased")] == [later])


def authority(folder, ip):
    """An authority, and the certificate and key of a host with this address: the paths of all three."""
    ca, key, certificate = folder / "ca.pem", folder / "host-key.pem", folder / "host.pem"
    request = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run(*request, "-x509", "-days", "2", "-subj", "/CN=an authority", "-keyout", folder / "ca-key.pem", "-out", ca)
    run(*request, "-subj", "/CN=a host", "-keyout", key, "-out", folder / "host.csr")
    (folder / "names").write_text(f"subjectAltName=IP:{ip}\nbasicConstraints=CA:FALSE\n")
    run("openssl", "x509", "-req", "-in", folder / "host.csr", "-CA", ca, "-CAkey", folder / "ca-key.pem", "-CAcreateserial",
        "-days", "2", "-extfile", folder / "names", "-out", certificate)
    key.chmod(0o644)
    return ca, certificate, key


def check_smarthost(binary, folder):
    """all mail by way of an Exim that wants TLS and a password, and what is said when the password is wrong"""
    need("curl", "openssl")
    need_unpacked(EXIM, USERS["exim4-daemon-light"])
    port, theirs, secret = free_port(), folder / "exim", folder / "secret"
    (theirs / "spool").mkdir(parents=True)
    run("chown", "Debian-exim", theirs / "spool")
    ca, certificate, key = authority(folder, "127.0.0.1")
    secret.write_text("not this one\n")
    config = ours_with({"*": "via:smart"}) + (
        f'[smarthosts."smart"]\nhost = "127.0.0.1:{port}"\nuser = "ours"\npassword_file = "{secret}"\ntls = "starttls"\n'
        f'[relay.outbound]\nauthorities = "{ca}"\n')
    with configured(binary, folder, config, "ours.test", [ALICE, BOB]) as up:
        text = EXIM_CONF.format(folder=theirs, certificates=folder, port=port, program=EXIM, our_port=up.port("smtp-relay"))
        text = text.replace(f"{folder}/certificate.pem", str(certificate)).replace(f"{folder}/key.pem", str(key))
        # It takes mail for everybody from whoever has signed in, and gives all of it to bob.
        text = text.replace("  accept domains = +theirs\n    verify = recipient\n", "  accept authenticated = *\n")
        text = text.replace("data = ${if inlist{$local_part}{carol:카롤}{bob@ours.test}}", "data = bob@ours.test")
        text = text.replace("domainlist theirs = exim.test", "domainlist theirs = ! ours.test")
        conf = theirs / "exim.conf"
        conf.write_text(text + AUTHENTICATORS.format(password=PASSWORD.replace("\\", "\\\\")))
        with daemon([EXIM, "-C", conf, "-bdf", "-q5s"], theirs / "log"):
            wait_for("Exim", lambda: listens(port))
            anywhere = "somebody@elsewhere.test"
            submit(up, "by way of Exim", anywhere)
            waits = wait_for("what Exim says to the wrong password", lambda: queued(binary, up)[anywhere]["problem"])
            assert "535" in waits and "127.0.0.1" in waits, waits
            # The file is read anew, with the next look for the way: no restart.
            secret.write_text(f"{PASSWORD}\n")

            def retried():
                run(binary, "queue", "retry", "--all", "--config", up.config, check=False)
                return "by way of Exim" in subjects(up, "bob")

            wait_for("the message, by way of Exim", retried)
        line = next(line for line in (theirs / "spool" / "mainlog").read_text().splitlines() if f"<= {ALICE.address}" in line)
        assert " A=plain:ours" in line and " X=TLS" in line, line


def check_etrn(binary, folder):
    """mail that is held for Postfix until fetchmail asks by ETRN; its host has an IPv6 address where nobody is"""
    need("postfix", "fetchmail", "nsd", "curl", "openssl")
    if os.geteuid() != 0:
        raise Missing("a private Postfix needs root")
    is_open(folder)
    port, dns, ours, names = free_port(), free_port(), folder / "ours", folder / "dns"
    ours.mkdir()
    names.mkdir()
    (names / "nsd.conf").write_text((NSD + NAMES).format(port=dns, folder=names))
    (names / "postfix.test").write_text(ZONE)
    config = ours_with({"postfix.test": "hold: until they ask for it"}) + (
        f'[etrn]\n"postfix.test" = ["127.0.0.1"]\n[dns]\nservers = ["127.0.0.1:{dns}"]\n[relay.outbound]\nport = {port}\n')
    with service("nsd", "-d", "-c", names / "nsd.conf"), configured(binary, ours, config, "ours.test", [ALICE]) as up:
        with Postfix(folder / "postfix", port, up.port("smtp-relay"), ours).running() as theirs:
            submit(up, "kept", CAROL)
            wait_for("the hold", lambda: queued(binary, up).get(CAROL, {}).get("state") == "held")
            rc = folder / "fetchmailrc"
            rc.write_text(f"poll 127.0.0.1 with protocol ETRN service {up.port('smtp-relay')}\n  sslproto ''\n"
                          "  fetchdomains postfix.test\n")
            rc.chmod(0o600)
            home = {"HOME": str(folder), "FETCHMAILHOME": str(folder)}
            code, said = run("fetchmail", "--fetchmailrc", rc, "--nodetach", "--verbose", "--pidfile", folder / "fetchmail.pid", env=home, check=False)
            assert code == 0 and "253 2.0.0 1 message" in said, f"{code}: {said}"
            wait_for("the message at Postfix", lambda: theirs.find("kept"))
            journey = run(binary, "trace", CAROL, "--config", up.config)[1]
            assert "until they ask for it" in journey and "[127.0.0.1]" in journey, journey
