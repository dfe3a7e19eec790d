//! What the demo prints: what to type into a mail client, and what to try.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

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
    let width = logins.iter().map(|login| login.address.len()).max().unwrap_or_default();
    for login in logins {
        text += &format!("    {:<width$}   {}\n", login.address, login.password);
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
        "\nTo look behind it, in another terminal:\n  \
         {} --config {} status   (or trace bob@{DOMAIN}, queue list, account list, --help)\n\
         Mail to other domains than {DOMAIN} is held in the queue.\n",
        quoted(&program()),
        quoted(&folder.join("config.toml")),
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

/// This program, as it was called: a shell finds it by that again.
fn program() -> PathBuf {
    std::env::args_os().next().map_or_else(|| PathBuf::from("postrider"), PathBuf::from)
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if !path.is_empty() && path.chars().all(is_plain) {
        return path;
    }
    format!("'{}'", path.replace('\'', r"'\''"))
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
