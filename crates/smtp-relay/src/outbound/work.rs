//! One lease on its way: its recipients in transactions, and what each came to.

use std::collections::VecDeque;

use mail_types::{BodyKind, EnhancedStatus, Outcome, Problem, Scope};
use message_queue::{Lease, conclude::Ended, report::What};
use smtp_client::{Extensions, Message, Outgoing, Recipient, Report};

use super::content::{Source, Unconvertible};

/// Recipients of one transaction: what RFC 5321 §4.5.3.1.8 has every server take.
const RECIPIENTS_MAX: usize = 100;

/// A lease that is being worked on.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) lease: Lease,
    /// Places of recipients that share a transaction and were not tried yet.
    pending: VecDeque<Vec<usize>>,
    /// Those of the transaction that is going on.
    sending: Vec<usize>,
    /// What came of the others.
    pub(super) ends: Vec<Ended>,
}

impl Work {
    /// Recipients share a transaction when the envelope and the first header lines are the same
    /// for them.
    pub(super) fn of(lease: Lease) -> Self {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (place, recipient) in lease.recipients.iter().enumerate() {
            let fits = |group: &&mut Vec<usize>| {
                let first = group.first().and_then(|first| lease.recipients.get(*first));
                group.len() < RECIPIENTS_MAX
                    && first.is_some_and(|first| {
                        first.reverse_path == recipient.reverse_path && first.head == recipient.head
                    })
            };
            match groups.iter_mut().find(fits) {
                Some(group) => group.push(place),
                None => groups.push(vec![place]),
            }
        }
        Self { lease, pending: groups.into(), sending: Vec::new(), ends: Vec::new() }
    }

    /// The next transaction; nothing once all recipients have been tried.
    pub(super) async fn next(&mut self, offered: &Extensions) -> Option<Outgoing<Source>> {
        while let Some(group) = self.pending.pop_front() {
            match self.outgoing(&group, offered).await {
                Ok(outgoing) => {
                    self.sending = group;
                    return Some(outgoing);
                }
                Err(outcome) => self.end(&group, &outcome),
            }
        }
        None
    }

    /// Takes the report of the transaction. Recipients whose host failed are for the next host.
    pub(super) fn done(&mut self, report: Report) {
        let mut again = Vec::new();
        let sending = std::mem::take(&mut self.sending);
        let tls = report.tls.map(|tls| {
            let certificate = if tls.verified { "verified" } else { "not verified" };
            format!("{} {}, certificate {certificate}", tls.version, tls.cipher)
        });
        for (place, (number, outcome)) in sending.into_iter().zip(report.outcomes) {
            match with_tls(outcome, tls.as_deref()) {
                Outcome::Deferred(problem) if problem.scope == Scope::Host => again.push(place),
                outcome => {
                    // RFC 3461 §5.2.2: who passes it to a host without DSN says "relayed" himself.
                    let on_success = (!report.dsn_passed_on).then_some(What::Relayed);
                    self.ends.push(Ended { number, outcome, on_success });
                }
            }
        }
        if !again.is_empty() {
            self.pending.push_front(again);
        }
    }

    /// Whether all its recipients were held for this very reason when they were last decided
    /// about: to be here, they must have been released since.
    pub(super) fn was_held_for(&self, reason: &str) -> bool {
        let recipients = &self.lease.recipients;
        recipients.iter().all(|recipient| recipient.last_problem.as_deref() == Some(reason))
    }

    /// Whether somebody was not decided about yet.
    pub(super) fn is_open(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Gives everybody who is left this outcome.
    pub(super) fn end_rest(&mut self, outcome: &Outcome) {
        for group in std::mem::take(&mut self.pending) {
            self.end(&group, outcome);
        }
    }

    fn end(&mut self, group: &[usize], outcome: &Outcome) {
        for recipient in group.iter().filter_map(|place| self.lease.recipients.get(*place)) {
            let (number, outcome) = (recipient.number, outcome.clone());
            self.ends.push(Ended { number, outcome, on_success: Some(What::Relayed) });
        }
    }

    async fn outgoing(
        &self,
        group: &[usize],
        offered: &Extensions,
    ) -> Result<Outgoing<Source>, Outcome> {
        let entry = &self.lease.entry;
        let all = || group.iter().filter_map(|place| self.lease.recipients.get(*place));
        let first = all().next();
        let head = first.map(|recipient| recipient.head.clone()).unwrap_or_default();
        let reverse_path =
            first.map_or(&entry.reverse_path, |recipient| &recipient.reverse_path).clone();
        // DATA carries no binary content, even where 8-bit is welcome (RFC 3030 §3).
        let convert = match entry.body {
            BodyKind::SevenBit => false,
            BodyKind::EightBitMime => !offered.eight_bit_mime,
            BodyKind::BinaryMime => true,
        };
        let (content, body) = match convert {
            false => (Source::plain(head, entry.content.clone()), entry.body),
            true => {
                let converted = Source::seven_bit(head, entry.content.clone()).await;
                (converted.map_err(unconvertible)?, BodyKind::SevenBit)
            }
        };
        let recipients: Vec<Recipient> = all()
            .map(|recipient| Recipient {
                number: recipient.number,
                address: recipient.address.clone(),
                notify: recipient.notify,
                original: recipient.original.clone(),
            })
            .collect();
        let smtputf8 = entry.smtputf8
            || reverse_path.address().is_some_and(|address| address.needs_smtputf8())
            || recipients.iter().any(|recipient| recipient.address.needs_smtputf8());
        let message = Message {
            reverse_path,
            recipients,
            size: content.size(),
            body,
            smtputf8,
            ret: entry.ret,
            envid: entry.envid.clone(),
        };
        Ok(Outgoing { message, content })
    }
}

/// The journey says how a message was protected on its way.
fn with_tls(outcome: Outcome, tls: Option<&str>) -> Outcome {
    match (outcome, tls) {
        (Outcome::Delivered { by, reply }, Some(tls)) => {
            Outcome::Delivered { by: format!("{by} ({tls})"), reply }
        }
        (outcome, _) => outcome,
    }
}

fn unconvertible(why: Unconvertible) -> Outcome {
    let problem = |status, text| Problem::new(status, Scope::Message, text);
    match why {
        // RFC 3463 §3.7, X.6.3: conversion required but not supported.
        Unconvertible::Refused(refused) => Outcome::Failed(problem(
            EnhancedStatus::new(5, 6, 3),
            format!("the next server takes 7-bit content only, and {refused}"),
        )),
        Unconvertible::Unreadable(error) => Outcome::Deferred(problem(
            EnhancedStatus::new(4, 3, 0),
            format!("the message could not be read here: {error}"),
        )),
    }
}
