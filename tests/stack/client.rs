//! Small clients of the stories' own: they speak SMTP, IMAP and POP3 line by line over plain TCP
//! or TLS, and stop the test where an answer is not the expected one.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{PASSWORD, PATIENCE};

/// A connection, plain or not.
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// A line-based conversation.
pub(crate) struct Client {
    stream: BufReader<Stream>,
    tag: u32,
}

impl Client {
    /// Connects in plain.
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(64 * 1024, Stream::Plain(stream)), tag: 0 })
    }

    /// Connects with implicit TLS.
    pub(crate) fn connect_tls(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::connect(address)?.into_tls())
    }

    /// Goes on in TLS; whatever certificate is shown will do.
    pub(crate) fn into_tls(self) -> Self {
        let Stream::Plain(stream) = self.stream.into_inner() else {
            panic!("TLS is there already")
        };
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate))
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
        let tls = Stream::Tls(Box::new(StreamOwned::new(connection, stream)));
        Self { stream: BufReader::with_capacity(64 * 1024, tls), tag: self.tag }
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Reads a line, without its end.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The certificate that a listener with implicit TLS shows.
    pub(crate) fn certificate(address: SocketAddr) -> io::Result<Vec<u8>> {
        let mut client = Self::connect_tls(address)?;
        client.line()?;
        match client.stream.get_ref() {
            Stream::Tls(tls) => {
                let shown = tls.conn.peer_certificates().and_then(|chain| chain.first());
                shown
                    .map(|certificate| certificate.to_vec())
                    .ok_or_else(|| io::ErrorKind::NotFound.into())
            }
            Stream::Plain(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    // ---- SMTP

    /// Reads a reply of one or more lines; its last line starts with the code and a space.
    pub(crate) fn reply(&mut self) -> io::Result<String> {
        let mut reply = String::new();
        loop {
            let line = self.line()?;
            let last = line.as_bytes().get(3) != Some(&b'-');
            reply += &line;
            if last {
                return Ok(reply);
            }
            reply.push('\n');
        }
    }

    /// Sends a command and reads its reply.
    pub(crate) fn command(&mut self, command: &str) -> io::Result<String> {
        self.send(format!("{command}\r\n").as_bytes())?;
        self.reply()
    }

    /// A command whose reply must start so.
    pub(crate) fn expect(&mut self, command: &str, start: &str) -> String {
        let reply = self.command(command).unwrap_or_else(|error| panic!("{command}: {error}"));
        assert!(reply.starts_with(start), "{command}: {reply}");
        reply
    }

    /// Greeting and EHLO on a relay's port.
    pub(crate) fn smtp(address: SocketAddr) -> io::Result<Self> {
        let mut client = Self::connect(address)?;
        client.reply()?;
        client.command("EHLO client.example")?;
        Ok(client)
    }

    /// Implicit TLS, EHLO and AUTH PLAIN on submission's port.
    pub(crate) fn submission(address: SocketAddr, account: &str) -> io::Result<Self> {
        let mut client = Self::connect_tls(address)?;
        client.reply()?;
        client.command("EHLO [127.0.0.1]")?;
        let reply = client.command(&format!("AUTH PLAIN {}", plain_token(account)))?;
        assert!(reply.starts_with("235"), "{reply}");
        Ok(client)
    }

    /// One message; the reply to the final dot, or to the first command that was refused.
    pub(crate) fn mail(&mut self, from: &str, to: &[&str], content: &[u8]) -> io::Result<String> {
        let mut commands = vec![format!("MAIL FROM:<{from}>")];
        commands.extend(to.iter().map(|to| format!("RCPT TO:<{to}>")));
        for command in commands {
            let reply = self.command(&command)?;
            if !reply.starts_with('2') {
                self.command("RSET")?;
                return Ok(reply);
            }
        }
        let reply = self.command("DATA")?;
        if !reply.starts_with('3') {
            return Ok(reply);
        }
        self.send(&stuffed(content))?;
        self.reply()
    }

    // ---- IMAP

    /// Implicit TLS and LOGIN.
    pub(crate) fn imap(address: SocketAddr, account: &str) -> io::Result<Self> {
        let mut client = Self::connect_tls(address)?;
        client.line()?;
        let lines = client.imap_command(&format!("LOGIN \"{account}\" \"{PASSWORD}\""))?;
        let last =
            lines.last().map(|line| String::from_utf8_lossy(line).into_owned()).unwrap_or_default();
        assert!(last.contains(" OK "), "{last}");
        Ok(client)
    }

    /// Sends a tagged command; all response lines with their literals, the tagged one last.
    pub(crate) fn imap_command(&mut self, command: &str) -> io::Result<Vec<Vec<u8>>> {
        self.tag += 1;
        let tag = format!("t{} ", self.tag);
        self.send(format!("{tag}{command}\r\n").as_bytes())?;
        let mut lines = Vec::new();
        loop {
            let line = self.imap_line()?;
            let last = line.starts_with(tag.as_bytes());
            lines.push(line);
            if last {
                return Ok(lines);
            }
        }
    }

    /// A command that must end in OK; its untagged lines as text.
    pub(crate) fn imap_ok(&mut self, command: &str) -> Vec<String> {
        let lines = self.imap_command(command).unwrap_or_else(|error| panic!("{command}: {error}"));
        let mut lines: Vec<String> =
            lines.iter().map(|l| String::from_utf8_lossy(l).into_owned()).collect();
        let last = lines.pop().unwrap_or_default();
        assert!(last.split(' ').nth(1) == Some("OK"), "{command}: {last}");
        lines
    }

    /// One response line, with literals inside it taken whole.
    pub(crate) fn imap_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            if self.stream.read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(count) = literal(&line) else {
                let kept = line.strip_suffix(b"\r\n").map_or(line.len(), <[u8]>::len);
                line.truncate(kept);
                return Ok(line);
            };
            let start = line.len();
            line.resize(start + count, 0);
            self.stream.read_exact(&mut line[start..])?;
        }
    }

    /// The messages of a mailbox in order of their UIDs, each whole.
    pub(crate) fn imap_messages(&mut self, mailbox: &str) -> Vec<Vec<u8>> {
        self.imap_ok(&format!("SELECT \"{mailbox}\""));
        let lines = self.imap_command("UID FETCH 1:* (UID BODY.PEEK[])").expect("a FETCH");
        lines
            .iter()
            .filter_map(|line| {
                let end = line.windows(3).position(|w| w == b"}\r\n")? + 3;
                let count = literal(line.get(..end)?)?;
                line.get(end..end + count).map(<[u8]>::to_vec)
            })
            .collect()
    }

    /// How many messages a mailbox has.
    pub(crate) fn imap_count(&mut self, mailbox: &str) -> usize {
        let lines = self.imap_ok(&format!("STATUS \"{mailbox}\" (MESSAGES)"));
        let count = lines
            .iter()
            .find_map(|l| l.split("MESSAGES ").nth(1)?.trim_end_matches(')').parse().ok());
        count.unwrap_or_else(|| panic!("no count in {lines:?}"))
    }

    // ---- POP3

    /// Implicit TLS, USER and PASS.
    pub(crate) fn pop3(address: SocketAddr, account: &str) -> io::Result<Self> {
        let mut client = Self::connect_tls(address)?;
        client.line()?;
        // Messages as they are (RFC 6856 §2.1).
        client.pop3_ok("UTF8");
        client.pop3_ok(&format!("USER {account}"));
        client.pop3_ok(&format!("PASS {PASSWORD}"));
        Ok(client)
    }

    /// A command whose answer must be `+OK`.
    pub(crate) fn pop3_ok(&mut self, command: &str) -> String {
        self.send(format!("{command}\r\n").as_bytes()).expect("sent");
        let line = self.line().unwrap_or_else(|error| panic!("{command}: {error}"));
        assert!(line.starts_with("+OK"), "{command}: {line}");
        line
    }

    /// The lines after a multi-line answer, dots unstuffed, as bytes.
    pub(crate) fn pop3_body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            assert!(
                self.stream.read_until(b'\n', &mut line).expect("a line") > 0,
                "the answer breaks off"
            );
            if line == b".\r\n" {
                return body;
            }
            body.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
}

/// The count of a literal that ends a line: `{12}` or `{12+}`.
fn literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}\r\n")?;
    let open = line.iter().rposition(|b| *b == b'{')?;
    std::str::from_utf8(line.get(open + 1..)?).ok()?.trim_end_matches('+').parse().ok()
}

/// Dot-stuffed, with the final dot (RFC 5321 §4.5.2).
pub(crate) fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(content.len() + 16);
    for line in content.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    if !wire.ends_with(b"\r\n") && !content.is_empty() {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

/// The initial response of AUTH PLAIN (RFC 4616 §2).
pub(crate) fn plain_token(account: &str) -> String {
    base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("\0{account}\0{PASSWORD}"),
    )
}

/// Takes every certificate: what is tested is that TLS is spoken, not by whom.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
