//! As whom the agents run when the supervisor is root.

use std::{collections::HashMap, sync::Arc};

use agent_kit::Agent;
use config::Config;

use crate::owner::{self, User};

/// The user of each agent; none where the supervisor's own stays.
pub(super) fn choose(config: &Config, is_demo: bool) -> anyhow::Result<HashMap<Agent, Arc<User>>> {
    if !owner::is_root() {
        return Ok(HashMap::new());
    }
    let owner = Arc::new(User::owning(&config.data_dir)?);
    // Only in folders that deploy/ has made does each agent find what its groups may open.
    let is_deployed = User::named(OWNER)?.is_some_and(|user| user.uid == owner.uid);
    if config.supervisor.own_users && is_deployed {
        let mut own = HashMap::new();
        for agent in Agent::ALL {
            if let Some(user) = User::named(name(agent))? {
                own.insert(agent, Arc::new(user));
            }
        }
        if own.len() == Agent::ALL.len() {
            return Ok(own);
        }
    }
    if owner.uid == 0 && is_demo {
        return Ok(HashMap::new());
    }
    if owner.uid == 0 {
        tracing::warn!(
            data_dir = %config.data_dir.display(),
            "all agents run as root, who owns data_dir; give it to a user, or see deploy/"
        );
        return Ok(HashMap::new());
    }
    if !is_demo {
        tracing::warn!(
            user = owner::name_of(owner.uid),
            "all agents run as one user; deploy/sysusers.conf makes one for each"
        );
    }
    Ok(Agent::ALL.into_iter().map(|agent| (agent, owner.clone())).collect())
}

/// The user that deploy/ makes for the data.
const OWNER: &str = "postrider";

/// The user that deploy/ makes for an agent.
fn name(agent: Agent) -> &'static str {
    match agent {
        Agent::SmtpSubmission => "postrider-submission",
        Agent::SmtpRelay => "postrider-relay",
        Agent::DeliveryAgent => "postrider-delivery",
        Agent::ImapServer => "postrider-imap",
        Agent::Pop3Server => "postrider-pop3",
    }
}
