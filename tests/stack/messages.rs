//! Messages that the stories send, and what is left of them after the journey.

/// A short message whose subject says which one it is.
pub(crate) fn numbered(from: &str, to: &str, number: usize) -> Vec<u8> {
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: number {number}\r\nDate: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: <story-{number}@client.example>\r\n\r\nThis is message {number}.\r\n.a line that starts with a dot\r\n"
    )
    .into_bytes()
}

/// What stands below the trace fields that a server put in front: Return-Path, Delivered-To,
/// Received (RFC 5321 §4.4), each with its folded lines.
pub(crate) fn below_trace(message: &[u8]) -> &[u8] {
    let mut rest = message;
    loop {
        let ours = ["Return-Path:", "Delivered-To:", "Received:"].iter().any(|name| {
            rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        });
        // A message may bring a Received of its own; ours names this test's host.
        if !ours {
            return rest;
        }
        rest = after_field(rest);
    }
}

/// What follows the first field of a header.
pub(crate) fn after_field(message: &[u8]) -> &[u8] {
    let mut at = 0;
    loop {
        let Some(end) = message.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'\n'))
        else {
            return &[];
        };
        at += end + 1;
        if !matches!(message.get(at), Some(b' ' | b'\t')) {
            return message.get(at..).unwrap_or_default();
        }
    }
}

/// The subject of a message, as it stands in its header.
pub(crate) fn subject(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default().to_owned()
}
