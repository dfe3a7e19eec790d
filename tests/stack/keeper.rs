//! A server that takes every message and remembers it: what a stack sends outward ends here.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

/// A message that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    /// Its content, dots as they came.
    pub(crate) content: Vec<u8>,
    /// When the reply to its final dot was about to be said.
    pub(crate) at: Instant,
}

/// The server; its threads end with the process.
pub(crate) struct Keeper {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Keeper {
    /// Listens on a free port of this address.
    pub(crate) fn start(ip: &str) -> Self {
        let listener = TcpListener::bind(format!("{ip}:0")).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let taken = Arc::default();
        let keeper = Self { address, taken: Arc::clone(&taken) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = Arc::clone(&taken);
                // Whoever is killed hangs up in the middle; that is its own affair.
                thread::spawn(move || drop(serve(stream, &taken)));
            }
        });
        keeper
    }

    /// All that was taken so far.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().expect("no poison").clone()
    }
}

fn serve(stream: TcpStream, taken: &Mutex<Vec<Taken>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
    let mut say = |line: &str| writer.write_all(format!("{line}\r\n").as_bytes());
    say("220 sink.test")?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => say("250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME")?,
            "QUIT" => return say("221 bye"),
            "DATA" => {
                say("354 go on")?;
                let mut content = Vec::new();
                loop {
                    let start = content.len();
                    if reader.read_until(b'\n', &mut content)? == 0 {
                        return Ok(());
                    }
                    if content.get(start..) == Some(b".\r\n") {
                        content.truncate(start);
                        break;
                    }
                }
                taken.lock().expect("no poison").push(Taken { content, at: Instant::now() });
                say("250 taken")?;
            }
            _ => say("250 ok")?,
        }
    }
}
