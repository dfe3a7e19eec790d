//! Notifications (DSNs) about settled recipients, written once for all consumers.
//!
//! [`due`] says which notifications outcomes cause (RFC 3461 §5.2); the consumer routes each, and
//! [`write()`] makes it: with a null reverse-path, so that it never causes another one (RFC 3464 §2,
//! RFC 5321 §4.5.5).

use mail_types::{
    Address, Domain, DsnReturn, EnhancedStatus, Handling, Outcome, RecipientNumber, ReversePath,
    Timestamp,
};
use mime_core::report::{Action, Built, DeliveryReport, Language, RecipientReport, Returned};

use crate::{
    Content, Draft, Lease, LeaseRecipient, NewEntry, NewRecipient, Notification, Origin, Queue,
    QueueError, chance, term,
};

/// The most of a header that is looked at and returned.
const HEADER_MAX: usize = 128 * 1024;
/// The largest content that is returned whole, in octets; of a larger one only the header is.
const FULL_MAX: u64 = 1 << 20;
/// What is read at a time.
const PIECE: usize = 128 * 1024;

/// What notifications are like.
#[derive(Debug, Clone, Copy)]
pub struct Notices {
    /// The languages in which they explain themselves, at least one.
    pub languages: &'static [Language],
    /// Whether the postmaster is told of notifications that cannot be delivered.
    pub double_bounces: bool,
}

impl Default for Notices {
    fn default() -> Self {
        Self { languages: &[Language::English], double_bounces: false }
    }
}

/// Who reports, and how.
#[derive(Debug, Clone, Copy)]
pub struct Reporter<'a> {
    /// This host.
    pub host: &'a Domain,
    /// The languages of the explanation.
    pub languages: &'a [Language],
}

impl<'a> From<&'a Domain> for Reporter<'a> {
    fn from(host: &'a Domain) -> Self {
        Self { host, languages: Notices::default().languages }
    }
}

/// What is reported of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Which.
    pub number: RecipientNumber,
    /// What happened.
    pub what: What,
    /// How the last attempt ended.
    pub outcome: Outcome,
}

/// What happened to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is given up.
    Failed,
    /// It is late, and tried on until that time.
    Delayed(Timestamp),
    /// The time is over by which its sender wanted it delivered; it is tried on until that time
    /// (RFC 2852 §4.1.3).
    Overdue(Timestamp),
    /// It is in the mailbox.
    Delivered,
    /// It was passed to a host that will not report.
    Relayed,
    /// It was passed to the members of an alias, about whom nothing is reported (RFC 3461 §5.2.7.3).
    Expanded,
}

/// A notification that is due: to whom, and about what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Where it goes: route it.
    pub to: To,
    reported: Vec<Reported>,
}

/// To whom a notification goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// A reverse-path.
    Sender(Address),
    /// This host's postmaster: it is about a notification that cannot be delivered.
    Postmaster,
}

impl std::fmt::Display for To {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sender(address) => address.fmt(f),
            Self::Postmaster => f.write_str("postmaster"),
        }
    }
}

impl Due {
    /// The recipients of whom it tells that they are late.
    pub fn delayed(&self) -> impl Iterator<Item = RecipientNumber> + '_ {
        let late = |reported: &&Reported| matches!(reported.what, What::Delayed(_));
        self.reported.iter().filter(late).map(|reported| reported.number)
    }

    /// Everybody of whom it tells.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = RecipientNumber> + '_ {
        self.reported.iter().map(|reported| reported.number)
    }

    /// Whether it tells of this recipient.
    pub(crate) fn tells_of(&self, number: RecipientNumber) -> bool {
        self.numbers().any(|told| told == number)
    }
}

/// The agent that a notification to the postmaster has come from, in its origin.
const DOUBLE_BOUNCE: &str = "double bounce";

