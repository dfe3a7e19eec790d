//! One request and its response as a machine (RFC 9112): bytes in, bytes out, no I/O.
//!
//! The peer controls everything it reads. The head is bounded, the body is what the caller allows;
//! whatever is not plainly right is no response.

use std::time::Instant;

use conversation::{Machine, Notice, PeerFacts, Step, Upgraded, Wait, Wire};

use crate::Request;

/// The largest head of a response, of each that comes before the last too, in octets.
pub(crate) const HEAD_MAX: usize = 16 * 1024;
/// Most responses that only say that another will follow (RFC 9110 §15.2).
const INTERIM_MAX: usize = 8;
/// The longest line that says how long a chunk is, in octets.
const CHUNK_LINE_MAX: usize = 256;

/// What a server has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// The media type without its parameters, in lower case, if it was said.
    pub media_type: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why there is no response, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Malformed(&'static str),
    TooLarge,
}

#[derive(Debug)]
enum State {
    /// The request is not out.
    Begin,
    Head {
        interim: usize,
    },
    /// So much of the body is to come.
    Counted(usize),
    Chunks(Chunk),
    /// The body ends when the server closes (RFC 9112 §6.3).
    ToTheEnd,
    Over,
}

/// Where in a chunked body (RFC 9112 §7.1).
#[derive(Debug, Clone, Copy)]
enum Chunk {
    Size,
    Data(usize),
    /// The line end behind the data.
    DataEnd,
    /// After the last one: fields until an empty line.
    Trailer {
        seen: usize,
    },
}

/// The exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    request: Vec<u8>,
    body_max: usize,
    state: State,
    response: Option<Response>,
    fault: Option<Fault>,
}

/// Nothing is ever asked.
#[derive(Debug)]
pub(crate) enum NoQuestion {}

impl Exchange {
    pub(crate) fn new(request: Request) -> Self {
        Self {
            body_max: request.body_max,
            request: render(request),
            state: State::Begin,
            response: None,
            fault: None,
        }
    }

    /// After the connection has ended: what came. `orderly` if the server closed it as TLS has it
    /// done, so that nobody else can have cut it short.
    pub(crate) fn finish(self, orderly: bool) -> Result<Option<Response>, Fault> {
        match (self.fault, self.state) {
            (Some(fault), _) => Err(fault),
            (None, State::Over) => Ok(self.response),
            (None, State::ToTheEnd) if orderly => Ok(self.response),
            (None, _) => Ok(None),
        }
    }

    /// Goes on as far as it can; `Ok(false)` when there is not enough.
    fn read(&mut self, wire: &mut Wire) -> Result<bool, Fault> {
        match self.state {
            State::Begin => {
                wire.output.append(&mut self.request);
                self.state = State::Head { interim: 0 };
                Ok(true)
            }
            State::Head { interim } => self.read_head(interim, wire),
            State::Counted(left) => {
                let taken = self.take(left, wire)?;
                let left = left - taken;
                self.state = if left == 0 { State::Over } else { State::Counted(left) };
                Ok(left == 0)
            }
            State::ToTheEnd => {
                self.take(usize::MAX, wire)?;
                Ok(false)
            }
            State::Chunks(chunk) => self.read_chunk(chunk, wire),
            State::Over => Ok(false),
        }
    }

    fn read_head(&mut self, interim: usize, wire: &mut Wire) -> Result<bool, Fault> {
        let bytes = wire.input.bytes();
        let seen = bytes.get(..HEAD_MAX).unwrap_or(bytes);
        let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") else {
            return if bytes.len() >= HEAD_MAX { Err(Fault::TooLarge) } else { Ok(false) };
        };
        let head = Head::parse(seen.get(..end).unwrap_or_default())?;
        wire.input.consume(end + 4);
        if (100..200).contains(&head.status) {
            // 101 would be an answer to an upgrade that nobody asked for.
            if interim == INTERIM_MAX || head.status == 101 {
                return Err(Fault::Malformed("it says that more follows, again and again"));
            }
            self.state = State::Head { interim: interim + 1 };
            return Ok(true);
        }
        self.state = match (head.status, head.chunked, head.length) {
            // RFC 9110 §15.3.5, §15.4.5: these never have a body.
            (204 | 304, ..) | (_, false, Some(0)) => State::Over,
            (_, true, _) => State::Chunks(Chunk::Size),
            (_, false, Some(length)) if length > self.body_max => return Err(Fault::TooLarge),
            (_, false, Some(length)) => State::Counted(length),
            (_, false, None) => State::ToTheEnd,
        };
        let Head { status, media_type, .. } = head;
        self.response = Some(Response { status, media_type, body: Vec::new() });
        Ok(true)
    }

    fn read_chunk(&mut self, chunk: Chunk, wire: &mut Wire) -> Result<bool, Fault> {
        const BAD: Fault = Fault::Malformed("its chunks cannot be told apart");
        let next = match chunk {
            Chunk::Size => {
                let Some(line) = line(wire, CHUNK_LINE_MAX)? else { return Ok(false) };
                let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
                let digits = str::from_utf8(digits).map_err(|_| BAD)?.trim();
                let plain = !digits.is_empty() && digits.bytes().all(|d| d.is_ascii_hexdigit());
                match usize::from_str_radix(digits, 16) {
                    _ if !plain => return Err(BAD),
                    Ok(0) => Chunk::Trailer { seen: 0 },
                    Ok(size) => Chunk::Data(size),
                    Err(_) => return Err(Fault::TooLarge),
                }
            }
            Chunk::Data(left) => match left - self.take(left, wire)? {
                0 => Chunk::DataEnd,
                left => {
                    self.state = State::Chunks(Chunk::Data(left));
                    return Ok(false);
                }
            },
            Chunk::DataEnd => match line(wire, 2).map_err(|_| BAD)? {
                Some(rest) if rest.is_empty() => Chunk::Size,
                Some(_) => return Err(BAD),
                None => return Ok(false),
            },
            Chunk::Trailer { seen } => match line(wire, HEAD_MAX - seen)? {
                Some(rest) if rest.is_empty() => {
                    self.state = State::Over;
                    return Ok(true);
                }
                Some(field) => Chunk::Trailer { seen: (seen + field.len() + 2).min(HEAD_MAX) },
                None => return Ok(false),
            },
        };
        self.state = State::Chunks(next);
        Ok(true)
    }

    /// Takes at most so much into the body; returns how much it was.
    fn take(&mut self, most: usize, wire: &mut Wire) -> Result<usize, Fault> {
        let Some(response) = &mut self.response else { return Ok(0) };
        let bytes = wire.input.bytes();
        let piece = bytes.get(..most).unwrap_or(bytes);
        if response.body.len().saturating_add(piece.len()) > self.body_max {
            return Err(Fault::TooLarge);
        }
        response.body.extend_from_slice(piece);
        let taken = piece.len();
        wire.input.consume(taken);
        Ok(taken)
    }
}

