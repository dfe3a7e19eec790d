//! What a next hop can carry, and what becomes of a message as it is made to fit.
//!
//! Whatever a host has not offered is either done without, by a change that loses nothing, or keeps
//! the message from that host ([`Misfit`]): another may offer it, and if none does, the message is
//! returned. Content is made 7-bit clean (RFC 6152 §3), headers are written in ASCII where that
//! says the same (RFC 6531 §3.2), binary parts are encoded (RFC 3030 §3); what is signed is not
//! touched. DSN parameters and priorities are left out by whoever speaks with the host.

use std::io;

use mail_types::{
    Address, BodyKind, DeliverBy, EnhancedStatus, Late, Outcome, Problem, ReversePath, Scope,
    Timestamp,
};
use message_queue::LeaseEntry;
use mime_core::{
    seven_bit::{Aim, Converter, Refused},
    smtputf8::{Reason, WithoutSmtputf8, eight_bit_headers},
    structure::Structure,
};
use smtp_client::Extensions;

use super::content::{self, Source, Unconvertible};

/// A host, as far as it decides what can go there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hop<'h> {
    /// What it offers.
    pub(super) offered: &'h Extensions,
    /// Whether it has proved who it is, with a name that nobody on the path could have chosen.
    pub(super) authentic: bool,
}

/// A content that fits.
pub(super) struct Fitted {
    pub(super) source: Source,
    pub(super) body: BodyKind,
    pub(super) smtputf8: bool,
}

/// Why a message does not go to this host.
#[derive(Debug)]
pub(super) enum Misfit {
    /// It can't carry the message as it must be carried; another may.
    Host(Problem),
    /// No host is to blame.
    Message(Outcome),
}

/// Makes a message fit; `head` stands before its content.
pub(super) async fn fit(
    entry: &LeaseEntry,
    reverse_path: &ReversePath,
    recipients: &[&Address],
    head: Vec<u8>,
    hop: Hop<'_>,
    now: Timestamp,
) -> Result<Fitted, Misfit> {
    let offered = hop.offered;
    // RFC 8689 §4.2.1: what comes back to its sender may come back without.
    if entry.handling.require_tls && reverse_path.address().is_some() {
        secured(hop)?;
    }
    if let Some(by) = &entry.handling.deliver_by {
        in_time(by, offered, now)?;
    }
    let envelope: Vec<&Address> =
        reverse_path.address().into_iter().chain(recipients.iter().copied()).collect();
    let international = entry.smtputf8 || envelope.iter().any(|one| one.needs_smtputf8());
    let in_ascii = international && !(offered.smtputf8 && offered.eight_bit_mime);
    let mut fitted = Fitted {
        source: Source::plain(head, entry.content.clone()),
        body: entry.body,
        smtputf8: international && !in_ascii,
    };
    let aim = aim(entry.body, offered);
    if in_ascii || aim.is_some() {
        let structure = content::structure(&entry.content).await.map_err(unreadable)?;
        let rewrite = in_ascii && written_in_ascii(entry, &structure, &envelope).await?;
        let aim = match entry.body {
            BodyKind::BinaryMime if rewrite => Some(Aim::SevenBitLines),
            _ if rewrite => Some(Aim::SevenBit),
            _ => aim,
        };
        if let Some(aim) = aim {
            if is_sealed(&structure, aim) {
                return Err(cannot_change(Refused::Signed));
            }
            let (head, content) = (fitted.source.into_head(), entry.content.clone());
            let converted = Source::converted(head, content, &structure, aim).await;
            fitted.source = converted.map_err(unconvertible)?;
            let lines = aim == Aim::Lines;
            fitted.body = if lines { BodyKind::EightBitMime } else { BodyKind::SevenBit };
        }
    }
    // RFC 1870 §6.1: what is over the fixed limit need not be tried.
    if offered.size.flatten().is_some_and(|limit| fitted.source.size() > limit) {
        return Err(misfit(5, 3, 4, "the message is larger than the server takes"));
    }
    Ok(fitted)
}

/// What content of this kind must become for the server; nothing if it takes it as it is.
fn aim(body: BodyKind, offered: &Extensions) -> Option<Aim> {
    match body {
        BodyKind::SevenBit => None,
        BodyKind::EightBitMime => (!offered.eight_bit_mime).then_some(Aim::SevenBit),
        // RFC 3030 §3: DATA carries no binary content, even where 8-bit is welcome.
        BodyKind::BinaryMime if offered.binary_mime && offered.chunking => None,
        BodyKind::BinaryMime if offered.eight_bit_mime => Some(Aim::Lines),
        BodyKind::BinaryMime => Some(Aim::SevenBitLines),
    }
}

