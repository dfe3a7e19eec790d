//! Content on its way into the queue: trace field, header fix-ups, loop check, all by pieces.
//!
//! The peer controls the content. Memory stays bounded at any size: the header editor keeps what
//! it needs of a few fields, the draft writes to its file in steps.

use mail_types::{Address, Domain, QueueId, Timestamp};
use message_queue::{Draft, NewRecipient, QueueError};
use mime_core::{
    fixup::{HeaderEditor, Progress, Seen},
    header::{date::DateTime, message_ids},
    structure::{Limits, Parser, Structure},
};
use smtp_core::{data::LineEnds, reply::Refusal};

use crate::{Decide, Fixups, Missing};

/// More Received fields than this, and the message goes round in circles (RFC 5321 §6.3 asks for
/// at least 100).
const RECEIVED_MAX: usize = 100;

/// What the header editor has passed on is written when it is more than this.
const STEP: usize = 64 * 1024;

/// A message that is coming in.
#[derive(Debug)]
pub(crate) struct Content {
    id: QueueId,
    draft: Draft,
    /// Makes lines of what has bare line ends, where that is tolerated.
    repair: Option<LineEnds>,
    /// Gone once the header has ended.
    editor: Option<HeaderEditor>,
    /// Parses along, if the structure will be wanted.
    parser: Option<Parser>,
    missing: Missing,
    host: Domain,
    now: Timestamp,
    facts: Facts,
}

/// What was learnt of a message on its way.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Without angle brackets.
    pub(crate) message_id: Option<String>,
    /// Octets above 127 in the header.
    pub(crate) header_eight_bit: bool,
    /// The header says that TLS is not required (RFC 8689 §3).
    pub(crate) tls_optional: bool,
    /// Octets above 127 anywhere.
    pub(crate) eight_bit: bool,
    /// What it is made of, if it was asked for.
    pub(crate) structure: Option<Structure>,
}

/// Why content is not taken.
#[derive(Debug)]
pub(crate) enum Trouble {
    Loop,
    /// The agent says so.
    Refused(Refusal),
    Queue(QueueError),
}

impl From<QueueError> for Trouble {
    fn from(error: QueueError) -> Self {
        Self::Queue(error)
    }
}

impl Content {
    /// A message of which nothing has come; `parse` if its structure will be wanted.
    pub(crate) fn new(
        draft: Draft,
        id: QueueId,
        fixups: &Fixups,
        parse: bool,
        (host, now): (Domain, Timestamp),
    ) -> Self {
        let editor = Some(HeaderEditor::new(fixups.dropped));
        let parser = parse.then(|| Parser::new(Limits::default()));
        let (missing, facts) = (fixups.missing.clone(), Facts::default());
        Self { id, draft, repair: None, editor, parser, missing, host, now, facts }
    }

    /// The same for content whose line ends may stand alone: each becomes CRLF.
    pub(crate) fn repairing(self) -> Self {
        Self { repair: Some(LineEnds::default()), ..self }
    }

    /// Begins with the trace field.
    pub(crate) async fn begin(&mut self, received: &str) -> Result<(), Trouble> {
        self.put(received.as_bytes()).await
    }

    /// Writes what the message will have.
    async fn put(&mut self, octets: &[u8]) -> Result<(), Trouble> {
        if let Some(parser) = &mut self.parser {
            parser.push(octets);
        }
        Ok(self.draft.write(octets).await?)
    }

    /// The name under which it will be queued.
    pub(crate) fn id(&self) -> QueueId {
        self.id
    }

    /// Takes a piece. Once the header is there, the agent judges it.
    pub(crate) async fn write<D: Decide>(
        &mut self,
        piece: &[u8],
        judge: (&mut D, &[NewRecipient]),
    ) -> Result<(), Trouble> {
        self.facts.eight_bit |= !piece.is_ascii();
        let mut repaired = Vec::new();
        let piece = match &mut self.repair {
            Some(line_ends) => {
                line_ends.repair(piece, &mut repaired);
                &repaired
            }
            None => piece,
        };
        self.take(piece, judge).await
    }

