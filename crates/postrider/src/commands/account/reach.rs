//! `postrider account forward` and `expire`: where an account's mail goes, and until when.

use anyhow::Context as _;
use directory::Forward;
use jiff::{civil::DateTime, tz::TimeZone};
use mail_types::{Address, Timestamp};
use serde_json::json;

use crate::{installation::Installation, printer, times};

/// Sets where the account's mail goes on to, if anything is said, and shows it.
pub(super) async fn forward(
    installation: &Installation,
    address: &Address,
    (targets, stop, keep): (Vec<Address>, bool, bool),
    as_json: bool,
) -> anyhow::Result<()> {
    if stop || !targets.is_empty() {
        let forward = Forward { targets, keep };
        installation.editor().set_forward(address, &forward, agent_kit::now()).await?;
    }
    let account = super::secrets::existing(installation, address).await?;
    let forward = installation.directory().forward(account.id).await?.unwrap_or_default();
    let targets: Vec<String> = forward.targets.iter().map(ToString::to_string).collect();
    if as_json {
        return printer::json(&json!({
            "account": account.address.to_string(),
            "forwards_to": targets,
            "keeps": targets.is_empty() || forward.keep,
        }));
    }
    let account = &account.address;
    let own = if forward.keep { "and to its own mailbox" } else { "and not to its own mailbox" };
    printer::line(match targets.as_slice() {
        [] => format!("mail for {account} goes to its own mailbox"),
        targets => format!("mail for {account} goes to {} {own}", targets.join(", ")),
    });
    Ok(())
}

/// Sets the end of an account.
pub(super) async fn expire(
    installation: &Installation,
    address: &Address,
    end: Option<Timestamp>,
) -> anyhow::Result<()> {
    let account = installation.editor().set_expiry(address, end).await?;
    let account = account.address;
    printer::line(match end {
        None => format!("{account} does not expire"),
        Some(end) => format!("{account} counts as disabled from {} on", times::local(end)),
    });
    Ok(())
}

/// A day or a time in the time zone of this machine, such as `2027-01-31` or `2027-01-31T12:00`, or
/// `never`.
pub(super) fn end(text: &str) -> anyhow::Result<End> {
    if text == "never" {
        return Ok(End(None));
    }
    let time: DateTime = text
        .parse()
        .context("write a day such as 2027-01-31, a time such as 2027-01-31T12:00, or never")?;
    let instant = time.to_zoned(TimeZone::system())?.timestamp();
    Ok(End(Some(Timestamp::from_millis(instant.as_millisecond()))))
}

/// When an account ends, if ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End(pub(super) Option<Timestamp>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends() {
        assert_eq!(end("never").unwrap(), End(None));
        let day = end("2027-01-31").unwrap().0.unwrap();
        let noon = end("2027-01-31T12:00").unwrap().0.unwrap();
        assert_eq!(noon.since(day).as_secs(), 12 * 3600);
        for text in ["", "tomorrow", "2027-13-01"] {
            assert!(end(text).is_err(), "{text}");
        }
    }
}
