//! `postrider account quota`: how much mail an account may have, and has.

use account_usage::UsageReader;
use config::ByteSize;
use mail_types::Address;
use serde_json::json;

use super::secrets::existing;
use crate::{installation::Installation, printer};

/// What may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// As much as the disk holds.
    None,
    /// This much.
    Of(ByteSize),
}

/// `none`, or a size.
pub(super) fn limit(word: &str) -> Result<Limit, String> {
    match word {
        "none" => Ok(Limit::None),
        size => size.parse().map(Limit::Of),
    }
}

/// Sets it, if one is given, and shows it beside what the account has.
pub(super) async fn quota(
    installation: &Installation,
    address: &Address,
    limit: Option<Limit>,
    as_json: bool,
) -> anyhow::Result<()> {
    let account = match limit {
        Some(Limit::None) => installation.editor().set_quota(address, None).await?,
        Some(Limit::Of(size)) => {
            installation.editor().set_quota(address, Some(size.bytes())).await?
        }
        None => existing(installation, address).await?,
    };
    let reader = UsageReader::open(&installation.config.folders().usage.join("usage.db")).await?;
    let usage = reader.usage(account.id).await?;
    let (octets, messages) = usage.map_or((0, 0), |usage| (usage.octets, usage.messages));
    if as_json {
        return printer::json(&json!({
            "account": account.address.to_string(),
            "quota_bytes": account.quota_bytes,
            "bytes": octets,
            "messages": messages,
        }));
    }
    let may = match account.quota_bytes {
        Some(bytes) => format!("may have {}", ByteSize(bytes)),
        None => "may have as much as the disk holds".to_owned(),
    };
    printer::line(format!(
        "{} {may}; it has {} in {messages} message{}",
        account.address,
        ByteSize(octets),
        if messages == 1 { "" } else { "s" }
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert_eq!(limit("none"), Ok(Limit::None));
        assert_eq!(limit("2GiB"), Ok(Limit::Of(ByteSize::mib(2048))));
        assert!(limit("much").is_err());
    }
}
