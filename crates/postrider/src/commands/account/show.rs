//! `postrider account show`: one account, how it is signed in to, and what it may send as.

use mail_types::Address;
use serde_json::json;
use sign_in::SignInRecords;

use super::secrets::existing;
use crate::{installation::Installation, printer, times};

pub(super) async fn show(
    installation: &Installation,
    address: &Address,
    as_json: bool,
) -> anyhow::Result<()> {
    let account = existing(installation, address).await?;
    let credentials = installation.credentials();
    let password = credentials.password(account.id).await?;
    let apps = credentials.app_passwords(account.id).await?;
    let certificates = credentials.certificates(account.id).await?;
    let sending = installation.directory().sending(account.id).await?;
    let forward = installation.directory().forward(account.id).await?.unwrap_or_default();
    let send_as: Vec<String> = sending.send_as.iter().map(ToString::to_string).collect();
    let records = SignInRecords::open(&installation.config.folders().sign_ins).await?;
    let last = records.last_sign_ins(account.id).await?;

    if as_json {
        let last = last.iter().map(|one| {
            json!({
                "device": one.device,
                "protocol": one.protocol,
                "address": one.address,
                "at": times::utc(one.at),
            })
        });
        return printer::json(&json!({
            "address": account.address.to_string(),
            "id": account.id.0,
            "disabled": account.disabled,
            "expires": account.expires.map(times::utc),
            "forwards_to": forward.targets.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "keeps": forward.targets.is_empty() || forward.keep,
            "created": times::utc(account.created),
            "password_changed": password.as_ref().map(|password| times::utc(password.changed)),
            "password_imported": password.as_ref().map(|it| it.verifier.is_foreign()),
            "app_passwords": apps.iter().map(|app| app.label.as_str()).collect::<Vec<_>>(),
            "certificates": certificates.iter().map(|one| &one.label).collect::<Vec<_>>(),
            "send_as": send_as,
            "sent_copy": sending.sent_copy,
            "last_sign_ins": last.collect::<Vec<_>>(),
        }));
    }
    let state = super::state(&account);
    let made = times::local(account.created);
    printer::line(format!("{} (id {}) is {state}, made {made}", account.address, account.id));
    if let Some(password) = &password {
        let origin = if password.verifier.is_foreign() { ", imported" } else { "" };
        printer::line(format!("password of {}{origin}", times::local(password.changed)));
    }
    let labels = |labels: Vec<&str>| labels.join(", ");
    if !apps.is_empty() {
        let names = labels(apps.iter().map(|app| app.label.as_str()).collect());
        printer::line(format!("app passwords: {names}"));
    }
    if !certificates.is_empty() {
        let names = labels(certificates.iter().map(|one| one.label.as_str()).collect());
        printer::line(format!("certificates: {names}"));
    }
    if let Some(end) = account.expires {
        printer::line(format!("counts as disabled from {} on", times::local(end)));
    }
    if !forward.targets.is_empty() {
        let names: Vec<String> = forward.targets.iter().map(ToString::to_string).collect();
        let own = if forward.keep { ", and keeps its own copy" } else { ", and keeps nothing" };
        printer::line(format!("forwards to {}{own}", names.join(", ")));
    }
    if !send_as.is_empty() {
        printer::line(format!("may also send as: {}", send_as.join(", ")));
    }
    if sending.sent_copy {
        printer::line("what it submits is also put into Sent");
    }
    let rows: Vec<_> = last
        .iter()
        .map(|one| {
            let device = if one.device.is_empty() { "(password)" } else { &one.device };
            [device.to_owned(), one.protocol.clone(), one.address.clone(), times::local(one.at)]
        })
        .collect();
    printer::table(["device", "protocol", "from", "last sign-in"], &rows, "no sign-in yet");
    Ok(())
}
