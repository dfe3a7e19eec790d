//! `postrider account send-as` and `sent-copy`: what an account may, and wants, when it sends.

use anyhow::bail;
use directory::AliasName;
use mail_types::Address;
use serde_json::json;

use crate::{installation::Installation, printer};

/// Grants and revokes, then shows what is granted.
pub(super) async fn send_as(
    installation: &Installation,
    address: &Address,
    (grant, revoke): (&[AliasName], &[AliasName]),
    as_json: bool,
) -> anyhow::Result<()> {
    let editor = installation.editor();
    for name in grant {
        editor.grant_send_as(address, name).await?;
    }
    for name in revoke {
        editor.revoke_send_as(address, name).await?;
    }
    let directory = installation.directory();
    let Some(account) = directory.account_at(address).await? else {
        bail!("there is no account {address}");
    };
    let granted = directory.sending(account.id).await?.send_as;
    let names: Vec<String> = granted.iter().map(ToString::to_string).collect();
    if as_json {
        return printer::json(&json!({ "account": account.address.to_string(), "send_as": names }));
    }
    printer::line(match names.as_slice() {
        [] => format!("{address} sends as its own addresses and aliases only"),
        names => format!("{address} may also send as {}", names.join(", ")),
    });
    Ok(())
}

/// Switches the copy in Sent.
pub(super) async fn sent_copy(
    installation: &Installation,
    address: &Address,
    wanted: bool,
) -> anyhow::Result<()> {
    installation.editor().set_sent_copy(address, wanted).await?;
    printer::line(if wanted {
        format!(
            "what {address} submits is also put into its Sent mailbox; switch that off in its mail clients"
        )
    } else {
        format!("{address}'s mail clients keep copies of what they send themselves")
    });
    Ok(())
}

/// `on` or `off`.
pub(crate) fn switch(word: &str) -> Result<bool, String> {
    match word {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("write on or off".to_owned()),
    }
}
