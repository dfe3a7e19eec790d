"""POP3 clients that keep account of what they have: mpop, by every mechanism, and getmail."""
import os
import shutil

from mailboxes import submit, subjects
from signing_in import ALICE, house
from stack import demo, need, run

BODY = ".a dot\nend\n"
SUBJECTS = ["one", "two", "three"]


def make_maildir(folder):
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True)
    return folder


def check_mpop(binary, folder):
    """mpop fetches by every mechanism, APOP among them, each message once; then empties the maildrop"""
    need("mpop", "curl", "openssl")
    with house(binary, folder) as up:
        maildir, settings = make_maildir(folder / "maildir"), folder / "mpoprc"

        def fetch(mechanism, keep="on", listener="pop3-tls", starttls="off"):
            settings.write_text(
                f"defaults\ntls on\ntls_starttls {starttls}\ntls_trust_file {up.ca}\nuidls_file {folder}/uidls-%U\n"
                f"account a\nhost localhost\nport {up.port(listener)}\nuser {ALICE[0]}\npassword {ALICE[1]}\n"
                f"auth {mechanism}\ndelivery maildir {maildir}\nkeep {keep}\nreceived_header off\n")
            settings.chmod(0o600)
            run("mpop", "-C", settings, "--quiet", "a")
            return len(list((maildir / "new").iterdir()))

        for subject in SUBJECTS:
            submit(up, subject, sender="bob", recipient="alice", body=BODY)
        assert fetch("user") == len(SUBJECTS)
        for mechanism in ("apop", "scram-sha-256", "scram-sha-1", "digest-md5", "cram-md5", "plain", "login"):
            assert fetch(mechanism) == len(SUBJECTS), f"{mechanism}: UIDL is not stable: mail came again"
        assert fetch("scram-sha-256", listener="pop3", starttls="on") == len(SUBJECTS)
        for file in (maildir / "new").iterdir():
            assert file.read_text().endswith("\n" + BODY), file.read_text()
        shutil.rmtree(maildir / "new")
        (maildir / "new").mkdir()
        (folder / f"uidls-{ALICE[0]}").unlink()
        assert fetch("plain", keep="off") == len(SUBJECTS)
        (folder / f"uidls-{ALICE[0]}").unlink(missing_ok=True)
        assert fetch("plain") == len(SUBJECTS), "what was fetched without keep is still there"


def check_getmail(binary, folder):
    """getmail fetches each message once, and deletes when told"""
    need("getmail", "curl")
    with demo(binary, folder) as up:
        bob, maildir = up.account("bob"), make_maildir(folder / "maildir")
        for subject in SUBJECTS:
            submit(up, subject, body=BODY)
        as_whom = ""
        if os.geteuid() == 0:
            # As root it delivers nothing.
            as_whom = "user = nobody\n"
            folder.chmod(0o711)
            for path in (maildir, *maildir.iterdir()):
                shutil.chown(path, "nobody")

        def fetch(delete):
            (folder / "getmailrc").write_text(
                f"[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = {up.port('pop3-tls')}\n"
                f"username = {bob.address}\npassword = {bob.password}\nca_certs = {up.ca}\n"
                f"[destination]\ntype = Maildir\npath = {maildir}/\n{as_whom}"
                f"[options]\nread_all = false\ndelete = {delete}\nreceived = false\ndelivered_to = false\nverbose = 0\n")
            run("getmail", "--getmaildir", folder, "--rcfile", "getmailrc")
            return len(list((maildir / "new").iterdir()))

        assert fetch("false") == len(SUBJECTS)
        assert fetch("true") == len(SUBJECTS), "UIDL is not stable: mail came again"
        assert subjects(up, "bob") == []
