"""IMAP libraries that Debian does not have: IMAPClient (Python), imapflow and node-imap (JavaScript)."""
import json
import shutil
import subprocess
import sys
from pathlib import Path

from forwarders import UNPACKED
from mailboxes import message, opened, send, submit, subjects
from stack import Missing, Unfetched, demo, need, run

# What is wanted of the registries, with checksums; and where it is put.
WANTED = Path(__file__).parent / "registries"
PYTHON, NODE = UNPACKED / "python", UNPACKED / "node/node_modules"


def missing():
    return [path for path in (PYTHON / "imapclient", NODE / "imapflow", NODE / "imap") if not path.exists()]


def fetch():
    """Fetches them. A registry that cannot be reached is no failure of ours: the checks are left out then."""
    PYTHON.mkdir(parents=True, exist_ok=True)
    NODE.parent.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(WANTED / name, NODE.parent)
    for command in (
            [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "--target", PYTHON, "-r", WANTED / "requirements.txt"],
            ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", NODE.parent]):
        if shutil.which(command[0]):
            subprocess.run(command, stdout=subprocess.DEVNULL, check=False)


def fetched(*paths):
    for path in paths:
        if not path.exists():
            raise Unfetched(f"{path.name} was not fetched from its registry")


def check_imapclient(binary, folder):
    """IMAPClient lists, appends, searches, fetches, moves, and waits in IDLE"""
    need("curl")
    fetched(PYTHON / "imapclient")
    sys.path.append(str(PYTHON))
    from imapclient import IMAPClient

    with demo(binary, folder) as up:
        bob = up.account("bob")
        submit(up, "one", body="Grüße\n")
        for listener, ssl in (("imap-tls", True), ("imap", False)):
            client = IMAPClient("localhost", port=up.port(listener), ssl=ssl, ssl_context=up.trust(), timeout=60)
            if not ssl:
                client.starttls(up.trust())
            client.login(*bob)
            assert {b"IDLE", b"UIDPLUS", b"MOVE"} <= set(client.capabilities()), client.capabilities()
            client.id_({"name": "peers"})
            assert client.namespace().personal == (("", "/"),), client.namespace()
            special = {flag: name for flags, _, name in client.list_folders() for flag in flags}
            assert special[b"\\Sent"] == "Sent" and special[b"\\Trash"] == "Trash", special
            assert client.find_special_folder(b"\\Drafts") == "Drafts"
            client.create_folder("Öfen & Co")
            client.subscribe_folder("Öfen & Co")
            assert "Öfen & Co" in [name for _, _, name in client.list_sub_folders()]

            client.select_folder("INBOX")
            (one,) = client.search(["SUBJECT", "ONE", "BODY", "GRÜßE"], "UTF-8")
            found = client.fetch([one], ["ENVELOPE", "BODYSTRUCTURE", "INTERNALDATE", "RFC822.SIZE", "BODY.PEEK[]"])[one]
            assert found[b"ENVELOPE"].subject == b"one" and len(found[b"BODY[]"]) == found[b"RFC822.SIZE"], found
            assert found[b"BODYSTRUCTURE"][:2] == (b"text", b"plain"), found
            assert set(client.add_flags(one, [b"\\Flagged", b"$Work"])[one]) >= {b"\\Flagged", b"$Work"}
            assert b"$Work" not in client.remove_flags(one, [b"$Work"])[one]
            client.append("Öfen & Co", b"Subject: appended\r\n\r\nx\r\n", [b"\\Seen"])
            assert client.folder_status("Öfen & Co", ["MESSAGES", "UNSEEN"]) == {b"MESSAGES": 1, b"UNSEEN": 0}
            client.copy([one], "Öfen & Co")
            assert client.folder_status("Öfen & Co", ["MESSAGES"]) == {b"MESSAGES": 2}

            client.idle()
            sent(up, "told")
            told = client.idle_check(timeout=60)
            assert (2, b"EXISTS") in told, told
            client.idle_done()
            (new,) = client.search(["SUBJECT", "told"])
            client.move([new], "Archive")
            assert client.search() == [one]
            client.select_folder("Archive")
            client.delete_messages(client.search())
            client.expunge()
            assert client.search() == []
            client.select_folder("INBOX")
            client.delete_folder("Öfen & Co")
            client.remove_flags(one, [b"\\Flagged"])
            client.logout()


# Each prints what it saw as JSON; the server's certificate is verified by NODE_EXTRA_CA_CERTS.
IMAPFLOW = """\
const { ImapFlow } = require('imapflow');
const [port, secure, user, pass] = process.argv.slice(2);
const client = new ImapFlow({ host: 'localhost', port: Number(port), secure: secure === 'tls', auth: { user, pass },
  logger: false, disableAutoIdle: true });
(async () => {
  const seen = {};
  await client.connect();
  seen.special = (await client.list()).filter((box) => box.specialUse).map((box) => box.specialUse + ' ' + box.path).sort();
  seen.created = (await client.mailboxCreate('Öfen/日本')).path;
  seen.renamed = (await client.mailboxRename('Öfen/日本', 'Öfen/東京')).newPath;
  const appended = await client.append('Öfen/東京', 'Subject: appended\\r\\n\\r\\nx\\r\\n', ['\\\\Seen', '$Work']);
  seen.appended = [appended.uid, appended.seq];
  seen.status = await client.status('Öfen/東京', { messages: true, unseen: true, uidNext: true });
  let lock = await client.getMailboxLock('INBOX');
  seen.exists = client.mailbox.exists;
  const one = await client.fetchOne('1', { envelope: true, bodyStructure: true, flags: true, source: true, size: true, headers: ['subject'] });
  seen.one = [one.envelope.subject, one.envelope.from[0].address, one.bodyStructure.childNodes.map((part) => part.type), one.source.length === one.size];
  const { content, meta } = await client.download('1', '2');
  const parts = [];
  for await (const chunk of content) parts.push(chunk);
  seen.part = [meta.filename, Buffer.concat(parts).toString('hex')];
  seen.found = await client.search({ subject: 'flow', body: 'schön', unseen: true }, { uid: true });
  await client.messageFlagsAdd('1', ['\\\\Flagged', '$Later']);
  seen.flags = [...(await client.fetchOne('1', { flags: true })).flags].filter((flag) => flag !== '\\\\Recent').sort();
  const copied = await client.messageCopy('1', 'Archive');
  seen.copied = [...copied.uidMap.entries()];
  const arrived = new Promise((resolve) => client.once('exists', (event) => resolve(event.count)));
  const idling = client.idle();
  console.log('idling');
  seen.arrived = await arrived;
  const gone = new Promise((resolve) => client.once('expunge', (event) => resolve(event.seq)));
  await client.messageMove('1', 'Öfen/東京');
  seen.gone = await gone;
  seen.all = [];
  for await (const message of client.fetch('1:*', { uid: true, envelope: true })) seen.all.push(message.envelope.subject);
  await client.messageDelete('1:*');
  lock.release();
  seen.left = (await client.status('INBOX', { messages: true })).messages;
  await client.mailboxDelete('Öfen/東京');
  await client.logout();
  console.log(JSON.stringify(seen));
})().catch((error) => { console.error(error); process.exit(1); });
"""
ATTACHED = """\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Sehr schön
--b
Content-Type: application/octet-stream
Content-Disposition: attachment; filename*=utf-8''gr%C3%BCn.bin
Content-Transfer-Encoding: base64

AAH+/w==
--b--
"""


def sent(up, subject):
    """Sends to bob, and doesn't wait for what becomes of it."""
    alice, bob = up.account("alice"), up.account("bob")
    send(up.url("smtps", "smtp-submission-tls"), message(alice.address, bob.address, subject), alice.address, bob.address,
         "--cacert", up.ca, "--user", ":".join(alice))


def in_node(folder, up, script, meanwhile, *arguments):
    """Runs a script; once it waits for news, something happens. What it saw."""
    node = shutil.which("node") or shutil.which("nodejs")
    if not node:
        raise Missing("node is not installed")
    path = folder / "script.js"
    path.write_text(script)
    environment = {"NODE_EXTRA_CA_CERTS": str(up.ca), "NODE_PATH": str(NODE), "PATH": "/usr/bin:/bin"}
    with open(folder / "errors", "w+") as errors:
        process = subprocess.Popen([node, path, *map(str, arguments)], stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
        try:
            line = process.stdout.readline()
            if line.strip() == "idling":
                meanwhile()
            said = process.communicate(timeout=60)[0]
        finally:
            process.kill()
            process.wait()
        errors.seek(0)
        assert process.returncode == 0 and line.strip() == "idling", line + said + errors.read()
        return json.loads(said)


def check_imapflow(binary, folder):
    """imapflow does what a webmail does: folders, parts, searches, flags, moves, and news while it waits"""
    need("curl")
    fetched(NODE / "imapflow")
    with demo(binary, folder) as up:
        alice, bob = up.account("alice"), up.account("bob")
        for listener, secure in (("imap-tls", "tls"), ("imap", "starttls")):
            headers, _, body = ATTACHED.partition("\n\n")
            submit(up, "flow", more=headers + "\n", body=body)
            with opened(up, "bob", "Archive") as (_, before):
                pass
            seen = in_node(folder, up, IMAPFLOW, lambda: sent(up, "news"), up.port(listener), secure, *bob)
            copied = seen.pop("copied")
            assert len(copied) == 1, copied
            found = seen.pop("found")
            assert len(found) == 1, found
            status = seen.pop("status")
            assert (status["messages"], status["unseen"]) == (1, 0) and status["uidNext"] == 2, status
            assert seen == {
                "special": ["\\Archive Archive", "\\Drafts Drafts", "\\Inbox INBOX", "\\Junk Junk", "\\Sent Sent", "\\Trash Trash"],
                "created": "Öfen/日本", "renamed": "Öfen/東京", "appended": [1, None], "exists": 1,
                "one": ["flow", alice.address, ["text/plain", "application/octet-stream"], True],
                "part": ["grün.bin", "0001feff"], "flags": ["$Later", "\\Flagged"], "arrived": 2, "gone": 1, "all": ["news"],
                "left": 0,
            }, seen
            with opened(up, "bob", "Archive") as (_, count):
                assert count == before + 1


NODE_IMAP = """\
const Imap = require('imap');
const { promisify } = require('util');
const [port, how, user, password] = process.argv.slice(2);
const client = new Imap({ host: 'localhost', port: Number(port), user, password, tls: how === 'tls', autotls: 'required',
  tlsOptions: { servername: 'localhost' }, keepalive: { interval: 500, idleInterval: 60000, forceNoop: false } });
const call = (name, ...args) => promisify(client[name].bind(client))(...args);
const gather = (fetching) => new Promise((resolve, reject) => {
  const messages = [];
  fetching.on('message', (message) => {
    const one = { body: '' };
    messages.push(one);
    message.on('body', (stream) => stream.on('data', (chunk) => { one.body += chunk.toString('utf8'); }));
    message.once('attributes', (attributes) => { one.attributes = attributes; });
  });
  fetching.once('error', reject);
  fetching.once('end', () => resolve(messages));
});
client.once('error', (error) => { console.error(error); process.exit(1); });
client.once('ready', async () => {
  try {
    const seen = {};
    seen.boxes = Object.keys(await call('getBoxes')).sort();
    await call('addBox', 'Öfen');
    const box = await call('openBox', 'INBOX', false);
    seen.total = box.messages.total;
    seen.keywords = box.newKeywords;
    const found = await call('search', [['SUBJECT', 'node'], ['BODY', 'schön'], ['SINCE', 'January 1, 2020']]);
    seen.found = found.length;
    const [one] = await gather(client.fetch(found, { bodies: 'HEADER.FIELDS (SUBJECT)', struct: true, envelope: true, size: true }));
    seen.subject = one.body.trim();
    seen.struct = one.attributes.struct.flat(2).map((part) => part.subtype).filter(Boolean);
    seen.date = one.attributes.date instanceof Date;
    await call('addFlags', found, ['\\\\Flagged']);
    await call('addKeywords', found, ['$Later']);
    await call('append', 'Subject: appended\\r\\n\\r\\nx\\r\\n', { mailbox: 'Öfen', flags: ['\\\\Seen'] });
    await call('copy', found, 'Öfen');
    const mail = new Promise((resolve) => client.on('mail', resolve));
    console.log('idling');
    seen.mail = await mail;
    seen.gone = await new Promise((resolve, reject) => {
      client.once('expunge', resolve);
      client.move(found, 'Archive', (error) => error && reject(error));
    });
    await call('openBox', 'Öfen', false);
    const all = await gather(client.fetch('1:*', { bodies: '' }));
    seen.all = all.map((message) => [/Subject: (.*)/.exec(message.body)[1].trim(), message.attributes.flags.filter((flag) => flag !== '\\\\Recent').sort()]);
    await call('addFlags', '1:*', ['\\\\Deleted']);
    await call('expunge');
    await call('closeBox');
    await call('delBox', 'Öfen');
    console.log(JSON.stringify(seen));
    client.end();
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
});
client.connect();
"""


def check_node_imap(binary, folder):
    """node-imap does the same in its older ways"""
    need("curl")
    fetched(NODE / "imap")
    with demo(binary, folder) as up:
        bob = up.account("bob")
        for listener, secure in (("imap-tls", "tls"), ("imap", "starttls")):
            headers, _, body = ATTACHED.partition("\n\n")
            submit(up, "node", more=headers + "\n", body=body)
            seen = in_node(folder, up, NODE_IMAP, lambda: sent(up, "news"), up.port(listener), secure, *bob)
            assert seen == {
                "boxes": ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"], "total": 1, "keywords": True, "found": 1,
                "subject": "Subject: node", "struct": ["plain", "octet-stream"], "date": True, "mail": 1, "gone": 1,
                "all": [["appended", ["\\Seen"]], ["node", ["$Later", "\\Flagged"]]],
            }, seen
            assert subjects(up, "bob") == ["news"]
            with opened(up, "bob") as (imap, _):
                imap.select("INBOX")
                imap.store("1", "+FLAGS", r"(\Deleted)")
                imap.expunge()
