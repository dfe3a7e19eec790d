//! What of entries and recipients no question is asked about, as it stands in a column: JSON with
//! a version beside it.
//!
//! A program reads the versions that it knows; an entry of another one is set aside, not lost.

use mail_types::{
    AccountId, Address, BodyKind, DeliverBy, DsnReturn, FlagSet, Handling, Keyword, Late,
    MailboxName, Malformed, Notify, OriginalRecipient, Priority, ReversePath, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{Expanded, FileInto, NewEntry, NewRecipient, Origin};

/// The version that is written, and the only one that is read so far.
pub(crate) const VERSION: i64 = 1;

/// Of an entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryFacts {
    /// 7, 8 or 0 for binary.
    body: u8,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) smtputf8: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    ret_full: Option<bool>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) envid: Option<String>,
    pub(crate) origin: Origin,
    /// Empty for the null path.
    #[serde(default, skip_serializing_if = "is_default")]
    submitter: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    deliver_by: Option<DeliverByFacts>,
    #[serde(default, skip_serializing_if = "is_default")]
    priority: i8,
    #[serde(default, skip_serializing_if = "is_default")]
    require_tls: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    tls_optional: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    hold_request: Option<String>,
}

/// By when an entry is to be delivered.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliverByFacts {
    at: i64,
    /// Too late, it is returned; otherwise its sender is told.
    returned: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    trace: bool,
}

/// Of a recipient.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecipientFacts {
    notify: u8,
    #[serde(default, skip_serializing_if = "is_default")]
    original: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    reverse_path: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    account: Option<i64>,
    #[serde(default, skip_serializing_if = "is_default")]
    mailbox: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    or_inbox: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    flags: u8,
    #[serde(default, skip_serializing_if = "is_default")]
    keywords: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    list: Option<String>,
    /// Until when its sender has it held.
    #[serde(default, skip_serializing_if = "is_default")]
    not_before: Option<i64>,
    /// 1 for an alias, 2 for a list.
    #[serde(default, skip_serializing_if = "is_default")]
    expanded: u8,
    /// In hexadecimal digits: header lines may hold any octets.
    #[serde(default, skip_serializing_if = "is_default")]
    head: String,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl EntryFacts {
    pub(crate) fn of(entry: &NewEntry) -> Self {
        let handling = &entry.handling;
        Self {
            body: match entry.body {
                BodyKind::SevenBit => 7,
                BodyKind::EightBitMime => 8,
                BodyKind::BinaryMime => 0,
            },
            smtputf8: entry.smtputf8,
            ret_full: entry.ret.map(|ret| ret == DsnReturn::Full),
            envid: entry.envid.clone(),
            origin: entry.origin.clone(),
            submitter: handling.submitter.as_ref().map(ReversePath::to_string),
            deliver_by: handling.deliver_by.map(|by| DeliverByFacts {
                at: by.at.millis(),
                returned: by.late == Late::Return,
                trace: by.trace,
            }),
            priority: handling.priority.number(),
            require_tls: handling.require_tls,
            tls_optional: handling.tls_optional,
            hold_request: handling.hold_request.as_deref().map(str::to_owned),
        }
    }

    pub(crate) fn handling(&self) -> Result<Handling, Malformed> {
        Ok(Handling {
            submitter: self.submitter.as_deref().map(ReversePath::parse).transpose()?,
            deliver_by: self.deliver_by.as_ref().map(|by| DeliverBy {
                at: Timestamp::from_millis(by.at),
                late: if by.returned { Late::Return } else { Late::Notify },
                trace: by.trace,
            }),
            priority: Priority::new(self.priority)?,
            require_tls: self.require_tls,
            tls_optional: self.tls_optional,
            hold_request: self.hold_request.as_deref().map(Into::into),
        })
    }

    pub(crate) fn body(&self) -> Result<BodyKind, Malformed> {
        match self.body {
            7 => Ok(BodyKind::SevenBit),
            8 => Ok(BodyKind::EightBitMime),
            0 => Ok(BodyKind::BinaryMime),
            _ => Err(Malformed("unknown kind of body")),
        }
    }

    pub(crate) fn ret(&self) -> Option<DsnReturn> {
        self.ret_full.map(|full| if full { DsnReturn::Full } else { DsnReturn::Headers })
    }
}

