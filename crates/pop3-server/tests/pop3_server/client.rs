//! A POP3 client of a few lines.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    /// What the server said first.
    pub(crate) greeting: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        let mut client = Self { stream, greeting: String::new() };
        client.greeting = client.line().await;
        client
    }

    /// Sends commands in one write.
    pub(crate) async fn send(&mut self, commands: &[impl AsRef<str>]) {
        let text: String = commands.iter().map(|line| format!("{}\r\n", line.as_ref())).collect();
        self.stream.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    /// The answer to a command, of one line.
    pub(crate) async fn say(&mut self, command: &str) -> String {
        self.send(&[command]).await;
        self.line().await
    }

    /// The lines behind a positive answer.
    pub(crate) async fn lines(&mut self, command: &str) -> Vec<String> {
        self.content(command).await.lines().map(str::to_owned).collect()
    }

    /// The content behind a positive answer.
    pub(crate) async fn content(&mut self, command: &str) -> String {
        self.send(&[command]).await;
        self.rest_of_content().await
    }

    /// The next positive answer and its content.
    pub(crate) async fn rest_of_content(&mut self) -> String {
        let first = self.line().await;
        assert!(first.starts_with("+OK"), "{first}");
        let mut content = String::new();
        loop {
            let line = self.line().await;
            if line == "." {
                return content;
            }
            content.push_str(line.strip_prefix('.').unwrap_or(&line));
            content.push_str("\r\n");
        }
    }

    /// Whether the server says nothing more.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.line().await.is_empty()
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        line.strip_suffix("\r\n").unwrap_or(&line).to_owned()
    }
}
