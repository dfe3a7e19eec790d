//! GETQUOTA and GETQUOTAROOT (RFC 9208 §4.1).
//!
//! All mailboxes of an account share its one limit. An account without a limit has no quota root:
//! a list without resources is not in the grammar (RFC 9208 §7). What a domain may have in all is
//! the operator's affair: its use would tell one account about the others. For the same reason, the
//! mailboxes of others that are shared have no root here, though what is put there counts for their owner.

use imap_core::{
    command::QuotaCommand,
    response::{self, Code, Completion},
    server::Ask,
};
use mail_types::{MailVolume, Quota};

use crate::{
    handler::{Conversation, Talk},
    trouble,
};

/// The name of the account's quota root; clients show it.
const ROOT: &str = "Account";

impl Conversation {
    pub(crate) async fn quota(&self, ask: Ask<QuotaCommand>, talk: &mut Talk<'_>) {
        let told = self.held_and_limits().await;
        let own = match ask.command() {
            QuotaCommand::OfMailbox(name) => self.place(name).await.is_ok_and(|place| place.own),
            QuotaCommand::OfRoot(_) => true,
        };
        let (session, wire) = talk.parts();
        let (out, spelling) = (&mut wire.output, session.spelling());
        let completion = match (told, ask.command()) {
            (Ok((held, limits)), QuotaCommand::OfRoot(root))
                if root == ROOT && limits.is_some() =>
            {
                response::quota(out, ROOT, held, &limits);
                Completion::ok("GETQUOTA completed")
            }
            (Ok(_), QuotaCommand::OfRoot(_)) => {
                Completion::no(Code::NonExistent, "There is no such quota root")
            }
            // What another may have is not this one's to see.
            (Ok(_), QuotaCommand::OfMailbox(mailbox)) if self.is_others(mailbox) => {
                response::quota_root(out, mailbox, None, spelling);
                Completion::ok("GETQUOTAROOT completed")
            }
            (Ok((held, limits)), QuotaCommand::OfMailbox(mailbox)) => {
                let limits = if own { limits } else { Quota::NONE };
                let root = limits.is_some().then_some(ROOT);
                response::quota_root(out, mailbox, root, spelling);
                if limits.is_some() {
                    response::quota(out, ROOT, held, &limits);
                }
                Completion::ok("GETQUOTAROOT completed")
            }
            (Err(completion), _) => completion,
        };
        ask.finish(session, wire, completion);
    }

    async fn held_and_limits(&self) -> Result<(MailVolume, Quota), Completion> {
        let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
        let limits = self.allotment(&signed_in.mailboxes).await.own;
        let totals = signed_in.mailboxes.totals().await;
        let totals = totals.map_err(|error| trouble::completion(&error))?;
        Ok((totals.volume(), limits))
    }
}
