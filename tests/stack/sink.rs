//! Another mail server, as small as can be: it takes everything, or answers each recipient as told.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A running one; its threads end with the process.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// The recipients of what was taken.
    taken: Vec<String>,
    /// What each RCPT hears; 250 if nothing is said.
    says: Option<&'static str>,
}

impl Sink {
    pub(crate) fn start(ip: &str) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                thread::spawn(move || converse(&stream, &seen));
            }
        });
        Self { address, seen }
    }

    /// From now on each recipient hears this; nothing: 250.
    pub(crate) fn says(&self, reply: Option<&'static str>) {
        self.seen.lock().expect("no poison").says = reply;
    }

    /// The recipients of what was taken so far.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.seen.lock().expect("no poison").taken.clone()
    }
}

fn converse(stream: &TcpStream, seen: &Mutex<Seen>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut writer = stream;
    let mut say = |reply: &str| writer.write_all(format!("{reply}\r\n").as_bytes()).is_ok();
    if !say("220 sink ready") {
        return;
    }
    let mut to = Vec::new();
    while let Some(line) = lines.next() {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let reply = match verb.as_str() {
            "RCPT" => match seen.lock().expect("no poison").says {
                None => {
                    let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                    to.push(address.to_owned());
                    "250 ok"
                }
                Some(reply) => reply,
            },
            "DATA" if to.is_empty() => "503 nobody",
            "DATA" => {
                say("354 go on");
                let _ = lines.by_ref().find(|line| line == ".");
                seen.lock().expect("no poison").taken.append(&mut to);
                "250 taken"
            }
            "RSET" => {
                to.clear();
                "250 ok"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        if !say(reply) || verb == "QUIT" {
            return;
        }
    }
}
