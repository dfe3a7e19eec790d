"""Programs that keep two copies of an account the same: what both sides changed meanwhile, and filters."""
from clients import MBSYNCRC, PLAIN_OF_MBSYNC
from mailboxes import message, opened, submit, subjects
from stack import demo, need, run


def maildir(folder):
    return sorted([*folder.glob("new/*"), *folder.glob("cur/*")])


def of_subject(folder, subject):
    (found,) = [path for path in maildir(folder) if f"Subject: {subject}\n" in path.read_text().replace("\r", "")]
    return found


def remark(path, flags):
    """Marks a message of a mirror, as a reader does: by its name."""
    path.rename(path.parent.parent / "cur" / (path.name.split(":")[0] + ":2," + flags))


def changes_there(up, *changes):
    """Another client's changes in bob's inbox: subject, change, flags."""
    with opened(up, "bob") as (imap, _):
        imap.select("INBOX")
        for subject, change, flags in changes:
            (number,) = imap.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
            assert imap.store(number, change, flags)[0] == "OK"
        imap.expunge()


def flags_there(up, subject):
    with opened(up, "bob") as (imap, _):
        (number,) = imap.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
        found = imap.fetch(number, "(FLAGS)")[1][0].decode()
        return {flag for flag in (r"\Seen", r"\Flagged", r"\Answered") if flag in found}


def both_sides(up, inbox, sync):
    """Changes on both sides between two runs, of the same messages too; both end up the same."""
    # Marked on both sides, here, there; gone here, there; gone here and marked there.
    names = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
    for name in names:
        submit(up, name)
    sync()
    assert len(maildir(inbox)) == len(names), maildir(inbox)

    remark(of_subject(inbox, "alpha"), "F")
    remark(of_subject(inbox, "beta"), "RS")
    of_subject(inbox, "delta").unlink()
    of_subject(inbox, "zeta").unlink()
    bob = up.account("bob").address
    (inbox / "cur/1700000000.1_1.local:2,S").write_text(message(bob, bob, "from here"))
    changes_there(up, ("alpha", "+FLAGS", r"(\Seen)"), ("gamma", "+FLAGS", r"(\Flagged)"), ("zeta", "+FLAGS", r"(\Flagged)"),
                  ("epsilon", "+FLAGS", r"(\Deleted)"))
    submit(up, "from there")
    sync()
    sync()
    expected = sorted(["alpha", "beta", "gamma", "from here", "from there"])
    assert subjects(up, "bob") in (expected, sorted([*expected, "zeta"])), subjects(up, "bob")
    for name, flags in (("alpha", {r"\Seen", r"\Flagged"}), ("beta", {r"\Seen", r"\Answered"}), ("gamma", {r"\Flagged"})):
        assert flags_there(up, name) == flags, (name, flags_there(up, name))
    for name, flags in (("alpha", "FS"), ("gamma", "F")):
        assert of_subject(inbox, name).name.endswith(":2," + flags), maildir(inbox)
    assert len(maildir(inbox)) == len(subjects(up, "bob")), maildir(inbox)
    # Nothing is left to do: neither side changes any more.
    before = [path.name for path in maildir(inbox)], subjects(up, "bob")
    sync()
    assert ([path.name for path in maildir(inbox)], subjects(up, "bob")) == before


def check_mbsync_both(binary, folder):
    """mbsync joins what both sides changed meanwhile"""
    need("mbsync", "curl", files=[PLAIN_OF_MBSYNC])
    with demo(binary, folder) as up:
        bob, local, settings = up.account("bob"), folder / "mirror", folder / "mbsyncrc"
        local.mkdir()
        settings.write_text(MBSYNCRC.format(port=up.port("imap-tls"), user=bob.address, password=bob.password, tls="IMAPS",
                                            ca=up.ca, local=local))
        both_sides(up, local / "INBOX", lambda: run("mbsync", "-c", settings, "-a"))


OFFLINEIMAPRC = """\
[general]
accounts = demo
metadata = {folder}/metadata
ui = basic
[Account demo]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {folder}/mirror
utf8foldernames = no
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = {ssl}
starttls = {starttls}
sslcacertfile = {ca}
auth_mechanisms = PLAIN, LOGIN
"""


def check_offlineimap(binary, folder):
    """offlineimap joins what both sides changed meanwhile, and mirrors every folder"""
    need("offlineimap", "curl")
    with demo(binary, folder) as up:
        bob, settings = up.account("bob"), folder / "offlineimaprc"

        def sync(listener="imap-tls", ssl="yes", starttls="no"):
            settings.write_text(OFFLINEIMAPRC.format(folder=folder, port=up.port(listener), user=bob.address, password=bob.password,
                                                     ca=up.ca, ssl=ssl, starttls=starttls))
            run("offlineimap", "-c", settings, "-o", env={"HOME": str(folder)})

        both_sides(up, folder / "mirror/INBOX", sync)
        sync("imap", "no", "yes")
        for name in ("Sent", "Drafts", "Trash", "Junk", "Archive"):
            assert (folder / "mirror" / name / "cur").is_dir(), f"{name} was not mirrored"


FILTER = """\
options.timeout = 60
options.certificates = true
options.info = false
account = IMAP {{ server = 'localhost', port = {port}, username = '{user}', password = '{password}', ssl = 'tls1.2' }}
account:create_mailbox('Lists/dev')
wanted = account.INBOX:is_unseen() * account.INBOX:contain_subject('[dev]')
wanted:move_messages(account['Lists/dev'])
large = account.INBOX:is_larger(100) * account.INBOX:contain_from('alice') * account.INBOX:match_header('X-Grade: [ab]\\\\r')
large:copy_messages(account.Archive)
large:mark_flagged()
unwanted = account.INBOX:contain_body('spam') - large
unwanted:delete_messages()
"""


def check_imapfilter(binary, folder):
    """imapfilter makes a folder, searches by header, body and size, moves, copies, flags and deletes"""
    need("imapfilter", "curl")
    with demo(binary, folder) as up:
        bob, settings = up.account("bob"), folder / "config.lua"
        submit(up, "[dev] one")
        submit(up, "[dev] two")
        submit(up, "graded", more="X-Grade: b\n")
        submit(up, "second", more="X-Grade: c\n")
        submit(up, "bad", body="This is spam.\n")
        settings.write_text(FILTER.format(port=up.port("imap-tls"), user=bob.address, password=bob.password))
        run("imapfilter", "-c", settings, "-t", up.ca, env={"HOME": str(folder)})
        assert subjects(up, "bob") == ["graded", "second"], subjects(up, "bob")
        assert r"\Flagged" in flags_there(up, "graded") and r"\Flagged" not in flags_there(up, "second")
        for mailbox, count in (("Lists/dev", 2), ("Archive", 1)):
            with opened(up, "bob", mailbox) as (_, found):
                assert found == count, mailbox