/// The notifications that are due: one for each reverse-path, none for the null one, and only
/// what NOTIFY asks for (RFC 3461 §4.1). With `double_bounces`, one to the postmaster about what
/// has no sender and failed, unless it was one to the postmaster itself.
pub fn due(lease: &Lease, reported: &[Reported], double_bounces: bool) -> Vec<Due> {
    let to_postmaster = double_bounces && lease.entry.origin.agent != DOUBLE_BOUNCE;
    let mut all: Vec<Due> = Vec::new();
    for one in reported {
        let Some(recipient) = find(lease, one.number) else { continue };
        let wanted = match one.what {
            What::Failed => recipient.notify.failure,
            What::Delayed(_) => recipient.notify.delay && !recipient.delay_told,
            What::Overdue(_) => recipient.notify.delay && !recipient.overdue_told,
            What::Delivered | What::Relayed | What::Expanded => recipient.notify.success,
        };
        let to = match &recipient.reverse_path {
            ReversePath::Address(to) => To::Sender(to.clone()),
            ReversePath::Null if to_postmaster && one.what == What::Failed => To::Postmaster,
            ReversePath::Null => continue,
        };
        if !wanted {
            continue;
        }
        match all.iter_mut().find(|due| due.to == to) {
            Some(due) => due.reported.push(one.clone()),
            None => all.push(Due { to, reported: vec![one.clone()] }),
        }
    }
    all
}

/// Writes a notification that is due. `recipients` is where its address leads, as the directory
/// says; `reporting_mta` is this host.
pub async fn write<'a>(
    queue: &Queue,
    lease: &Lease,
    due: &Due,
    recipients: Vec<NewRecipient>,
    by: impl Into<Reporter<'a>>,
    now: Timestamp,
) -> Result<Notification, QueueError> {
    let Reporter { host: reporting_mta, languages } = by.into();
    let to = addressee(due, &recipients, reporting_mta)?;
    let id = queue.new_id(now);
    let content = &lease.entry.content;
    let wants_full = wants_full(lease, due) && content.len() <= FULL_MAX;
    let Original { header, full, eight_bit } =
        original(content, wants_full).await.unwrap_or_else(|error| {
            // Whoever sent it hears of it all the same: RFC 3464 §2 has the original optional.
            tracing::error!(queue_id = %lease.entry.id, %error, "a message cannot be read to be returned");
            Original::default()
        });
    let message_id = format!("{id}@{reporting_mta}");
    let built = {
        let rows: Vec<_> = due.reported.iter().filter_map(|one| row(lease, one, now)).collect();
        let report = DeliveryReport {
            reporting_mta,
            to: &to,
            date: now,
            message_id: &message_id,
            boundary: &chance::spool_name(),
            envelope_id: lease.entry.envid.as_deref(),
            arrival: lease.entry.queued_at,
            deliver_by: lease.entry.handling.deliver_by.map(|by| by.at),
            hold_request: lease.entry.handling.hold_request.as_deref(),
            languages,
            recipients: &rows,
        };
        report.build(if full {
            Returned::Full { header: &header, eight_bit: eight_bit || !header.is_ascii() }
        } else {
            Returned::Headers(&header)
        })
    };
    let mut draft = queue.draft();
    draft.write(&built.head).await?;
    if full {
        copy(content, &mut draft).await?;
    }
    draft.write(&built.tail).await?;
    let mut entry = envelope(lease, &built, id, message_id, recipients);
    if due.to == To::Postmaster {
        DOUBLE_BOUNCE.clone_into(&mut entry.origin.agent);
    }
    Ok(Notification { entry, content: draft.seal().await? })
}

/// Whom its header names.
fn addressee(due: &Due, recipients: &[NewRecipient], host: &Domain) -> Result<Address, QueueError> {
    let first = || recipients.first().map(|first| first.address.clone());
    match &due.to {
        To::Sender(to) => Ok(to.clone()),
        To::Postmaster => {
            let postmaster = Address::parse(&format!("postmaster@{host}")).ok();
            postmaster.or_else(first).ok_or(QueueError::NoRecipient)
        }
    }
}

fn envelope(
    lease: &Lease,
    built: &Built,
    id: mail_types::QueueId,
    message_id: String,
    recipients: Vec<NewRecipient>,
) -> NewEntry {
    use mail_types::BodyKind;
    NewEntry {
        id: Some(id),
        reverse_path: ReversePath::Null,
        account: None,
        body: match (built.eight_bit, lease.entry.body) {
            (true, BodyKind::BinaryMime) => BodyKind::BinaryMime,
            (true, _) => BodyKind::EightBitMime,
            (false, _) => BodyKind::SevenBit,
        },
        smtputf8: built.smtputf8,
        ret: None,
        envid: None,
        // RFC 6710 §4.6, RFC 8689 §5: what was asked of the message is asked of its report.
        handling: Handling {
            priority: lease.entry.handling.priority,
            require_tls: lease.entry.handling.require_tls,
            ..Handling::default()
        },
        origin: Origin {
            agent: "notification".to_owned(),
            protocol: Some(format!("about {}", lease.entry.id)),
            ..Origin::default()
        },
        message_id: Some(message_id),
        recipients,
    }
}

