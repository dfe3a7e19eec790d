//! What the demo prints: what to type into a mail client, and what to try.

use std::{net::SocketAddr, path::Path};

use config::Config;

use super::{DOMAIN, Login};

/// All of it, for the demo in `folder`.
pub(super) fn render(folder: &Path, ca: &Path, config: &Config, logins: &[Login]) -> String {
    let port = |addresses: &[SocketAddr]| {
        addresses.first().map_or_else(|| "off".to_owned(), |address| address.port().to_string())
    };
    let lines = [
        ("sending (SMTP)", &config.submission.listen, "STARTTLS"),
        ("", &config.submission.listen_tls, "SSL/TLS"),
        ("reading (IMAP)", &config.imap.listen, "STARTTLS"),
        ("", &config.imap.listen_tls, "SSL/TLS"),
        ("reading (POP3)", &config.pop3.listen, "STARTTLS"),
        ("", &config.pop3.listen_tls, "SSL/TLS"),
        ("from servers (MTA)", &config.relay.listen, "STARTTLS, no password"),
    ];
    let mut text = format!(
        "\nPostrider demo: everything is in {}, Ctrl-C stops it, nothing leaves this machine.\n\n\
         For a mail client       host        port   security\n",
        folder.display()
    );
    for (what, addresses, security) in lines {
        text += &format!("  {what:<20}  localhost   {:<5}  {security}\n", port(addresses));
    }
    text += "  user name and password (\"normal password\"):\n";
    for login in logins {
        text += &format!("    {}   {}\n", login.address, login.password);
    }
    text += &format!(
        "\nTo trust it: import {} as a certificate authority\n  \
         (Thunderbird: Settings, Certificates, Authorities; mbsync: CertificateFile; mutt: \
         certificate_file).\n",
        ca.display()
    );
    if let [sender, recipient, ..] = logins {
        text += "\nTo try it from a terminal, send:\n";
        text += &send_line(ca, &port(&config.submission.listen), sender, recipient);
        text += "and read:\n";
        text += &read_line(ca, &port(&config.imap.listen_tls), recipient);
    }
    text += &format!(
        "\nMore: postrider --config {} status (or trace, queue list, account add, ...)\n\
         Mail to other domains than {DOMAIN} is held in the queue.\n",
        folder.join("config.toml").display()
    );
    text
}

/// A command that sends a message; passwords need no quoting.
fn send_line(ca: &Path, port: &str, sender: &Login, recipient: &Login) -> String {
    format!(
        "  printf 'From: {0}\\nTo: {1}\\nSubject: Hello\\n\\nIt works.\\n' | curl -sS --crlf \
         --cacert {2} --ssl-reqd smtp://localhost:{port} -u {0}:{3} --mail-from {0} \
         --mail-rcpt {1} -T -\n",
        sender.address,
        recipient.address,
        quoted(ca),
        sender.password
    )
}

/// A command that shows the first message.
fn read_line(ca: &Path, port: &str, reader: &Login) -> String {
    format!(
        "  curl -sS --cacert {} 'imaps://localhost:{port}/INBOX;MAILINDEX=1' -u {}:{}\n",
        quoted(ca),
        reader.address,
        reader.password
    )
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_client_needs_is_said() {
        let login = |name: &str| Login {
            address: format!("{name}@postrider.test"),
            password: format!("secret-of-{name}"),
        };
        let mut config = Config::default();
        config.imap.listen_tls = vec![([127, 0, 0, 1], 1993).into()];
        let logins = [login("alice"), login("bob")];
        let text = render(Path::new("./it's"), Path::new("/it's/ca.pem"), &config, &logins);
        for needed in
            ["1993   SSL/TLS", "secret-of-alice", "secret-of-bob", r"--cacert '/it'\''s/ca.pem'"]
        {
            assert!(text.contains(needed), "{needed} is missing in:\n{text}");
        }
    }
}
