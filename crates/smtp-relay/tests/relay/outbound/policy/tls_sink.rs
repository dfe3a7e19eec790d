//! A server that takes all mail, by SMTP with STARTTLS if it has a certificate.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// MAIL lines as they came, each with whether it came under TLS.
type Heard = Arc<Mutex<Vec<(String, bool)>>>;

pub(super) struct TlsSink {
    pub(super) address: SocketAddr,
    pub(super) heard: Heard,
    identity: Arc<Mutex<Option<Arc<ServerConfig>>>>,
}

impl TlsSink {
    pub(super) async fn start(
        identity: Option<Arc<ServerConfig>>,
        offers: &'static [&'static str],
    ) -> Self {
        let listener = TcpListener::bind(super::anywhere()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, identity) = (Heard::default(), Arc::new(Mutex::new(identity)));
        let (hears, shows) = (heard.clone(), identity.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (hears, shows) = (hears.clone(), shows.lock().unwrap().clone());
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let wants_tls = serve(&mut stream, (false, shows.is_some()), offers, &hears);
                    if wants_tls.await == Some(true) {
                        let acceptor = TlsAcceptor::from(shows.unwrap());
                        let Ok(stream) = acceptor.accept(stream.into_inner()).await else { return };
                        serve(&mut BufReader::new(stream), (true, false), offers, &hears).await;
                    }
                });
            }
        });
        Self { address, heard, identity }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Shows another certificate from now on, or has no TLS.
    pub(super) fn show(&self, identity: Option<Arc<ServerConfig>>) {
        *self.identity.lock().unwrap() = identity;
    }

    /// The MAIL lines, with whether they came under TLS.
    pub(super) fn mails(&self) -> Vec<(String, bool)> {
        self.heard.lock().unwrap().clone()
    }
}

/// Serves a connection; true when TLS is to begin.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    (secured, starttls): (bool, bool),
    offers: &[&str],
    heard: &Heard,
) -> Option<bool> {
    if !secured {
        stream.write_all(b"220 sink\r\n").await.ok()?;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let reply = match line.trim_end() {
            line if line.starts_with("EHLO") => {
                let mut lines = vec!["sink"];
                // RFC 8689 §2: under TLS only.
                lines.extend(offers.iter().filter(|_| secured));
                lines.extend(starttls.then_some("STARTTLS"));
                let last = lines.pop()?;
                let more: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
                format!("{more}250 {last}")
            }
            "STARTTLS" => {
                stream.write_all(b"220 go\r\n").await.ok()?;
                return Some(true);
            }
            "DATA" => {
                stream.write_all(b"354 go\r\n").await.ok()?;
                while line != ".\r\n" {
                    line.clear();
                    stream.read_line(&mut line).await.ok()?;
                }
                "250 2.0.0 taken by the sink".to_owned()
            }
            line if line.starts_with("MAIL") => {
                heard.lock().unwrap().push((line.to_owned(), secured));
                "250 ok".to_owned()
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "250 ok".to_owned(),
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
    }
}