impl Machine for Exchange {
    type Question = NoQuestion;

    fn opened(&mut self, _peer: &PeerFacts) {}

    fn step(&mut self, wire: &mut Wire, _now: Instant) -> Step<NoQuestion> {
        loop {
            match self.read(wire) {
                Err(fault) => {
                    self.fault = Some(fault);
                    return Step::Close;
                }
                Ok(_) if matches!(self.state, State::Over) => return Step::Close,
                Ok(true) => {}
                // The caller has one limit for the time of all of it.
                Ok(false) => return Step::Wait(Wait { until: None, news: false }),
            }
        }
    }

    fn upgraded(&mut self, _upgraded: Upgraded) {}

    fn notice(&mut self, notice: Notice) {
        if notice == Notice::Shutdown {
            self.fault.get_or_insert(Fault::Malformed("this server was stopped"));
            self.state = State::Over;
        }
    }
}

/// The next line without its end, taken away; nothing if it is not there yet.
fn line(wire: &mut Wire, most: usize) -> Result<Option<Vec<u8>>, Fault> {
    let bytes = wire.input.bytes();
    let seen = bytes.get(..most).unwrap_or(bytes);
    let Some(end) = seen.windows(2).position(|two| two == b"\r\n") else {
        return if bytes.len() >= most { Err(Fault::TooLarge) } else { Ok(None) };
    };
    let line = seen.get(..end).unwrap_or_default().to_vec();
    wire.input.consume(end + 2);
    Ok(Some(line))
}

fn render(request: Request) -> Vec<u8> {
    let target = request.target;
    let method = if request.content.is_some() { "POST" } else { "GET" };
    let mut text = format!(
        "{method} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: postrider\r\nAccept-Encoding: identity\r\n\
         Connection: close\r\n",
        target.path,
        target.authority(),
    );
    if let Some(content) = &request.content {
        let (media_type, length) = (content.media_type, content.octets.len());
        text.push_str(&format!("Content-Type: {media_type}\r\nContent-Length: {length}\r\n"));
    }
    text.push_str("\r\n");
    let mut octets = text.into_bytes();
    octets.extend(request.content.into_iter().flat_map(|content| content.octets));
    octets
}

/// What the head of a response says that matters here.
#[derive(Debug, Default)]
struct Head {
    status: u16,
    media_type: Option<String>,
    length: Option<usize>,
    chunked: bool,
}

impl Head {
    /// `status-line *( field-line CRLF )` (RFC 9112 §2.1, §4).
    fn parse(head: &[u8]) -> Result<Self, Fault> {
        const BAD: Fault = Fault::Malformed("its head cannot be understood");
        // Field values are octets; those that matter are ASCII.
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap_or_default();
        let status = status.strip_prefix("HTTP/1.").and_then(|rest| rest.get(1..)).ok_or(BAD)?;
        let status = status.strip_prefix(' ').ok_or(BAD)?;
        let code = status.split(' ').next().filter(|code| code.len() == 3).ok_or(BAD)?;
        let mut found = Self { status: code.parse().map_err(|_| BAD)?, ..Self::default() };
        if !(100..600).contains(&found.status) {
            return Err(BAD);
        }
        for line in lines {
            let (name, value) = line.split_once(':').ok_or(BAD)?;
            found.hear(&name.to_ascii_lowercase(), value.trim())?;
        }
        // RFC 9112 §6.3: both at once is somebody's attempt to be understood in two ways.
        if found.chunked && found.length.is_some() {
            return Err(Fault::Malformed("it says twice how long it is"));
        }
        Ok(found)
    }

    fn hear(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        match name {
            "content-length" => {
                let plain = !value.is_empty() && value.bytes().all(|d| d.is_ascii_digit());
                let length = value.parse().ok().filter(|_| plain);
                let length = length.ok_or(Fault::Malformed("its length is no number"))?;
                if self.length.is_some_and(|known| known != length) {
                    return Err(Fault::Malformed("it has two lengths"));
                }
                self.length = Some(length);
            }
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") && !self.chunked => {
                self.chunked = true;
            }
            "transfer-encoding" => {
                return Err(Fault::Malformed("it is encoded as nobody asked for"));
            }
            "content-encoding" if !value.eq_ignore_ascii_case("identity") => {
                return Err(Fault::Malformed("it is compressed, which nobody asked for"));
            }
            "content-type" => {
                let media_type = value.split(';').next().unwrap_or_default().trim();
                self.media_type = Some(media_type.to_ascii_lowercase());
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
