//! An IMAP client of a few lines.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

/// Longer than anything here takes; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    commands: u32,
}

/// What a command was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The untagged responses, without `* ` and line end, literals in them.
    pub(crate) untagged: Vec<Vec<u8>>,
    /// The tagged response, without tag and line end.
    pub(crate) tagged: String,
}

impl Answer {
    /// The untagged responses as text.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.untagged.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    /// Asserts that it went well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.tagged.starts_with("OK "), "{}", self.tagged);
        self
    }

    /// Asserts the beginning of the tagged response.
    #[track_caller]
    pub(crate) fn is(self, expected: &str) -> Self {
        assert!(self.tagged.starts_with(expected), "{} is not {expected}", self.tagged);
        self
    }

    /// The one untagged response that begins with this.
    #[track_caller]
    pub(crate) fn line(&self, beginning: &str) -> String {
        let lines = self.lines();
        let found = lines.iter().find(|line| line.starts_with(beginning));
        found.unwrap_or_else(|| panic!("no {beginning} in {lines:?}")).clone()
    }

    /// The numbers of the SEARCH response.
    #[track_caller]
    pub(crate) fn found(&self) -> Vec<u32> {
        let line = self.line("SEARCH");
        line.split(' ').skip(1).map(|number| number.parse().unwrap()).collect()
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        let mut client = Self { stream, commands: 0 };
        let greeting = client.response().await;
        assert!(greeting.starts_with(b"* OK [CAPABILITY IMAP4rev1"), "{greeting:?}");
        client
    }

    /// Sends a command and reads to its end. Literals are in it as `{n+}`.
    pub(crate) async fn run(&mut self, command: impl AsRef<[u8]>) -> Answer {
        let tag = self.send(command).await;
        self.answer(&tag).await
    }

    /// Sends a command; answers its tag.
    pub(crate) async fn send(&mut self, command: impl AsRef<[u8]>) -> String {
        self.commands += 1;
        let tag = format!("a{}", self.commands);
        let line = [tag.as_bytes(), b" ", command.as_ref(), b"\r\n"].concat();
        self.write(&line).await;
        tag
    }

    /// Sends octets as they are.
    pub(crate) async fn write(&mut self, octets: &[u8]) {
        self.stream.get_mut().write_all(octets).await.unwrap();
    }

    /// Reads to the end of a command.
    pub(crate) async fn answer(&mut self, tag: &str) -> Answer {
        let mut untagged = Vec::new();
        loop {
            let response = self.response().await;
            if let Some(line) = response.strip_prefix(b"* ") {
                untagged.push(line.to_vec());
            } else if let Some(rest) = response.strip_prefix(tag.as_bytes()) {
                let tagged = String::from_utf8_lossy(rest).trim().to_owned();
                return Answer { untagged, tagged };
            } else {
                panic!("{:?} after {untagged:?}", String::from_utf8_lossy(&response));
            }
        }
    }

    /// The next response, its literals in it, without the line end.
    pub(crate) async fn response(&mut self) -> Vec<u8> {
        let mut response = Vec::new();
        loop {
            let read = self.stream.read_until(b'\n', &mut response);
            timeout(PATIENCE, read).await.unwrap().unwrap();
            let Some(text) = response.strip_suffix(b"\r\n") else {
                panic!("the end, after {:?}", String::from_utf8_lossy(&response));
            };
            let Some(length) = literal(text) else { return text.to_vec() };
            let start = response.len();
            response.resize(start + length, 0);
            let read = self.stream.read_exact(&mut response[start..]);
            timeout(PATIENCE, read).await.unwrap().unwrap();
        }
    }

    /// The next response as text.
    pub(crate) async fn line(&mut self) -> String {
        String::from_utf8_lossy(&self.response().await).into_owned()
    }

    /// Reads octets and forgets them.
    pub(crate) async fn skip(&mut self, octets: u64) {
        let (mut rest, mut nowhere) = ((&mut self.stream).take(octets), tokio::io::sink());
        let read = tokio::io::copy(&mut rest, &mut nowhere);
        assert_eq!(timeout(PATIENCE, read).await.unwrap().unwrap(), octets);
    }

    /// Whether the server has closed the connection.
    pub(crate) async fn is_closed(&mut self) -> bool {
        timeout(PATIENCE, self.stream.read_u8()).await.unwrap().is_err()
    }

    /// Appends a message; answers its UID.
    pub(crate) async fn append(&mut self, mailbox: &str, message: &[u8]) -> u32 {
        let head = format!("APPEND {mailbox} {{{}+}}\r\n", message.len());
        let answer = self.run([head.as_bytes(), message].concat()).await;
        let code = answer.tagged.strip_prefix("OK [APPENDUID ").unwrap();
        code.split([' ', ']']).nth(1).unwrap().parse().unwrap()
    }
}

/// The length of the literal that a line announces.
fn literal(text: &[u8]) -> Option<usize> {
    let inside = text.strip_suffix(b"}")?;
    let open = inside.iter().rposition(|octet| *octet == b'{')?;
    std::str::from_utf8(&inside[open + 1..]).ok()?.parse().ok()
}
