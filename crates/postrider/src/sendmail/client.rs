//! A small SMTP client, for one message over a Unix socket.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use mail_types::{Address, Reply};
use smtp_core::data::Encoder;

use super::ending::Ending;

/// How long smtp-submission may take for one reply; it commits to disk before the last.
const PATIENCE: Duration = Duration::from_secs(300);
/// The longest line of a reply, in bytes.
const LINE_MAX: u64 = 4096;
/// Content is written in pieces of about this size, in bytes.
const PIECE: usize = 64 * 1024;

/// A conversation with smtp-submission.
pub(super) struct Client<'s> {
    input: BufReader<&'s UnixStream>,
    output: &'s UnixStream,
    /// What waits to be written.
    waiting: Vec<u8>,
    encoder: Encoder,
    extensions: Vec<String>,
}

impl<'s> Client<'s> {
    /// Says hello.
    pub(super) fn greet(socket: &'s UnixStream, host: &str) -> Result<Self, Ending> {
        let patient = socket
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| socket.set_write_timeout(Some(PATIENCE)));
        patient.map_err(Ending::Submission)?;
        let mut client = Self {
            input: BufReader::new(socket),
            output: socket,
            waiting: Vec::new(),
            encoder: Encoder::new(),
            extensions: Vec::new(),
        };
        client.expect(220, || "smtp-submission turned us away".to_owned())?;
        let hello = client.command(&format!("EHLO {host}"), 250)?;
        let names = hello.lines().iter().skip(1).map(|line| line.to_ascii_uppercase());
        client.extensions = names.collect();
        Ok(client)
    }

    /// Names sender and recipients; all of them must be taken.
    pub(super) fn envelope(
        &mut self,
        sender: Option<&Address>,
        recipients: &[Address],
    ) -> Result<(), Ending> {
        let offers = |name: &str| self.extensions.iter().any(|extension| extension == name);
        let mut parameters = String::new();
        if offers("8BITMIME") {
            parameters += " BODY=8BITMIME";
        }
        if offers("SMTPUTF8") && sender.into_iter().chain(recipients).any(Address::needs_smtputf8) {
            parameters += " SMTPUTF8";
        }
        let sender = sender.map(ToString::to_string).unwrap_or_default();
        self.command(&format!("MAIL FROM:<{sender}>{parameters}"), 250)?;
        for recipient in recipients {
            self.command(&format!("RCPT TO:<{recipient}>"), 250)?;
        }
        self.command("DATA", 354).map(drop)
    }

    /// Sends a piece of the content, whose lines end in CRLF.
    pub(super) fn content(&mut self, piece: &[u8]) -> Result<(), Ending> {
        self.encoder.encode(piece, &mut self.waiting);
        if self.waiting.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    /// Ends the content; well only if smtp-submission has taken it.
    pub(super) fn finish(mut self) -> Result<(), Ending> {
        std::mem::replace(&mut self.encoder, Encoder::new()).finish(&mut self.waiting);
        self.flush()?;
        self.expect(250, || "the message was not taken".to_owned())?;
        // It is smtp-submission's now, whatever becomes of the farewell.
        let _ = self.command("QUIT", 221);
        Ok(())
    }

    fn command(&mut self, line: &str, wanted: u16) -> Result<Reply, Ending> {
        self.waiting.extend_from_slice(line.as_bytes());
        self.waiting.extend_from_slice(b"\r\n");
        self.flush()?;
        self.expect(wanted, || line.to_owned())
    }

    fn flush(&mut self) -> Result<(), Ending> {
        self.output.write_all(&self.waiting).map_err(Ending::Submission)?;
        self.waiting.clear();
        Ok(())
    }

    fn expect(&mut self, wanted: u16, what: impl Fn() -> String) -> Result<Reply, Ending> {
        let reply = self.reply().map_err(Ending::Submission)?;
        if reply.code() == wanted {
            Ok(reply)
        } else {
            Err(Ending::Refused { what: what(), reply })
        }
    }

    /// Reads a reply: lines of `250-text`, the last of `250 text` (RFC 5321 §4.2.1).
    fn reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.input.by_ref().take(LINE_MAX).read_line(&mut line)?;
            if !line.ends_with('\n') {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            let (code, text) = line.split_at_checked(3).unwrap_or((line, ""));
            let code: u16 = code.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            match text.strip_prefix('-') {
                Some(text) => lines.push(text.to_owned()),
                None => {
                    lines.push(text.trim_start().to_owned());
                    return Ok(Reply::of_lines(code, None, lines));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::sendmail::content::Content;

    /// A server with fixed replies: one at once, one for each line, one for the content.
    fn converse(replies: &'static [&'static str]) -> (Result<(), Ending>, Vec<String>) {
        let (client, server) = UnixStream::pair().unwrap();
        let serving = thread::spawn(move || {
            let mut input = BufReader::new(&server);
            let (mut lines, mut in_content) = (Vec::new(), false);
            let mut replies = replies.iter();
            (&server).write_all(replies.next().unwrap().as_bytes()).unwrap();
            loop {
                let mut line = String::new();
                if input.read_line(&mut line).unwrap() == 0 {
                    return lines;
                }
                let ends_content = line == ".\r\n";
                lines.push(line.trim_end_matches("\r\n").to_owned());
                if in_content && !ends_content {
                    continue;
                }
                let Some(reply) = replies.next() else { return lines };
                in_content = reply.starts_with("354");
                (&server).write_all(reply.as_bytes()).unwrap();
            }
        });
        let sent = send_one(&client);
        drop(client);
        (sent, serving.join().unwrap())
    }

    fn send_one(socket: &UnixStream) -> Result<(), Ending> {
        let address = |text| Address::parse(text).unwrap();
        let mut input: &[u8] = b"Subject: x\n\n.dot\nlast\n.\nafter";
        let content = Content::begin(&mut input, true).unwrap();
        let mut client = Client::greet(socket, "mail.example")?;
        client.envelope(Some(&address("a@example.org")), &[address("b@example.org")])?;
        content.send(&mut client)?;
        client.finish()
    }

    #[test]
    fn a_message_goes_over() {
        let (sent, lines) = converse(&[
            "220 hello\r\n",
            "250-mail.example\r\n250-8BITMIME\r\n250 SIZE 1000\r\n",
            "250 2.1.0 ok\r\n",
            "250 2.1.5 ok\r\n",
            "354 go\r\n",
            "250 2.0.0 taken\r\n",
            "221 bye\r\n",
        ]);
        sent.unwrap();
        assert_eq!(
            lines,
            [
                "EHLO mail.example",
                "MAIL FROM:<a@example.org> BODY=8BITMIME",
                "RCPT TO:<b@example.org>",
                "DATA",
                "Subject: x",
                "",
                "..dot",
                "last",
                ".",
                "QUIT"
            ]
        );
    }

    #[test]
    fn refusals_and_disappearances_are_told_apart() {
        let code = |sent: Result<(), Ending>| format!("{:?}", sent.unwrap_err().code());
        let exit = |code: u8| format!("{:?}", std::process::ExitCode::from(code));
        let (refused, _) =
            converse(&["220 hello\r\n", "250 ok\r\n", "553 5.7.1 not your address\r\n"]);
        assert_eq!(code(refused), exit(69));
        let (later, _) = converse(&["421 4.3.2 too many\r\n"]);
        assert_eq!(code(later), exit(75));
        let (gone, _) = converse(&["220 hello\r\n", "250 ok\r\n"]);
        assert_eq!(code(gone), exit(75));
    }
}
