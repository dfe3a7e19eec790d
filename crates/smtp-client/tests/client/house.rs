//! Scripted servers, and a client with messages for them.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use agent_kit::Stop;
use mail_types::{
    BodyKind, Domain, Handling, Notify, Outcome, RecipientNumber, ReversePath, Timestamp,
};
use rustls::ServerConfig;
use smtp_client::{
    Client, ClientOptions, Extensions, Host, Message, NoTls, Outbox, Outgoing, Pieces, Place,
    Recipient, Report, Roots, Sheltered,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, UnixListener},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// A whole message, in clear.
pub(crate) const DIALOGUE: &str = "S: 220 hi
C: EHLO client.example.org
S: 250 mx
C: MAIL FROM:<a@example.org>
S: 250 ok
C: RCPT TO:<b@example.net>
S: 250 ok
C: DATA
S: 354 go
C: hello
C: .
S: 250 2.0.0 taken
C: QUIT
S: 221 bye";

/// Gives so many messages, and keeps the reports.
struct Messages {
    left: usize,
    reports: Vec<Report>,
    /// What TLS came to, connection by connection.
    tls: Vec<String>,
}

struct Text(Vec<&'static str>);

impl Pieces for Text {
    async fn next_piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.pop().map(|piece| piece.as_bytes().to_vec()))
    }
}

impl Outbox for Messages {
    type Content = Text;

    async fn next(&mut self, _offered: &Extensions) -> Option<Outgoing<Text>> {
        self.left = self.left.checked_sub(1)?;
        let recipient = Recipient {
            number: RecipientNumber(0),
            address: "b@example.net".parse().unwrap(),
            notify: Notify::DEFAULT,
            original: None,
        };
        let message = Message {
            reverse_path: ReversePath::parse("a@example.org").unwrap(),
            recipients: vec![recipient],
            size: 7,
            body: BodyKind::SevenBit,
            smtputf8: false,
            ret: None,
            envid: None,
            handling: Handling::default(),
            now: Timestamp::from_secs(0),
            inquiry: false,
        };
        Some(Outgoing { message, content: Text(vec!["lo\r\n", "hel"]) })
    }

    fn sheltered(&mut self, sheltered: Sheltered<'_>) {
        let place = if sheltered.addresses.is_some() { "" } else { "nowhere: " };
        let tls = match sheltered.tls {
            Ok(facts) if facts.verified => "verified".to_owned(),
            Ok(facts) => format!("{:?}", facts.identity.fault),
            Err(NoTls::Failed { fault: Some(fault), .. }) => format!("failed: {fault:?}"),
            Err(no_tls) => format!("{no_tls:?}"),
        };
        self.tls.push(format!("{place}{tls}"));
    }

    async fn done(&mut self, report: Report) {
        self.reports.push(report);
    }

    fn has_more(&self) -> bool {
        self.left > 0
    }
}

/// Sends so many messages to the host: how it ended, and the reports.
pub(crate) async fn converse(
    host: &Host,
    roots: Option<Roots>,
    messages: usize,
) -> (String, Vec<Report>) {
    let (end, reports, _) = converse_and_tell(host, roots, messages).await;
    (end, reports)
}

/// The same, and what TLS came to.
pub(crate) async fn converse_and_tell(
    host: &Host,
    roots: Option<Roots>,
    messages: usize,
) -> (String, Vec<Report>, Vec<String>) {
    let stop = Stop::source();
    let hello = Domain::parse("client.example.org").unwrap();
    let options = ClientOptions::new(hello, Duration::from_secs(5), stop.stop());
    let client = Client::new(ClientOptions { roots, ..options }).unwrap();
    let mut outbox = Messages { left: messages, reports: Vec::new(), tls: Vec::new() };
    let end = match client.converse(host, &mut outbox).await {
        Ok(()) => "peace".to_owned(),
        Err(problem) => problem.to_string(),
    };
    (end, outbox.reports, outbox.tls)
}

/// The host of all scripts.
pub(crate) fn to(addresses: Vec<SocketAddr>) -> Host {
    Host::new(Domain::parse("mx.example.net").unwrap(), addresses)
}

/// What a report says of its one recipient.
pub(crate) fn outcome(report: &Report) -> String {
    match &report.outcomes[..] {
        [(_, Outcome::Delivered { by, reply })] => format!("delivered by {by}: {reply}"),
        [(_, Outcome::Deferred(problem))] => format!("deferred: {problem}"),
        other => panic!("{other:?}"),
    }
}

/// A server that plays one script a connection: `S:` lines are said, `C:` lines are expected. After
/// the last line it hangs up.
pub(crate) async fn server(scripts: &'static [&'static str]) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = listener.accept().await.unwrap();
            assert!(play(&mut BufReader::new(stream), script).await, "{script}");
        }
    });
    (address, task)
}

/// The same on a Unix socket.
pub(crate) fn unix_server(path: &Path, script: &'static str) -> (Place, JoinHandle<()>) {
    let listener = UnixListener::bind(path).unwrap();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        assert!(play(&mut BufReader::new(stream), script).await);
    });
    (Place::Unix(path.to_owned()), task)
}

/// A server that shakes hands after the first script, and plays the second under TLS if the
/// client goes that far: then its result is the name that the client asked for.
pub(crate) async fn tls_server(
    config: Arc<ServerConfig>,
    before: &'static str,
    under: &'static str,
) -> (SocketAddr, JoinHandle<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        assert!(play(&mut stream, before).await);
        let stream = TlsAcceptor::from(config).accept(stream).await.ok()?;
        let name = stream.get_ref().1.server_name().unwrap_or_default().to_owned();
        play(&mut BufReader::new(stream), under).await.then_some(name)
    });
    (address, task)
}

/// Plays a script; whether the client went along to its end.
async fn play<S>(stream: &mut BufReader<S>, script: &str) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for line in script.lines() {
        let (who, words) = line.split_at(2);
        if who == "S:" {
            let reply = format!("{}\r\n", words.trim());
            stream.write_all(reply.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            continue;
        }
        let mut heard = String::new();
        if stream.read_line(&mut heard).await.unwrap_or(0) == 0 {
            return false;
        }
        assert_eq!(heard.trim_end(), words.trim());
    }
    true
}
