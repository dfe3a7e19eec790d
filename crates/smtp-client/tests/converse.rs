//! Conversations with scripted servers on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use std::{io, net::SocketAddr, time::Duration};

use agent_kit::Stop;
use mail_types::{BodyKind, Domain, Notify, Outcome, RecipientNumber, ReversePath};
use smtp_client::{
    Client, ClientOptions, Extensions, Host, Message, Outbox, Outgoing, Pieces, Recipient, Report,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    task::JoinHandle,
};

/// Gives so many messages, and keeps the reports.
struct Messages {
    left: usize,
    reports: Vec<Report>,
}

struct Text(Vec<&'static str>);

impl Pieces for Text {
    async fn next_piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.0.pop() {
            Some("broken") => Err(io::Error::other("broken")),
            piece => Ok(piece.map(|piece| piece.as_bytes().to_vec())),
        }
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
            size: 10,
            body: BodyKind::SevenBit,
            smtputf8: false,
            ret: None,
            envid: None,
        };
        Some(Outgoing { message, content: Text(vec!["lo\r\n", "hel"]) })
    }

    async fn done(&mut self, report: Report) {
        self.reports.push(report);
    }
}

/// A server that plays one script a connection: `S:` lines are said, the others are
/// expected. After the last line it hangs up.
async fn server(scripts: &'static [&'static str]) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            for line in script.lines() {
                let (who, words) = line.split_at(2);
                match who {
                    "S:" => {
                        let reply = format!("{}\r\n", words.trim());
                        stream.write_all(reply.as_bytes()).await.unwrap();
                    }
                    _ => {
                        let mut heard = String::new();
                        stream.read_line(&mut heard).await.unwrap();
                        assert_eq!(heard.trim_end(), words.trim());
                    }
                }
            }
        }
    });
    (address, task)
}

async fn converse(addresses: Vec<SocketAddr>, messages: usize) -> (String, Vec<String>) {
    let stop = Stop::source();
    let hello = Domain::parse("client.example.org").unwrap();
    let options = ClientOptions::new(hello, Duration::from_secs(5), stop.stop());
    let client = Client::new(options).unwrap();
    let host = Host { name: Domain::parse("mx.example.net").unwrap(), addresses };
    let mut outbox = Messages { left: messages, reports: Vec::new() };
    let end = match client.converse(&host, &mut outbox).await {
        Ok(()) => "peace".to_owned(),
        Err(problem) => problem.to_string(),
    };
    let reports = outbox.reports.iter().map(|report| match &report.outcomes[..] {
        [(_, Outcome::Delivered { by, reply })] => format!("delivered by {by}: {reply}"),
        [(_, Outcome::Deferred(problem))] => format!("deferred: {problem}"),
        other => panic!("{other:?}"),
    });
    (end, reports.collect())
}

const DIALOGUE: &str = "S: 220 hi
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

#[tokio::test]
async fn a_message_and_a_good_bye() {
    let (address, server) = server(&[DIALOGUE]).await;
    let (end, reports) = converse(vec![address], 1).await;
    assert_eq!(end, "peace");
    let expected =
        format!("delivered by mx.example.net [127.0.0.1]:{}: 250 2.0.0 taken", address.port());
    assert_eq!(reports, [expected]);
    server.await.unwrap();
}

#[tokio::test]
async fn addresses_are_tried_in_turn() {
    // RFC 5321 §5.1
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (busy, first) = server(&["S: 421 4.3.2 busy"]).await;
    let (good, second) = server(&[DIALOGUE]).await;
    let (end, reports) = converse(vec![closed, busy, good], 1).await;
    assert_eq!((end.as_str(), reports.len()), ("peace", 1));
    first.await.unwrap();
    second.await.unwrap();
}

#[tokio::test]
async fn nobody_there() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (end, reports) = converse(vec![closed], 1).await;
    assert!(end.starts_with("4.4.1 cannot connect: Connection refused"), "{end}");
    assert!(reports.is_empty());
}

#[tokio::test]
async fn where_tls_fails_clear_text_is_better_than_nothing() {
    // RFC 7435 §3
    const BROKEN: &str = "S: 220 hi
C: EHLO client.example.org
S: 250-mx
S: 250 STARTTLS
C: STARTTLS
S: 220 go ahead
S: this is no TLS";
    let (address, server) = server(&[BROKEN, DIALOGUE]).await;
    let (end, reports) = converse(vec![address], 1).await;
    assert_eq!((end.as_str(), reports.len()), ("peace", 1));
    server.await.unwrap();
}

#[tokio::test]
async fn a_lost_connection_defers_what_was_on_its_way() {
    const LOST: &str = "S: 220 hi
C: EHLO client.example.org
S: 250 mx
C: MAIL FROM:<a@example.org>
S: 250 ok
C: RCPT TO:<b@example.net>";
    let (address, server) = server(&[LOST]).await;
    let (end, reports) = converse(vec![address], 2).await;
    assert!(end.starts_with("4.4.2 the server closed the connection"), "{end}");
    assert_eq!(reports.len(), 1, "the second message was not tried: {reports:?}");
    assert!(reports[0].starts_with("deferred: 4.4.2"), "{reports:?}");
    server.await.unwrap();
}
