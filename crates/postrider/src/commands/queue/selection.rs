//! Which recipients in the queue are meant.

use anyhow::bail;
use mail_types::{Lane, QueueId};
use message_queue::operator::{Filter, State};

/// By what messages and recipients are chosen; all that is said must hold
#[derive(clap::Args)]
pub(crate) struct Selection {
    /// Queue ids
    ids: Vec<QueueId>,
    /// Those on their way to this domain, or local
    #[arg(long, value_parser = Lane::parse, value_name = "DOMAIN")]
    lane: Option<Lane>,
    /// Those to this address
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// Those from this address ("" for notifications)
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// Those in this state: waiting, leased, held or set-aside
    #[arg(long, value_parser = state)]
    state: Option<State>,
    /// Everything
    #[arg(long, conflicts_with_all = ["ids", "lane", "to", "from", "state"])]
    all: bool,
}

impl Selection {
    /// What to look for: everything if nothing is said.
    pub(super) fn filters(&self) -> Vec<Filter> {
        let filter = |id| Filter {
            id,
            lane: self.lane.clone(),
            state: self.state,
            address: self.to.clone(),
            sender: self.from.clone(),
        };
        if self.ids.is_empty() {
            return vec![filter(None)];
        }
        self.ids.iter().map(|id| filter(Some(*id))).collect()
    }

    /// What to change: something must be said.
    pub(super) fn required(&self) -> anyhow::Result<Vec<Filter>> {
        let filters = self.filters();
        if !self.all && filters.contains(&Filter::default()) {
            bail!("which ones? Name queue ids, --lane, --to, --from, --state or --all");
        }
        Ok(filters)
    }
}

fn state(word: &str) -> Result<State, String> {
    [State::Waiting, State::Leased, State::Held, State::SetAside]
        .into_iter()
        .find(|state| state.word() == word)
        .ok_or_else(|| "the states are waiting, leased, held and set-aside".to_owned())
}