impl RecipientFacts {
    pub(crate) fn of(recipient: &NewRecipient) -> Self {
        let into = recipient.file_into.as_ref();
        Self {
            notify: recipient.notify.bits(),
            original: recipient.original.as_ref().map(OriginalRecipient::to_string),
            reverse_path: recipient.reverse_path.as_ref().map(ReversePath::to_string),
            account: recipient.account.map(|account| account.0),
            mailbox: into.map(|into| into.mailbox.to_string()),
            or_inbox: into.is_some_and(|into| into.or_inbox),
            flags: into.map_or(0, |into| into.flags.system_bits()),
            keywords: into
                .map(|into| into.flags.keywords().iter().map(Keyword::to_string).collect())
                .unwrap_or_default(),
            list: recipient.list.as_ref().map(Address::to_string),
            not_before: recipient.not_before.map(Timestamp::millis),
            expanded: match recipient.expanded {
                None => 0,
                Some(Expanded::Alias) => 1,
                Some(Expanded::List) => 2,
            },
            head: to_hex(&recipient.head),
        }
    }

    pub(crate) fn expanded(&self) -> Option<Expanded> {
        match self.expanded {
            1 => Some(Expanded::Alias),
            2 => Some(Expanded::List),
            _ => None,
        }
    }

    pub(crate) fn not_before(&self) -> Option<Timestamp> {
        self.not_before.map(Timestamp::from_millis)
    }

    /// The facts of who gets the message instead, as JSON: what the sender wants stays, where it
    /// was to be put does not.
    pub(crate) fn redirected(
        &self,
        known_as: Option<OriginalRecipient>,
        target: &NewRecipient,
    ) -> String {
        let of_target = Self::of(target);
        let known_as = known_as.map(|original| original.to_string());
        let facts = Self {
            notify: self.notify,
            original: self.original.clone().or(known_as),
            reverse_path: of_target.reverse_path.clone().or(self.reverse_path.clone()),
            list: of_target.list.clone().or(self.list.clone()),
            head: if of_target.list.is_some() { of_target.head } else { self.head.clone() },
            ..of_target
        };
        serde_json::to_string(&facts).unwrap_or_default()
    }

    pub(crate) fn notify(&self) -> Notify {
        Notify::from_bits(self.notify)
    }

    pub(crate) fn original(&self) -> Result<Option<OriginalRecipient>, Malformed> {
        self.original.as_deref().map(OriginalRecipient::parse).transpose()
    }

    pub(crate) fn reverse_path(&self) -> Result<Option<ReversePath>, Malformed> {
        self.reverse_path.as_deref().map(ReversePath::parse).transpose()
    }

    pub(crate) fn account(&self) -> Option<AccountId> {
        self.account.map(AccountId)
    }

    pub(crate) fn file_into(&self) -> Result<Option<FileInto>, Malformed> {
        let Some(mailbox) = &self.mailbox else { return Ok(None) };
        let keywords = self.keywords.iter().map(|keyword| Keyword::parse(keyword));
        let keywords = keywords.collect::<Result<Vec<_>, _>>()?;
        let mailbox = MailboxName::parse(mailbox)?;
        let flags = FlagSet::from_parts(self.flags, keywords);
        Ok(Some(FileInto { mailbox, or_inbox: self.or_inbox, flags }))
    }

    pub(crate) fn list(&self) -> Result<Option<Address>, Malformed> {
        self.list.as_deref().map(Address::parse).transpose()
    }

    pub(crate) fn head(&self) -> Result<Vec<u8>, Malformed> {
        from_hex(&self.head).ok_or(Malformed("header lines that are no hexadecimal digits"))
    }
}

fn to_hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at.saturating_add(2))?, 16).ok())
        .collect()
}
