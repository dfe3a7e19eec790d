//! Messages that go back to their senders now.

use config::Notices;
use directory::Directory;
use mail_types::Address;
use message_queue::{
    NewRecipient, Queue,
    conclude::RouteNotification,
    operator::{Bounced, GiveUp},
};
use mime_core::report::Language;
use serde_json::json;

use super::{Selection, Touch, change};
use crate::{installation::Installation, printer};

/// Return to the sender now
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Why; the sender reads it
    #[arg(long, default_value = "the administrator of this server has given it up")]
    reason: String,
    #[command(flatten)]
    touch: Touch,
}

pub(super) async fn run(
    installation: &Installation,
    queue: &Queue,
    args: &Args,
) -> anyhow::Result<()> {
    let filters = args.selection.required()?;
    let missing = args.selection.missing(queue).await?;
    if args.touch.dry_run {
        change::dry_run(queue, &filters).await?;
        return change::all_there(&missing);
    }
    let fate = "fails now; senders are told, with the reason";
    change::agreed(queue, &filters, args.touch, fate, "return it?").await?;
    let host = &installation.config.hostname;
    let give_up = GiveUp { reason: &args.reason, reporting_mta: host };
    let (routes, mut sum) =
        (Routes(installation.directory(), &installation.config.notices), Bounced::default());
    for filter in &filters {
        let done = queue.bounce(filter, give_up, &routes, agent_kit::now()).await?;
        sum.recipients = sum.recipients.saturating_add(done.recipients);
        sum.notifications = sum.notifications.saturating_add(done.notifications);
        sum.unreadable.extend(done.unreadable);
    }
    for id in &sum.unreadable {
        printer::note(format!("{id} cannot be read, so nobody can be told: remove it instead"));
    }
    anyhow::ensure!(
        sum.recipients > 0,
        "nothing in the queue that is meant by that is still waiting, held or set aside: \
         see postrider queue list"
    );
    if args.touch.json {
        printer::json(&json!({
            "recipients": sum.recipients,
            "notifications": sum.notifications,
            "unreadable": sum.unreadable,
            "done": "returned",
        }))?;
    } else {
        let recipients = printer::count(sum.recipients, "recipient");
        let notifications = printer::count(sum.notifications, "notification");
        printer::line(format!("{recipients} given up, {notifications} queued"));
    }
    change::all_there(&missing)
}

struct Routes<'i>(Directory, &'i Notices);

impl RouteNotification for Routes<'_> {
    async fn route(&self, to: &Address) -> Result<Vec<NewRecipient>, String> {
        smtp_server::notified(&self.0, to, agent_kit::now()).await
    }

    fn languages(&self, to: &Address) -> Option<&'static [Language]> {
        let language = self.1.languages.of(to).unwrap_or(self.1.language);
        Some(Language::named(language.as_str()))
    }

    async fn postmaster(&self) -> Result<Vec<NewRecipient>, String> {
        smtp_server::postmaster(&self.0, agent_kit::now()).await
    }
}
