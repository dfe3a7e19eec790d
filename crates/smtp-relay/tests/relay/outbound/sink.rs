//! A server that takes mail by SMTP or LMTP, and does what the recipient's local part asks for:
//! `refuse` is refused for good, `later` for now, `many` if another of the name is there already,
//! `full` has no room when the message is there (in LMTP), `drop` loses the connection, `enough`
//! gets 421 unless it is the first message of its connection, `wait` takes 50 ms, and all else is
//! taken.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// What a sink was told.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) connections: usize,
    /// MAIL, RCPT and BDAT lines as they came.
    pub(crate) commands: Vec<String>,
    /// Contents as they went over the wire, dots and all.
    pub(crate) contents: Vec<String>,
    /// From where somebody came, and as whom.
    pub(crate) hellos: Vec<(IpAddr, String)>,
    /// Connections that are open, and how many there were at most.
    pub(crate) open: usize,
    pub(crate) open_max: usize,
}

pub(crate) struct Sink {
    pub(crate) heard: Arc<Mutex<Heard>>,
}

impl Sink {
    /// Listens at this address, which may have port 0, and offers these extensions.
    pub(crate) async fn start(
        at: SocketAddr,
        offers: &'static [&'static str],
    ) -> (Self, SocketAddr) {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let sink = Self { heard: heard.clone() };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(visit(stream, offers, heard.clone()));
            }
        });
        (sink, address)
    }
}

async fn visit(stream: TcpStream, offers: &'static [&'static str], heard: Arc<Mutex<Heard>>) {
    {
        let mut heard = heard.lock().unwrap();
        heard.connections += 1;
        heard.open += 1;
        heard.open_max = heard.open_max.max(heard.open);
    }
    serve(stream, offers, heard.clone()).await;
    heard.lock().unwrap().open -= 1;
}

async fn serve(stream: TcpStream, offers: &[&str], heard: Arc<Mutex<Heard>>) -> Option<()> {
    let peer = stream.peer_addr().ok()?.ip();
    let mut stream = BufReader::new(stream);
    let mut messages = 0;
    stream.write_all(b"220 sink\r\n").await.ok()?;
    let mut content: Option<String> = None;
    let (mut accepted, mut lmtp) = (Vec::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some(text) = &mut content {
            if line != ".\r\n" {
                text.push_str(&line);
                continue;
            }
            heard.lock().unwrap().contents.push(content.take()?);
            messages += 1;
            stream.write_all(verdicts(&mut accepted, lmtp).as_bytes()).await.ok()?;
            continue;
        }
        if ["MAIL", "RCPT", "BDAT"].iter().any(|verb| line.starts_with(verb)) {
            heard.lock().unwrap().commands.push(line.trim_end().to_owned());
        }
        if let Some(size) = line.strip_prefix("BDAT ").and_then(|rest| rest.split(' ').next()) {
            let mut octets = vec![0; size.parse().ok()?];
            stream.read_exact(&mut octets).await.ok()?;
            let text = String::from_utf8_lossy(&octets).into_owned();
            heard.lock().unwrap().contents.push(text);
            stream.write_all(verdicts(&mut accepted, lmtp).as_bytes()).await.ok()?;
            continue;
        }
        lmtp |= line.starts_with("LHLO");
        if let Some(name) = line.strip_prefix("EHLO ") {
            heard.lock().unwrap().hellos.push((peer, name.trim_end().to_owned()));
        }
        if line.starts_with("RCPT TO:<wait") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let reply = match line.trim_end() {
            line if line.starts_with("EHLO") || line.starts_with("LHLO") => {
                let mut lines = vec!["sink"];
                lines.extend(offers);
                let last = lines.pop()?;
                let more: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
                format!("{more}250 {last}")
            }
            line if line.starts_with("RCPT TO:<refuse") => "550 5.1.1 nobody here".to_owned(),
            line if line.starts_with("RCPT TO:<later") => "450 4.2.1 not yet".to_owned(),
            line if line.starts_with("RCPT TO:<drop") => return None,
            line if line.starts_with("RCPT TO:<enough") && messages > 0 => {
                stream.write_all(b"421 4.7.0 enough for one connection\r\n").await.ok()?;
                return None;
            }
            line if line.starts_with("RCPT TO:<many") && !accepted.is_empty() => {
                "452 4.5.3 too many for me".to_owned()
            }
            line if line.starts_with("RCPT") => {
                accepted.push(line.to_owned());
                "250 ok".to_owned()
            }
            "DATA" => {
                content = Some(String::new());
                "354 go ahead".to_owned()
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "250 ok".to_owned(),
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
    }
}

/// The reply to a whole message; in LMTP one for each recipient (RFC 2033 §4.2).
fn verdicts(accepted: &mut Vec<String>, lmtp: bool) -> String {
    let recipients = std::mem::take(accepted);
    let reply = |full: bool| match full {
        true => "452 4.2.2 no room here\r\n",
        false => "250 2.0.0 taken by the sink\r\n",
    };
    match lmtp {
        true => recipients.iter().map(|one| reply(one.starts_with("RCPT TO:<full"))).collect(),
        false => reply(false).to_owned(),
    }
}
