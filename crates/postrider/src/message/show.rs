//! `show`: the message as its reader should see it, for people and as JSON.

use mime_core::{
    header::{
        self,
        address::{AddressItem, Mailbox},
        message_ids,
    },
    reading::Numbered,
    text::decode_header,
};
use serde::Serialize;

use super::{
    Opened, fields,
    lint::{self, Finding},
    opened::{beside_the_text, section_of},
    placed::Placed,
    sizes,
    text::{self, PartText},
};
use crate::{printer, terminal, times};

/// So many defects are named below a message; `lint` names all.
const DEFECTS_SHOWN: usize = 5;
/// Of a report that is made to be read by programs, people see this much.
const REPORT_OCTETS_MAX: u64 = 64 * 1024;

/// For people.
pub(crate) fn shown(opened: &Opened, all_fields: bool) -> anyhow::Result<String> {
    let mut out = fields::shown(&opened.header, all_fields);
    let reading = opened.reading();
    for part in text::of_parts(opened, &reading.text)? {
        out += &text_block(&part);
    }
    let attachments = beside_the_text(&reading);
    for numbered in &attachments {
        out += &report_block(opened, numbered)?;
    }
    if !attachments.is_empty() {
        out += &rule("attachments");
        let rows = attachments.iter().map(|it| attachment_row(opened, it));
        for line in printer::columns(None, &rows.collect::<anyhow::Result<Vec<_>>>()?) {
            out += &line;
            out.push('\n');
        }
    }
    let findings = lint::findings(opened)?;
    if !findings.is_empty() {
        out += &rule("defects");
        for finding in findings.iter().take(DEFECTS_SHOWN) {
            out += &format!("{}\n", finding.in_one_line());
        }
        let more = findings.len().saturating_sub(DEFECTS_SHOWN);
        let more = if more > 0 { format!("and {more} more; ") } else { String::new() };
        out += &format!("({more}`postrider message lint` explains them)\n");
    }
    // Without a header it would begin with the empty line above the text.
    Ok(out.trim_start_matches('\n').to_owned())
}

/// `── text, part 1, EUC-KR ───────`
fn rule(title: &str) -> String {
    const COLUMNS: usize = 76;
    let title = format!("── {title} ");
    let filled = COLUMNS.saturating_sub(terminal::width(&title)).max(2);
    format!("\n{title}{}\n", "─".repeat(filled))
}

fn text_block(part: &PartText) -> String {
    let kind = if part.of_html { "text of the HTML" } else { "text" };
    let charset = match (&part.charset, part.guessed) {
        (Some(charset), false) => format!(", {charset}"),
        (Some(charset), true) => format!(", not {charset} as it says: guessed"),
        (None, true) => ", charset guessed".to_owned(),
        (None, false) => String::new(),
    };
    let title = format!("{kind}, part {}{charset}", part.section);
    let mut block = rule(&terminal::one_line(&title));
    let lines = terminal::lines(&part.text);
    // White space in front of the first line may be meant.
    let lines = lines.trim_start_matches('\n').trim_end();
    block += if lines.is_empty() { "(empty)" } else { lines };
    block.push('\n');
    if part.left_out > 0 {
        let left_out = sizes::size(part.left_out);
        block += &format!("… {left_out} more (`postrider message extract` writes all of it)\n");
    }
    block
}

/// What happened to a delivery, or to a message at its reader's: header-like text that a program
/// reads (RFC 3464 §2.1, RFC 8098 §3.1), and a person too when looking into a file.
fn report_block(opened: &Opened, numbered: &Numbered<'_>) -> anyhow::Result<String> {
    const REPORTS: [(&str, &str); 5] = [
        ("delivery-status", "delivery status"),
        ("global-delivery-status", "delivery status"),
        ("disposition-notification", "disposition notification"),
        ("global-disposition-notification", "disposition notification"),
        ("feedback-report", "feedback report"),
    ];
    let media_type = &numbered.part.media_type;
    let known = REPORTS.iter().find(|(subtype, _)| media_type.is("message", subtype));
    let Some((_, title)) = known else { return Ok(String::new()) };
    let range = numbered.part.body.clone();
    let end = range.end.min(range.start.saturating_add(REPORT_OCTETS_MAX));
    let mut octets = Vec::new();
    opened.decoded(range.start..end, numbered.encoding(), |piece| {
        octets.extend_from_slice(piece);
        Ok(())
    })?;
    let mut block = rule(&format!("{title}, part {}", section_of(numbered)));
    let text = mime_core::text::decode_octets(&octets, b"utf-8").text;
    let text = terminal::lines(&text);
    block += text.trim_matches('\n');
    block.push('\n');
    Ok(block)
}