    async fn take<D: Decide>(
        &mut self,
        piece: &[u8],
        (decide, recipients): (&mut D, &[NewRecipient]),
    ) -> Result<(), Trouble> {
        let mut rest = piece;
        while let Some(editor) = &mut self.editor {
            let step = rest.len().min(STEP);
            let (part, behind) = rest.split_at(step);
            let mut out = Vec::new();
            match editor.push(part, &mut out) {
                Progress::Ended(length) => {
                    rest = rest.get(length..).unwrap_or_default();
                    self.end_header(out, (&mut *decide, recipients)).await?;
                }
                Progress::InHeader => {
                    self.put(&out).await?;
                    if behind.is_empty() {
                        return Ok(());
                    }
                    rest = behind;
                }
            }
        }
        self.put(rest).await
    }

    /// The content has ended: what can be queued, and what was learnt of it.
    pub(crate) async fn finish<D: Decide>(
        mut self,
        judge: (&mut D, &[NewRecipient]),
    ) -> Result<(Draft, Facts), Trouble> {
        if let Some(line_ends) = self.repair.take() {
            let mut last = Vec::new();
            line_ends.finish(&mut last);
            self.take(&last, (&mut *judge.0, judge.1)).await?;
        }
        let mut out = Vec::new();
        if let Some(editor) = &mut self.editor {
            editor.end_of_message(&mut out);
        }
        self.end_header(out, judge).await?;
        self.facts.structure = self.parser.take().map(Parser::finish);
        Ok((self.draft, self.facts))
    }

    /// Writes the rest of the header: what the editor passed on last, what is missing, the blank
    /// line.
    async fn end_header<D: Decide>(
        &mut self,
        mut out: Vec<u8>,
        (decide, recipients): (&mut D, &[NewRecipient]),
    ) -> Result<(), Trouble> {
        let Some(editor) = self.editor.take() else { return Ok(()) };
        if editor.seen().received > RECEIVED_MAX {
            return Err(Trouble::Loop);
        }
        let sender = decide.header(editor.seen(), recipients).await.map_err(Trouble::Refused)?;
        let mut missing = self.missing_fields(editor.seen());
        if let Some(sender) = sender {
            missing.push_str(&format!("Sender: {sender}\r\n"));
        }
        let seen = editor.finish(missing.as_bytes(), &mut out);
        self.facts.header_eight_bit = seen.eight_bit;
        self.facts.tls_optional = seen.tls_optional > 0;
        if self.facts.message_id.is_none() {
            self.facts.message_id = message_id(&seen);
        }
        self.put(&out).await
    }

    /// The lines that the header lacks.
    fn missing_fields(&mut self, seen: &Seen) -> String {
        let Missing::Added { from } = &self.missing else { return String::new() };
        let mut fields = String::new();
        if let (0, Some(from)) = (seen.from, from) {
            fields.push_str(&from_field(from));
        }
        if seen.destinations == 0 {
            fields.push_str("To: undisclosed-recipients:;\r\n");
        }
        if seen.date == 0 {
            let date = DateTime { at: self.now, offset_minutes: 0 }.render();
            fields.push_str(&format!("Date: {date}\r\n"));
        }
        if seen.message_id == 0 {
            let id = format!("{}@{}", self.id, self.host);
            fields.push_str(&format!("Message-ID: <{id}>\r\n"));
            self.facts.message_id = Some(id);
        }
        fields
    }
}

fn from_field(address: &Address) -> String {
    format!("From: {address}\r\n")
}

/// The Message-ID's content without its brackets, as one traces by it.
fn message_id(seen: &Seen) -> Option<String> {
    let ids = message_ids(seen.message_id_value.as_deref()?);
    let text = String::from_utf8_lossy(ids.first()?).into_owned();
    Some(text.trim_start_matches('<').trim_end_matches('>').to_owned())
}
