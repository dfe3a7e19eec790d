//! `postrider domain`: the domains whose mail is taken here.

use std::path::Path;

use account_usage::UsageReader;
use clap::{Args, Subcommand};
use config::ByteSize;
use directory::{DomainKind, HostedDomain, RelayedTo, Separator, Subaddress};
use mail_types::{Address, Domain};
use serde_json::json;

use super::account::quota::{Limits, counted, in_words};
use crate::{
    installation::{Installation, runtime},
    printer,
};

/// Domains: which mail is ours
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Take a domain's mail from now on
    Add(Add),
    /// Say how a domain writes subaddresses, such as user+shop@example.org
    Subaddress {
        /// The domain
        #[arg(value_parser = Domain::parse)]
        domain: Domain,
        /// What divides the user from the detail: one of + - _ = . # ~ /, or none
        #[arg(long)]
        separator: Option<Separator>,
        /// on: mail with a detail goes into the mailbox of that name, if the account has it
        #[arg(long, value_parser = super::account::switch, action = clap::ArgAction::Set)]
        filed: Option<bool>,
    },
    /// Show, add or remove the listed recipients of a relayed domain: their mail is taken
    Recipients {
        /// The domain
        #[arg(value_parser = Domain::parse)]
        domain: Domain,
        /// Take mail for this address
        #[arg(long, value_name = "ADDRESS", value_parser = Address::parse)]
        add: Vec<Address>,
        /// Take no more mail for this address
        #[arg(long, value_name = "ADDRESS", value_parser = Address::parse)]
        remove: Vec<Address>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show or set how much mail the accounts of a domain may have together
    Quota {
        /// The domain
        #[arg(value_parser = Domain::parse)]
        domain: Domain,
        #[command(flatten)]
        limits: Limits,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the domains
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a domain's mail no more; it must have neither accounts nor aliases nor lists
    Remove {
        /// Such as example.org
        #[arg(value_parser = Domain::parse)]
        domain: Domain,
    },
}

#[derive(Args)]
pub(crate) struct Add {
    /// Such as example.org
    #[arg(value_parser = Domain::parse)]
    domain: Domain,
    /// Each of its addresses stands for the same one in this domain
    #[arg(long, value_name = "DOMAIN", value_parser = Domain::parse)]
    alias_of: Option<Domain>,
    /// It is another server's; its mail is taken for it and passed on (backup MX), by the route that
    /// the configuration has for it or to the hosts that the DNS prefers to this one. "listed": only
    /// for the recipients named by `domain recipients`; "asked": for those too whom that server takes
    /// when it is asked, while the sender waits; "anybody": for all, whom that server may refuse
    /// later
    #[arg(long, value_name = "FOR", conflicts_with = "alias_of", value_parser = relayed_to)]
    relay: Option<RelayedTo>,
}

impl Add {
    fn hosted(self) -> HostedDomain {
        let kind = match (self.alias_of, self.relay) {
            (Some(of), _) => DomainKind::AliasOf(of),
            (None, Some(to)) => DomainKind::Relayed(to),
            (None, None) => DomainKind::Own,
        };
        HostedDomain { kind, ..HostedDomain::own(self.domain) }
    }
}

fn relayed_to(word: &str) -> Result<RelayedTo, String> {
    match word {
        "listed" => Ok(RelayedTo::Listed),
        "asked" => Ok(RelayedTo::Asked),
        "anybody" => Ok(RelayedTo::Anybody),
        _ => Err("write listed, asked or anybody".to_owned()),
    }
}

pub(crate) fn run(command: Command, config: Option<&Path>) -> anyhow::Result<()> {
    let installation = Installation::find_as_owner(config)?;
    runtime()?.block_on(async {
        match command {
            Command::Add(add) => {
                let hosted = add.hosted();
                installation.editor().add_hosted(&hosted).await?;
                printer::line(format!("{} is served here now: {}", hosted.name, hosted.kind));
            }
            Command::Subaddress { domain, separator, filed } => {
                subaddress(&installation, &domain, separator, filed).await?;
            }
            Command::Recipients { domain, add, remove, json } => {
                recipients(&installation, &domain, (&add, &remove), json).await?;
            }
            Command::Quota { domain, limits, json } => {
                quota(&installation, &domain, limits, json).await?;
            }
            Command::Remove { domain } => {
                installation.editor().remove_domain(&domain).await?;
                printer::line(format!("{domain} is no longer served here"));
            }
            Command::List { json } => list(&installation, json).await?,
        }
        Ok(())
    })
}

async fn subaddress(
    installation: &Installation,
    domain: &Domain,
    separator: Option<Separator>,
    filed: Option<bool>,
) -> anyhow::Result<()> {
    let known = installation.directory().hosted_domains().await?;
    let known = known.into_iter().find(|hosted| hosted.name == *domain);
    let Some(known) = known else { anyhow::bail!("{domain} is not one of the domains here") };
    let wanted = Subaddress {
        separator: separator.map_or(known.subaddress.separator, |separator| separator.0),
        filed: filed.unwrap_or(known.subaddress.filed),
    };
    installation.editor().set_subaddress(domain, wanted).await?;
    printer::line(match wanted {
        Subaddress { separator: None, .. } => format!("{domain} has no subaddresses"),
        Subaddress { separator: Some(separator), filed } => {
            let place = if filed { "the mailbox DETAIL if there is one" } else { "INBOX" };
            format!("user{separator}DETAIL@{domain} goes to user@{domain}, into {place}")
        }
    });
    Ok(())
}

async fn quota(
    installation: &Installation,
    domain: &Domain,
    limits: Limits,
    as_json: bool,
) -> anyhow::Result<()> {
    let known = installation.directory().hosted_domains().await?;
    let known = known.into_iter().find(|hosted| hosted.name == *domain);
    let Some(HostedDomain { mut quota, .. }) = known else {
        anyhow::bail!("{domain} is not one of the domains here")
    };
    if let Some(wanted) = limits.applied_to(quota) {
        installation.editor().set_domain_quota(domain, wanted).await?;
        quota = wanted;
    }
    let accounts = installation.directory().accounts().await?;
    let of_it = accounts.iter().filter(|account| account.address.domain() == domain);
    let ids: Vec<_> = of_it.map(|account| account.id).collect();
    let file = installation.config.folders().usage.join("usage.db");
    let held = UsageReader::open(&file).await?.together(&ids).await?;
    if as_json {
        return printer::json(&json!({
            "domain": domain.to_string(),
            "quota_bytes": quota.octets,
            "quota_messages": quota.messages,
            "bytes": held.octets,
            "messages": held.messages,
        }));
    }
    printer::line(format!(
        "all accounts of {domain} together may have {}; they have {} in {}",
        in_words(quota),
        ByteSize(held.octets),
        counted(held.messages)
    ));
    Ok(())
}

async fn recipients(
    installation: &Installation,
    domain: &Domain,
    (add, remove): (&[Address], &[Address]),
    as_json: bool,
) -> anyhow::Result<()> {
    if let Some(other) = add.iter().chain(remove).find(|address| address.domain() != domain) {
        anyhow::bail!("{other} is not in {domain}");
    }
    let editor = installation.editor();
    for recipient in add {
        editor.add_listed(recipient).await?;
    }
    for recipient in remove {
        editor.remove_listed(recipient).await?;
    }
    let listed = installation.directory().listed_recipients(domain).await?;
    let names: Vec<String> = listed.iter().map(ToString::to_string).collect();
    if as_json {
        return printer::json(&names);
    }
    let rows: Vec<_> = names.into_iter().map(|name| [name]).collect();
    printer::table(["recipient"], &rows, "nobody is listed");
    Ok(())
}

async fn list(installation: &Installation, as_json: bool) -> anyhow::Result<()> {
    let domains = installation.directory().hosted_domains().await?;
    let detail = |domain: &HostedDomain| Separator(domain.subaddress.separator).to_string();
    if as_json {
        let value = |domain: &HostedDomain| {
            json!({
                "domain": domain.name.to_string(),
                "kind": domain.kind.to_string(),
                "separator": detail(domain),
                "filed": domain.subaddress.filed,
                "quota_bytes": domain.quota.octets,
                "quota_messages": domain.quota.messages,
            })
        };
        return printer::json(&domains.iter().map(value).collect::<Vec<_>>());
    }
    let row = |domain: &HostedDomain| {
        let own = domain.kind == DomainKind::Own;
        let filed = if domain.subaddress.filed { ", filed" } else { "" };
        let detail = if own { format!("{}{filed}", detail(domain)) } else { String::new() };
        [domain.name.to_string(), domain.kind.to_string(), detail]
    };
    let rows: Vec<_> = domains.iter().map(row).collect();
    let none = "no domain yet: postrider domain add NAME";
    printer::table(["domain", "what it is", "subaddresses"], &rows, none);
    Ok(())
}
