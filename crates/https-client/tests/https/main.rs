//! The client against servers on loopback that do what a test has them do.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use agent_kit::{Stop, tls::Roots};
use https_client::{Content, HttpsClient, HttpsError, Request, Response, Target};
use mail_types::Domain;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring},
};

/// What the server does with a connection, after it has read the head of the request.
#[derive(Clone, Copy)]
enum Does {
    Answer(&'static str),
    /// The same, and cuts the connection without a word of TLS.
    AnswerAndCut(&'static str),
    Nothing,
}

struct Server {
    address: SocketAddr,
    roots: Roots,
    heard: Arc<Mutex<String>>,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Shows a certificate for this name, issued by an authority that the roots have if `known`.
    async fn start(name: &str, known: bool, does: Does) -> Self {
        let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(params, authority_key);
        let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let other = rcgen::generate_simple_self_signed(vec!["other.test".to_owned()]).unwrap();
        std::fs::write(&file, if known { authority.pem() } else { other.cert.pem() }).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let chain = vec![CertificateDer::from(leaf.der().to_vec())];
        let config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Arc::new(Mutex::default()));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(serve(listener, acceptor, does, heard.clone()));
        Self { address, roots: Roots::from_pem_file(&file).unwrap(), heard, _folder: folder }
    }

    async fn ask(&self, change: impl FnOnce(&mut Request)) -> Result<Response, HttpsError> {
        let client = HttpsClient::new(&self.roots, Stop::source().stop()).unwrap();
        let host = Domain::parse("mta-sts.example.test").unwrap();
        let mut request = Request {
            target: Target::new(host, self.address.port(), "/.well-known/mta-sts.txt").unwrap(),
            content: None,
            body_max: 1000,
            within: Duration::from_secs(20),
        };
        change(&mut request);
        client.ask(request, &[self.address]).await
    }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    does: Does,
    heard: Arc<Mutex<String>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(mut stream) = acceptor.accept(stream).await else { continue };
        let mut head = Vec::new();
        while !head.windows(4).any(|four| four == b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let mut head = String::from_utf8(head).unwrap();
        if let Some((_, length)) = head.split_once("Content-Length: ") {
            let length = length.split_once('\r').unwrap().0.parse().unwrap();
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            head.push_str(&String::from_utf8(body).unwrap());
        }
        *heard.lock().unwrap() = head;
        match does {
            Does::Answer(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
            Does::AnswerAndCut(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
            Does::Nothing => drop(stream.read_u8().await),
        }
    }
}

const HOST: &str = "mta-sts.example.test";

#[tokio::test]
async fn a_response_of_who_it_should_be() {
    let text = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
    let server = Server::start(HOST, true, Does::Answer(text)).await;
    let response = server.ask(|_| {}).await.unwrap();
    assert_eq!((response.status, response.media_type.as_deref()), (200, Some("text/plain")));
    assert_eq!(response.body, b"hello");
    let heard = server.heard.lock().unwrap().clone();
    assert!(heard.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains(&format!("Host: {HOST}:{}\r\n", server.address.port())), "{heard}");
}

#[tokio::test]
async fn something_is_posted() {
    let text = "HTTP/1.1 201 Created\r\n\r\n";
    let server = Server::start(HOST, true, Does::Answer(text)).await;
    let content = Content { media_type: "application/json", octets: b"{\"a\":1}".to_vec() };
    let response = server.ask(|request| request.content = Some(content)).await.unwrap();
    assert_eq!(response.status, 201);
    let heard = server.heard.lock().unwrap().clone();
    assert!(heard.starts_with("POST ") && heard.ends_with("\r\n\r\n{\"a\":1}"), "{heard}");
}

#[tokio::test]
async fn nobody_else_is_asked() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (name, known) in [("www.example.test", true), (HOST, false)] {
        let server = Server::start(name, known, Does::Answer(text)).await;
        let error = server.ask(|_| {}).await.unwrap_err();
        assert!(matches!(error, HttpsError::Tls(_)), "{name} {known}: {error}");
        assert_eq!(*server.heard.lock().unwrap(), "", "it was told nothing");
    }
}

#[tokio::test]
async fn a_redirection_is_a_response_and_nothing_more() {
    // RFC 8461 §3.3
    let text = "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(HOST, true, Does::Answer(text)).await;
    assert_eq!(server.ask(|_| {}).await.unwrap().status, 302);
}

#[tokio::test]
async fn time_and_size_have_limits() {
    let server = Server::start(HOST, true, Does::Nothing).await;
    let begun = Instant::now();
    let error = server.ask(|request| request.within = Duration::from_millis(300)).await;
    assert!(matches!(error, Err(HttpsError::TooSlow)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));

    let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let server = Server::start(HOST, true, Does::Answer(text)).await;
    let error = server.ask(|request| request.body_max = 4).await;
    assert!(matches!(error, Err(HttpsError::TooLarge)), "{error:?}");
}

#[tokio::test]
async fn what_somebody_may_have_cut_off_is_no_response() {
    let text = "HTTP/1.1 200 OK\r\n\r\nversion: STSv1";
    let server = Server::start(HOST, true, Does::Answer(text)).await;
    assert_eq!(server.ask(|_| {}).await.unwrap().body, b"version: STSv1");
    let server = Server::start(HOST, true, Does::AnswerAndCut(text)).await;
    let error = server.ask(|_| {}).await;
    assert!(matches!(error, Err(HttpsError::Broken(_))), "{error:?}");
}

#[tokio::test]
async fn where_nobody_listens() {
    let mut server = Server::start(HOST, true, Does::Nothing).await;
    server.address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = server.ask(|_| {}).await;
    assert!(matches!(error, Err(HttpsError::Connect(_))), "{error:?}");
}
