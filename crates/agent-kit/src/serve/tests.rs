//! Serving over real sockets on loopback.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use super::*;
use crate::{Endpoint, Listeners, Place, StopSource};

/// A server that says hello, tells of the connection, and ends when the peer does.
fn start(
    name: &'static str,
    limits: Limits,
    tls: Option<ServerTls>,
) -> (SocketAddr, StopSource, mpsc::UnboundedReceiver<bool>, tokio::task::JoinHandle<()>) {
    let place = Place::Tcp(([127, 0, 0, 1], 0).into());
    let mut listeners = Listeners::bind(&[Endpoint { name, place }]).unwrap();
    let address = listeners.addresses(name)[0];
    let source = Stop::source();
    let options = ServeOptions {
        limits,
        stop: source.stop(),
        proxies: Vec::new(),
        tls,
        handshake_limit: Duration::from_secs(5),
        turned_away: b"421 too many\r\n".to_vec(),
    };
    let (tell, told) = mpsc::unbounded_channel();
    let conversation = move |connection: Connection| {
        let tell = tell.clone();
        async move {
            tell.send(connection.tls().is_some()).unwrap();
            let mut transport = connection.parts.transport;
            transport.write_all(b"hello\r\n").await.unwrap();
            let _ = transport.read(&mut [0]).await;
        }
    };
    let served = tokio::spawn(serve(listeners.take_all(), options, conversation));
    (address, source, told, served)
}

async fn first_line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(line).unwrap()
}

#[tokio::test]
async fn one_too_many_is_told_so_and_a_place_becomes_free_again() {
    let limits = Limits { connections: 10, connections_per_address: 1 };
    let (address, source, _told, served) = start("imap", limits, None);
    let mut first = TcpStream::connect(address).await.unwrap();
    assert_eq!(first_line(&mut first).await, "hello\r\n");
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(first_line(&mut second).await, "421 too many\r\n");

    first.shutdown().await.unwrap();
    // The server has closed: its place is given back right after.
    first.read_to_end(&mut Vec::new()).await.unwrap();
    loop {
        let mut third = TcpStream::connect(address).await.unwrap();
        if first_line(&mut third).await == "hello\r\n" {
            break;
        }
    }
    source.ask();
    served.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "no longer listening");
}

#[tokio::test]
async fn where_tls_comes_first_the_conversation_begins_under_it() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["mail.example".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = ServerTls::load(&certificate, &key).unwrap();
    let limits = Limits { connections: 10, connections_per_address: 10 };
    let (address, _source, mut told, _served) = start("imap-tls", limits, Some(tls));

    let roots = crate::tls::Roots::from_pem_file(&certificate).unwrap();
    let trusting = crate::tls::ClientPolicy::verifying(&roots).unwrap();
    let stranger = trusting.for_host("other.example").unwrap();
    let known = trusting.for_host("mail.example").unwrap();
    let plain = async || crate::connection::Plain::Tcp(TcpStream::connect(address).await.unwrap());

    assert!(stranger.connect(plain().await).await.is_err(), "the name is verified");
    let (mut transport, facts) = known.connect(plain().await).await.unwrap();
    assert!(facts.verified && facts.cipher.starts_with("TLS_"));
    let mut line = [0; 7];
    transport.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"hello\r\n");
    assert_eq!(told.recv().await, Some(true));
    assert!(told.try_recv().is_err(), "the failed handshake did not become a conversation");
}

#[tokio::test]
async fn conversations_may_end_before_the_stop_is_complete() {
    let limits = Limits { connections: 10, connections_per_address: 10 };
    let (address, source, _told, served) = start("imap", limits, None);
    let mut client = TcpStream::connect(address).await.unwrap();
    first_line(&mut client).await;
    source.ask();
    assert!(!served.is_finished());
    drop(client);
    served.await.unwrap();
}

#[tokio::test]
async fn behind_a_proxy_the_client_counts() {
    let limits = Limits { connections: 10, connections_per_address: 1 };
    let place = Place::Tcp(([127, 0, 0, 1], 0).into());
    let mut listeners = Listeners::bind(&[Endpoint { name: "imap", place }]).unwrap();
    let address = listeners.addresses("imap")[0];
    let text = "hostname = \"x.example.org\"\n[tls]\ncertificate = \"c\"\nkey = \"k\"\n\
        [proxies]\nproxy_protocol = [\"127.0.0.0/8\"]\n";
    let config = config::Config::parse(text, std::path::Path::new("/")).unwrap();
    let source = Stop::source();
    let options = ServeOptions {
        limits,
        stop: source.stop(),
        proxies: config.proxies.proxy_protocol.clone(),
        tls: None,
        handshake_limit: Duration::from_secs(5),
        turned_away: b"421 too many\r\n".to_vec(),
    };
    let served =
        tokio::spawn(serve(listeners.take_all(), options, |connection: Connection| async {
            let peer = connection.peer();
            let mut transport = connection.parts.transport;
            transport.write_all(format!("{peer:?}\r\n").as_bytes()).await.unwrap();
            let _ = transport.read(&mut [0]).await;
        }));
    let connect = async |client: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let header = format!("PROXY TCP4 {client} 192.0.2.1 40000 143\r\n");
        stream.write_all(header.as_bytes()).await.unwrap();
        let line = first_line(&mut stream).await;
        (stream, line)
    };
    let first = connect("198.51.100.7").await;
    assert!(first.1.contains("remote: 198.51.100.7:40000"), "{}", first.1);
    assert_eq!(connect("198.51.100.7").await.1, "421 too many\r\n");
    let other = connect("198.51.100.8").await;
    assert!(other.1.contains("remote: 198.51.100.8:40000"), "{}", other.1);
    // Without a header it is closed, and nothing said.
    let mut bare = TcpStream::connect(address).await.unwrap();
    bare.write_all(b"a01 NOOP and more\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = bare.read_to_end(&mut said).await;
    assert_eq!(said, b"");
    drop((first, other));
    source.ask();
    served.await.unwrap();
}
