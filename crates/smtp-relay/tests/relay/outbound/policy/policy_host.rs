//! An HTTPS server: it serves what a test puts there, and keeps what is posted.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

#[derive(Default)]
struct Inner {
    pages: HashMap<String, String>,
    asked: Vec<String>,
    posted: Vec<(String, Vec<u8>)>,
}

pub(super) struct PolicyHost {
    pub(super) address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    news: Arc<Notify>,
}

impl PolicyHost {
    pub(super) async fn start(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind(super::anywhere()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (inner, news) = (Arc::new(Mutex::new(Inner::default())), Arc::new(Notify::new()));
        let acceptor = TlsAcceptor::from(config);
        let (shared, tell) = (inner.clone(), news.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let mut body = Vec::new();
                if let Some((_, length)) = head.split_once("Content-Length: ") {
                    body.resize(length.split_once('\r').unwrap().0.parse().unwrap(), 0);
                    stream.read_exact(&mut body).await.unwrap();
                }
                let answer = shared.lock().unwrap().answer(&head, body);
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
                tell.notify_waiters();
            }
        });
        Self { address, inner, news }
    }

    /// Serves this text at this path.
    pub(super) fn serve(&self, path: &str, text: &str) {
        self.inner.lock().unwrap().pages.insert(path.to_owned(), text.to_owned());
    }

    /// Has nothing any more.
    pub(super) fn clear(&self) {
        self.inner.lock().unwrap().pages.clear();
    }

    /// How often it was asked for something.
    pub(super) fn asked(&self) -> usize {
        self.inner.lock().unwrap().asked.len()
    }

    /// Waits for a post; its head and its body.
    pub(super) async fn posted(&self) -> (String, Vec<u8>) {
        let wait = async {
            loop {
                let news = self.news.notified();
                if let Some(posted) = self.inner.lock().unwrap().posted.pop() {
                    return posted;
                }
                news.await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), wait).await.unwrap()
    }

    /// How many posts nobody has looked at.
    pub(super) fn unread(&self) -> usize {
        self.inner.lock().unwrap().posted.len()
    }
}

impl Inner {
    fn answer(&mut self, head: &str, body: Vec<u8>) -> String {
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap().to_owned());
        self.asked.push(path.clone());
        if method == "POST" {
            self.posted.push((head.to_owned(), body));
            return "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n".to_owned();
        }
        match self.pages.get(&path) {
            Some(page) => format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            ),
            None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
        }
    }
}
