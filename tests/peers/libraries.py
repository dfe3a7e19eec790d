"""Mail libraries: what most programs send with."""
import shutil
import smtplib

from mailboxes import arrives, message, messages
from stack import Missing, demo, need, run, wait_for

# Debian's place for it.
NODEMAILER = "/usr/share/nodejs/nodemailer"


def check_smtplib(binary, folder):
    """Python's smtplib submits, with STARTTLS, TLS and SMTPUTF8; it reads every refusal"""
    with demo(binary, folder) as up:
        alice, bob = up.account("alice"), up.account("bob")
        for listener in ("smtp-submission", "smtp-submission-tls"):
            with opened(up, listener) as smtp:
                smtp.login(alice.address, alice.password)
                assert smtp.has_extn("smtputf8") and smtp.has_extn("dsn") and smtp.has_extn("size"), smtp.esmtp_features
                refused = smtp.sendmail(alice.address, [bob.address, f"nobody@{bob.address.split('@')[1]}"],
                                        message(alice.address, bob.address, listener), ["BODY=8BITMIME"])
                (code, text), = refused.values()
                assert code == 550 and text.startswith(b"5.1.1 "), refused
            arrives(up, "bob", listener)
        with opened(up, "smtp-submission-tls") as smtp:
            try:
                smtp.login(alice.address, "wrong")
            except smtplib.SMTPAuthenticationError as error:
                assert error.smtp_code == 535 and error.smtp_error.startswith(b"5.7.8 "), error
            else:
                raise AssertionError("a wrong password was taken")
        with opened(up, "smtp-submission-tls") as smtp:
            smtp.login(alice.address, alice.password)
            text = message(alice.address, bob.address, "grün".upper(), body="Grüße\n").replace("\n", "\r\n").encode()
            smtp.sendmail(alice.address, [bob.address], text, ["SMTPUTF8", "BODY=8BITMIME"])
            arrives(up, "bob", "GRÜN")


def opened(up, listener):
    port = up.port(listener)
    if listener.endswith("-tls"):
        return smtplib.SMTP_SSL("localhost", port, context=up.trust(), timeout=30)
    smtp = smtplib.SMTP("localhost", port, timeout=30)
    smtp.starttls(context=up.trust())
    return smtp


SCRIPT = """\
const nodemailer = require(process.argv[2]);
const [port, secure, user, pass, to, subject] = process.argv.slice(3);
const transport = nodemailer.createTransport({
  host: 'localhost', port: Number(port), secure: secure === 'tls', requireTLS: true, auth: {user, pass}, pool: true,
});
const mail = (more) => transport.sendMail({from: user, to, text: 'Grüße', ...more});
Promise.all([mail({subject}), mail({subject: subject + ' attached', attachments: [
  {filename: 'grün.bin', content: Buffer.from([0, 1, 254, 255])}]})])
  .then((sent) => { sent.forEach((one) => console.log(one.response)); transport.close(); })
  .catch((error) => { console.error(error); process.exit(1); });
"""


def check_nodemailer(binary, folder):
    """nodemailer submits with STARTTLS and TLS, from a pool of connections"""
    node = shutil.which("node") or shutil.which("nodejs")
    if not node:
        raise Missing("node is not installed")
    need(files=[NODEMAILER])
    script = folder / "send.js"
    script.write_text(SCRIPT)
    with demo(binary, folder) as up:
        alice, bob = up.account("alice"), up.account("bob")
        for how, listener in (("starttls", "smtp-submission"), ("tls", "smtp-submission-tls")):
            _, said = run(node, script, NODEMAILER, up.port(listener), how, alice.address, alice.password, bob.address,
                          f"nodemailer {how}", env={"NODE_EXTRA_CA_CERTS": str(up.ca)})
            assert said.count("250 2.0.0") == 2, said
            arrives(up, "bob", f"nodemailer {how}")
            arrives(up, "bob", f"nodemailer {how} attached")
        found = wait_for("the attachment", lambda: [
            part for one in messages(up, "bob") for part in one.walk() if part.get_filename() == "grün.bin"])
        assert found[0].get_payload(decode=True) == bytes([0, 1, 254, 255]), found
