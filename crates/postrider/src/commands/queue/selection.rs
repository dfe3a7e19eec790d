//! Which recipients in the queue are meant.

use std::time::Duration;

use anyhow::bail;
use mail_types::{Address, Domain, Lane, QueueId};
use message_queue::{
    Queue,
    operator::{Filter, State},
};

/// By what messages and recipients are chosen; all that is said must hold
#[derive(clap::Args)]
pub(crate) struct Selection {
    /// Queue ids
    ids: Vec<QueueId>,
    /// Those on their way to this domain, or `local`
    #[arg(long, visible_alias = "lane", value_parser = Lane::parse, value_name = "DOMAIN")]
    domain: Option<Lane>,
    /// Those to this address, or to all addresses @DOMAIN
    #[arg(long, value_name = "ADDRESS", value_parser = whose)]
    to: Option<String>,
    /// Those from this address, or from all addresses @DOMAIN ("" for notifications)
    #[arg(long, value_name = "ADDRESS", value_parser = whose_or_nobodys)]
    from: Option<String>,
    /// Those in this state: waiting, leased, held or set-aside
    #[arg(long, value_parser = state)]
    state: Option<State>,
    /// Those that were queued longer ago than this, such as 2h or 3d
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Duration>,
    /// Those with these words in the reason why they are still there
    #[arg(long, value_name = "WORDS")]
    why: Option<String>,
    /// Everything
    #[arg(
        long,
        conflicts_with_all = ["ids", "domain", "to", "from", "state", "older_than", "why"]
    )]
    all: bool,
}

/// How a change is made
#[derive(clap::Args, Clone, Copy)]
pub(crate) struct Touch {
    /// Do not ask
    #[arg(long)]
    pub(super) yes: bool,
    /// Say what is meant, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Selection {
    /// What to look for: everything if nothing is said.
    pub(super) fn filters(&self) -> Vec<Filter> {
        let filter = |id| Filter {
            id,
            lane: self.domain.clone(),
            state: self.state,
            address: self.to.clone(),
            sender: self.from.clone(),
            queued_before: self.older_than.map(|age| agent_kit::now().minus(age)),
            reason: self.why.clone(),
            whole_reason: false,
        };
        if self.ids.is_empty() {
            return vec![filter(None)];
        }
        self.ids.iter().map(|id| filter(Some(*id))).collect()
    }

    /// Of the queue ids that were named, those of which nothing is in the queue.
    pub(super) async fn missing(&self, queue: &Queue) -> anyhow::Result<Vec<QueueId>> {
        let mut missing = Vec::new();
        for id in &self.ids {
            if queue.show(*id).await?.is_none() {
                missing.push(*id);
            }
        }
        Ok(missing)
    }

    /// What to change: something must be said.
    pub(super) fn required(&self) -> anyhow::Result<Vec<Filter>> {
        let filters = self.filters();
        if !self.all && filters.contains(&Filter::default()) {
            bail!(
                "which ones? Name queue ids, --domain, --to, --from, --state, --older-than, --why \
                 or --all"
            );
        }
        Ok(filters)
    }
}

/// An address, or `@` and a domain, as the queue has them.
fn whose(text: &str) -> Result<String, String> {
    match text.strip_prefix('@') {
        Some(domain) => Domain::parse(domain).map(|domain| format!("@{domain}")),
        None => Address::parse(text).map(|address| address.to_string()),
    }
    .map_err(|why| format!("it is neither an address nor @DOMAIN: {why}"))
}

/// The same, or nothing for what has no sender.
fn whose_or_nobodys(text: &str) -> Result<String, String> {
    if text.is_empty() || text == "<>" { Ok(String::new()) } else { whose(text) }
}

fn state(word: &str) -> Result<State, String> {
    [State::Waiting, State::Leased, State::Held, State::SetAside]
        .into_iter()
        .find(|state| state.word() == word)
        .ok_or_else(|| "the states are waiting, leased, held and set-aside".to_owned())
}

fn age(text: &str) -> Result<Duration, String> {
    config::parse_duration(text).ok_or_else(|| "an age is such as 30m, 2h or 1d 12h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_mail_is_meant() {
        for (text, expected) in [
            ("bob@Example.ORG", Some("bob@example.org")),
            ("@Example.org", Some("@example.org")),
            ("@b\u{fc}cher.test", Some("@xn--bcher-kva.test")),
            ("bob", None),
            ("example.org", None),
            ("@", None),
            ("@a b", None),
            ("", None),
        ] {
            assert_eq!(whose(text).ok().as_deref(), expected, "{text:?}");
        }
        assert_eq!(whose_or_nobodys("").as_deref(), Ok(""));
        assert_eq!(whose_or_nobodys("<>").as_deref(), Ok(""));
        assert!(whose_or_nobodys("nobody").is_err());
    }
}