/// Whether a domain's signature (RFC 6376) covers what would have to change. The converter makes
/// lines of what is binary regardless, for those who must keep it; this one can return it.
fn is_sealed(structure: &Structure, aim: Aim) -> bool {
    let to_lines = aim != Aim::SevenBit && Converter::makes_lines(structure);
    let to_seven_bit = aim == Aim::SevenBitLines && Converter::needed(structure);
    structure.dkim_signed && (to_lines || to_seven_bit)
}

/// Whether the headers must be written in ASCII, for a host without SMTPUTF8; an error if something
/// can't be (RFC 6531 §3.2).
async fn written_in_ascii(
    entry: &LeaseEntry,
    structure: &Structure,
    envelope: &[&Address],
) -> Result<bool, Misfit> {
    let mut headers = Vec::new();
    for range in eight_bit_headers(structure) {
        headers.push(content::range(&entry.content, range).await.map_err(unreadable)?);
    }
    let (envelope, headers) = (envelope.iter().copied(), headers.iter().map(Vec::as_slice));
    match WithoutSmtputf8::of(structure, envelope, headers) {
        WithoutSmtputf8::AsItIs => Ok(false),
        WithoutSmtputf8::Converted => Ok(true),
        WithoutSmtputf8::Never(reasons) => {
            // RFC 6531 §3.6: X.6.7 is about addresses of the envelope, X.6.9 about headers.
            let detail = match reasons.first() {
                Some(Reason::Envelope(_)) => 7,
                _ => 9,
            };
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            let text = format!(
                "the server takes no internationalized mail (SMTPUTF8), and {}",
                reasons.join("; ")
            );
            Err(misfit(5, 6, detail, text))
        }
    }
}

/// RFC 8689 §4.2.1.
fn secured(hop: Hop<'_>) -> Result<(), Misfit> {
    if !hop.authentic {
        return Err(misfit(5, 7, 10, "the sender requires TLS with a server that proves its name"));
    }
    if !hop.offered.require_tls {
        let text = "the sender requires TLS all the way, which the server does not support";
        return Err(misfit(5, 7, 30, text));
    }
    Ok(())
}

/// RFC 2852 §4.1.4.1: what must be returned when it is late goes only where that is known, and
/// where the time is long enough.
fn in_time(by: &DeliverBy, offered: &Extensions, now: Timestamp) -> Result<(), Misfit> {
    if by.late != Late::Return {
        return Ok(());
    }
    let Some(least) = offered.deliver_by else {
        return Err(misfit(5, 4, 7, "the server keeps no delivery times (DELIVERBY)"));
    };
    let left = by.at.since(now).as_secs();
    if left < least.unwrap_or(1).max(1) {
        return Err(misfit(5, 4, 7, "the server cannot deliver within the time that is left"));
    }
    Ok(())
}

fn misfit(class: u8, subject: u16, detail: u16, text: impl Into<String>) -> Misfit {
    let status = EnhancedStatus::new(class, subject, detail);
    Misfit::Host(Problem::new(status, Scope::Message, text))
}

fn unreadable(error: io::Error) -> Misfit {
    let status = EnhancedStatus::new(4, 3, 0);
    let text = format!("the message could not be read here: {error}");
    Misfit::Message(Outcome::Deferred(Problem::new(status, Scope::Message, text)))
}

fn unconvertible(why: Unconvertible) -> Misfit {
    match why {
        Unconvertible::Refused(refused) => cannot_change(refused),
        Unconvertible::Unreadable(error) => unreadable(error),
    }
}

/// RFC 3463 §3.7, X.6.3: conversion required but not supported.
fn cannot_change(refused: Refused) -> Misfit {
    misfit(5, 6, 3, format!("the server takes 7-bit content only, and {refused}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_all_the_way_needs_a_name_and_the_extension() {
        // RFC 8689 §4.2.1
        let knows = Extensions { require_tls: true, ..Extensions::default() };
        let status = |offered: &Extensions, authentic| match secured(Hop { offered, authentic }) {
            Err(Misfit::Host(problem)) => problem.status.to_string(),
            Err(Misfit::Message(outcome)) => format!("{outcome:?}"),
            Ok(()) => "fine".to_owned(),
        };
        assert_eq!(status(&knows, true), "fine");
        assert_eq!(status(&knows, false), "5.7.10");
        assert_eq!(status(&Extensions::default(), true), "5.7.30");
    }
}
