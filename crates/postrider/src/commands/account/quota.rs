//! `postrider account quota`: how much mail an account may have, and has.

use anyhow::Context as _;
use clap::Args as Arguments;
use config::ByteSize;
use mail_store::MailStore;
use mail_types::{AccountId, Address, Quota};
use serde_json::json;
use stable_storage::Files;

use super::secrets::existing;
use crate::{installation::Installation, printer, usage};

/// A limit as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// As much as the disk holds.
    None,
    /// This many octets, or messages.
    Of(u64),
}

/// Limits as they are typed: what isn't there stays.
#[derive(Arguments, Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// A size such as 2GiB, or "none"
    #[arg(value_parser = size)]
    size: Option<Limit>,
    /// How many messages, or "none"
    #[arg(long, value_name = "COUNT", value_parser = count)]
    messages: Option<Limit>,
}

/// `none`, or a size.
fn size(word: &str) -> Result<Limit, String> {
    match word {
        "none" => Ok(Limit::None),
        size => size.parse().map(|size: ByteSize| Limit::Of(size.bytes())),
    }
}

/// `none`, or a number.
fn count(word: &str) -> Result<Limit, String> {
    match word {
        "none" => Ok(Limit::None),
        number => number.parse().map(Limit::Of).map_err(|_| "write a number or none".to_owned()),
    }
}

impl Limits {
    /// These limits, where `now` are those so far; none if nothing was typed.
    pub(crate) fn applied_to(self, now: Quota) -> Option<Quota> {
        let new = |typed: Option<Limit>, now: Option<u64>| match typed {
            None => now,
            Some(Limit::None) => None,
            Some(Limit::Of(number)) => Some(number),
        };
        let typed = self.size.or(self.messages).is_some();
        let (octets, messages) = (new(self.size, now.octets), new(self.messages, now.messages));
        typed.then_some(Quota { octets, messages })
    }
}

/// What may be had, for a person.
pub(crate) fn in_words(quota: Quota) -> String {
    match quota {
        Quota { octets: None, messages: None } => "as much as the disk holds".to_owned(),
        Quota { octets: Some(octets), messages: None } => ByteSize(octets).to_string(),
        Quota { octets: None, messages: Some(messages) } => counted(messages),
        Quota { octets: Some(octets), messages: Some(messages) } => {
            format!("{} in {}", ByteSize(octets), counted(messages))
        }
    }
}

/// So many messages.
pub(crate) fn counted(messages: u64) -> String {
    format!("{messages} message{}", if messages == 1 { "" } else { "s" })
}

/// Sets it, if one is given, and shows it beside what the account has; counted anew, if wanted.
pub(super) async fn quota(
    installation: &Installation,
    address: &Address,
    (limits, recalculate): (Limits, bool),
    as_json: bool,
) -> anyhow::Result<()> {
    let mut account = existing(installation, address).await?;
    if let Some(wanted) = limits.applied_to(account.quota()) {
        account = installation.editor().set_quota(address, wanted).await?;
    }
    if recalculate {
        recount(installation, account.id).await?;
    }
    let held = usage::publish_quota(installation, account.id, &account.quota()).await?;
    if as_json {
        return printer::json(&json!({
            "account": account.address.to_string(),
            "quota_bytes": account.quota_bytes,
            "quota_messages": account.quota_messages,
            "bytes": held.octets,
            "messages": held.messages,
        }));
    }
    printer::line(format!(
        "{} may have {}; it has {} in {}",
        account.address,
        in_words(account.quota()),
        ByteSize(held.octets),
        counted(held.messages)
    ));
    Ok(())
}

/// Counts what the account has from its messages, instead of believing what was added up.
async fn recount(installation: &Installation, id: AccountId) -> anyhow::Result<()> {
    let store = MailStore::open(installation.store_options(), Files::real()).await;
    let store = store.context("cannot open the mail store")?;
    let mailboxes = store.account(id);
    let counted = async {
        mailboxes.recount().await?;
        usage::publish(installation, &mailboxes).await
    };
    let counted = counted.await;
    store.close().await;
    counted.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert_eq!(size("none"), Ok(Limit::None));
        assert_eq!(size("2KiB"), Ok(Limit::Of(2048)));
        assert_eq!(count("1000"), Ok(Limit::Of(1000)));
        assert!(size("much").is_err() && count("2GiB").is_err() && count("-1").is_err());
    }

    #[test]
    fn what_is_not_typed_stays() {
        let now = Quota { octets: Some(5), messages: Some(7) };
        let check = |size, messages, expected: Option<(Option<u64>, Option<u64>)>| {
            let quota = expected.map(|(octets, messages)| Quota { octets, messages });
            assert_eq!(Limits { size, messages }.applied_to(now), quota);
        };
        check(None, None, None);
        check(Some(Limit::Of(9)), None, Some((Some(9), Some(7))));
        check(None, Some(Limit::None), Some((Some(5), None)));
        check(Some(Limit::None), Some(Limit::None), Some((None, None)));
    }

    #[test]
    fn words() {
        let words = |octets, messages| in_words(Quota { octets, messages });
        assert_eq!(words(None, None), "as much as the disk holds");
        assert_eq!(words(Some(2048), Some(1)), "2 KiB in 1 message");
        assert_eq!(words(None, Some(10)), "10 messages");
    }
}