fn find(lease: &Lease, number: RecipientNumber) -> Option<&LeaseRecipient> {
    lease.recipients.iter().find(|recipient| recipient.number == number)
}

/// RET counts for failures only (RFC 3461 §4.3); without it the header is enough to know the
/// message by. What had to travel under TLS is not told to whoever gets its report (RFC 8689 §5).
fn wants_full(lease: &Lease, due: &Due) -> bool {
    lease.entry.ret == Some(DsnReturn::Full)
        && !lease.entry.handling.require_tls
        && due.reported.iter().any(|reported| reported.what == What::Failed)
}

fn row<'a>(lease: &'a Lease, one: &'a Reported, now: Timestamp) -> Option<RecipientReport<'a>> {
    let recipient = find(lease, one.number)?;
    let (status, text, remote_mta, reply) = match &one.outcome {
        Outcome::Delivered { by, reply } => {
            let status = reply.status().unwrap_or(EnhancedStatus::new(2, 0, 0));
            (status, "", Some(by.as_str()), Some(reply))
        }
        Outcome::Deferred(problem) | Outcome::Failed(problem) => {
            (problem.status, problem.text.as_str(), problem.host.as_deref(), problem.reply.as_ref())
        }
    };
    // RFC 3464 §2.3.4: the class agrees with the action. What is given up after days of 4xx is a
    // 5 to its sender.
    let (action, class) = match one.what {
        What::Failed => (Action::Failed, 5),
        What::Delayed(until) | What::Overdue(until) => (Action::Delayed(Some(until)), 4),
        What::Delivered => (Action::Delivered, 2),
        What::Relayed => (Action::Relayed, 2),
        What::Expanded => (Action::Expanded, 2),
    };
    let here = matches!(one.what, What::Delivered | What::Expanded);
    Some(RecipientReport {
        address: &recipient.address,
        original: recipient.original.as_ref(),
        action,
        status: match one.what {
            What::Overdue(_) => term::expired(class),
            _ => status.with_class(class),
        },
        text,
        remote_mta: remote_mta.filter(|_| !here),
        reply: reply.filter(|_| !here),
        last_attempt: Some(now),
    })
}

/// What is returned of a message.
#[derive(Debug, Default)]
struct Original {
    header: Vec<u8>,
    /// Whether all of it is.
    full: bool,
    eight_bit: bool,
}

async fn original(content: &Content, full: bool) -> Result<Original, QueueError> {
    let (header, header_len) = header(content).await?;
    // It is read to its end before anything of it is written.
    let eight_bit = full && has_eight_bit(content, header_len).await?;
    Ok(Original { header, full, eight_bit })
}

/// The header with the blank line, and its length; cut at the limit.
async fn header(content: &Content) -> Result<(Vec<u8>, u64), QueueError> {
    let mut header = content.read_at(0, HEADER_MAX).await?;
    let length = mime_core::header::header_length(&header);
    if length < header.len() {
        header.truncate(length);
    } else if header.len() == HEADER_MAX {
        // A header beyond the limit, or none at all: up to the last whole line.
        let end = header.windows(2).rposition(|octets| octets == b"\r\n");
        header.truncate(end.map_or(0, |end| end.saturating_add(2)));
    }
    let len = header.len() as u64;
    Ok((header, len))
}

async fn has_eight_bit(content: &Content, from: u64) -> Result<bool, QueueError> {
    let mut at = from;
    loop {
        let piece = content.read_at(at, PIECE).await?;
        if piece.is_empty() {
            return Ok(false);
        }
        if !piece.is_ascii() {
            return Ok(true);
        }
        at = at.saturating_add(piece.len() as u64);
    }
}

async fn copy(content: &Content, draft: &mut Draft) -> Result<(), QueueError> {
    let mut at = 0u64;
    loop {
        let piece = content.read_at(at, PIECE).await?;
        if piece.is_empty() {
            return Ok(());
        }
        draft.write(&piece).await?;
        at = at.saturating_add(piece.len() as u64);
    }
}
