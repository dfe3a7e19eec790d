//! Whether those who are signed in may stay: an account that is disabled, removed, or given another
//! password ends its sessions, also such as only wait.
//!
//! One task of the process looks at the published directory and wakes all sessions when it is
//! another one; each then asks for its own account. No session has a timer for this.

use std::time::Duration;

use directory::Directory;
use tokio::sync::watch;

use crate::handler::{Conversation, Talk};

/// How often the directory is looked at: once a process, for a microsecond.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Rings when another directory is published. The task behind it ends when nobody listens.
pub(crate) fn watch_directory(directory: Directory) -> watch::Receiver<()> {
    let (published, listener) = watch::channel(());
    tokio::spawn(async move {
        let mut known = directory.stamp().ok();
        while !published.is_closed() {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = directory.stamp().ok();
            if now != known {
                known = now;
                published.send_replace(());
            }
        }
    });
    listener
}

impl Conversation {
    /// Dismisses the session if its account is not what it was at the sign-in.
    pub(crate) async fn look_at_account(&self, talk: &mut Talk<'_>) {
        let Some(signed_in) = &self.signed_in else { return };
        match self.service.directory.account(signed_in.account.id).await {
            Ok(Some(now))
                if !now.is_shut(agent_kit::now())
                    && now.generation == signed_in.account.generation => {}
            Ok(_) => talk.parts().0.dismiss(None, "The account has changed, please sign in again"),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "account not looked up");
            }
        }
    }
}