fn attachment_row(opened: &Opened, numbered: &Numbered<'_>) -> anyhow::Result<[String; 4]> {
    let placed = Placed::of(numbered);
    let size = sizes::column(opened.decoded_size(numbered.part)?);
    let subject = || placed.inner_subject().map(|subject| format!("“{subject}”"));
    let name = placed.name().or_else(subject).unwrap_or_default();
    Ok([placed.section.clone(), placed.media_type(), size, name].map(|it| terminal::one_line(&it)))
}

/// For programs; what the message has not is not there.
#[derive(Serialize)]
pub(crate) struct Shown {
    headers: Headers,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    defects: Vec<lint::Described>,
    /// Octets of text parts that were left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    text_left_out: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Headers {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    from: Vec<Person>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sender: Vec<Person>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reply_to: Vec<Person>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<Person>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cc: Vec<Person>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bcc: Vec<Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
}

#[derive(Serialize)]
struct Person {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    address: String,
}

#[derive(Serialize)]
struct Attachment {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "type")]
    media_type: String,
    /// Decoded.
    size: u64,
}

/// For programs.
pub(crate) fn value(opened: &Opened) -> anyhow::Result<Shown> {
    let reading = opened.reading();
    let texts = text::of_parts(opened, &reading.text)?;
    let left_out = texts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.left_out));
    let attachment = |numbered: &Numbered<'_>| {
        let placed = Placed::of(numbered);
        let size = opened.decoded_size(numbered.part)?;
        Ok(Attachment { name: placed.name(), media_type: placed.media_type(), size })
    };
    let attachments = beside_the_text(&reading);
    let findings = lint::findings(opened)?;
    Ok(Shown {
        headers: headers(opened),
        text: text::joined(&texts),
        attachments: attachments.iter().map(attachment).collect::<anyhow::Result<_>>()?,
        defects: findings.iter().map(Finding::described).collect(),
        text_left_out: (left_out > 0).then_some(left_out),
    })
}

fn headers(opened: &Opened) -> Headers {
    let envelope = &opened.structure.envelope;
    let date = envelope.date.as_deref().and_then(header::date::DateTime::parse);
    Headers {
        subject: envelope.subject.as_deref().map(decode_header),
        from: persons(&envelope.from),
        sender: persons(&envelope.sender),
        reply_to: persons(&envelope.reply_to),
        to: persons(&envelope.to),
        cc: persons(&envelope.cc),
        bcc: persons(&envelope.bcc),
        date: date.and_then(times::with_offset),
        message_id: envelope.message_id.as_deref().and_then(message_id),
    }
}

fn persons(items: &[AddressItem]) -> Vec<Person> {
    let mailboxes = items.iter().filter_map(|item| match item {
        AddressItem::Mailbox(mailbox) => Some(mailbox),
        AddressItem::GroupStart(_) | AddressItem::GroupEnd => None,
    });
    let person = |it: &Mailbox| Person { name: fields::name(it), address: fields::address(it) };
    // `<>` is nobody.
    let is_nobody = |it: &Person| it.name.is_none() && it.address.is_empty();
    mailboxes.map(person).filter(|it| !is_nobody(it)).collect()
}

/// Without its angle brackets; what is no message id, as it stands.
fn message_id(value: &[u8]) -> Option<String> {
    let found = message_ids(value).into_iter().next();
    let id = found.as_deref().unwrap_or(value).trim_ascii();
    let bare = id.strip_prefix(b"<").and_then(|id| id.strip_suffix(b">")).unwrap_or(id);
    (!bare.is_empty()).then(|| String::from_utf8_lossy(bare).into_owned())
}
