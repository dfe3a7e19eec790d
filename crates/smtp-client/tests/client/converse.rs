//! Conversations with scripted servers on loopback.

use smtp_client::{Host, Protocol};
use tokio::net::TcpListener;

use crate::house::{DIALOGUE, converse, outcome, server, to, unix_server};

#[tokio::test]
async fn a_message_and_a_good_bye() {
    let (address, server) = server(&[DIALOGUE]).await;
    let (end, reports) = converse(&to(vec![address]), None, 1).await;
    assert_eq!(end, "peace");
    let expected =
        format!("delivered by mx.example.net [127.0.0.1]:{}: 250 2.0.0 taken", address.port());
    assert_eq!(outcome(&reports[0]), expected);
    server.await.unwrap();
}

#[tokio::test]
async fn addresses_are_tried_in_turn() {
    // RFC 5321 §5.1
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (busy, first) = server(&["S: 421 4.3.2 busy"]).await;
    let (good, second) = server(&[DIALOGUE]).await;
    let (end, reports) = converse(&to(vec![closed, busy, good]), None, 1).await;
    assert_eq!((end.as_str(), reports.len()), ("peace", 1));
    first.await.unwrap();
    second.await.unwrap();
}

#[tokio::test]
async fn nobody_there() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (end, reports) = converse(&to(vec![closed]), None, 1).await;
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
    let (end, reports) = converse(&to(vec![address]), None, 1).await;
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
    let (end, reports) = converse(&to(vec![address]), None, 2).await;
    assert!(end.starts_with("4.4.2 the server closed the connection"), "{end}");
    assert_eq!(reports.len(), 1, "the second message was not tried: {reports:?}");
    assert!(outcome(&reports[0]).starts_with("deferred: 4.4.2"), "{reports:?}");
    server.await.unwrap();
}

#[tokio::test]
async fn a_full_session_is_followed_by_another() {
    // RFC 9422 §4.1: two messages a session, so three take two; and nobody connects for nothing.
    const TWO: &str = "S: 220 hi
C: EHLO client.example.org
S: 250-mx
S: 250 LIMITS MAILMAX=2
C: MAIL FROM:<a@example.org>
S: 250 ok
C: RCPT TO:<b@example.net>
S: 250 ok
C: DATA
S: 354 go
C: hello
C: .
S: 250 2.0.0 taken
C: MAIL FROM:<a@example.org>
S: 450 4.7.1 not now
C: QUIT
S: 221 bye";
    let (address, server) = server(&[TWO, DIALOGUE]).await;
    let (end, reports) = converse(&to(vec![address]), None, 3).await;
    assert_eq!((end.as_str(), reports.len()), ("peace", 3));
    server.await.unwrap();
    let (address, server) = crate::house::server(&[TWO]).await;
    let (end, reports) = converse(&to(vec![address]), None, 2).await;
    assert_eq!((end.as_str(), reports.len()), ("peace", 2));
    server.await.unwrap();
}

#[tokio::test]
async fn lmtp_over_a_socket_of_this_machine() {
    const LMTP: &str = "S: 220 hi
C: LHLO client.example.org
S: 250-mx
S: 250 CHUNKING
C: MAIL FROM:<a@example.org>
S: 250 ok
C: RCPT TO:<b@example.net>
S: 250 ok
C: BDAT 7 LAST
C: hello
S: 250 2.0.0 taken
C: QUIT
S: 221 bye";
    let folder = tempfile::tempdir().unwrap();
    let (place, server) = unix_server(&folder.path().join("lmtp"), LMTP);
    let host = Host { places: vec![place], protocol: Protocol::Lmtp, ..to(vec![]) };
    let (end, reports) = converse(&host, None, 1).await;
    assert_eq!(end, "peace");
    assert!(outcome(&reports[0]).starts_with("delivered by /"), "{reports:?}");
    server.await.unwrap();
}
