//! GETQUOTA and GETQUOTAROOT (RFC 9208 §4.1).
//!
//! All mailboxes of an account share its one limit. An account without a limit has no quota root:
//! a list without resources is not in the grammar (RFC 9208 §7).

use imap_core::{
    command::QuotaCommand,
    response::{self, Code, Completion},
    server::Ask,
};

use crate::{
    handler::{Conversation, Talk},
    trouble,
};

/// The name of the account's quota root; clients show it.
const ROOT: &str = "Account";

impl Conversation {
    pub(crate) async fn quota(&self, ask: Ask<QuotaCommand>, talk: &mut Talk<'_>) {
        let storage = match &self.signed_in {
            Some(signed_in) => {
                signed_in.storage().await.map_err(|error| trouble::completion(&error))
            }
            None => Err(trouble::out_of_order()),
        };
        let (session, wire) = talk.parts();
        let (out, spelling) = (&mut wire.output, session.spelling());
        let completion = match (storage, ask.command()) {
            (Ok(Some(storage)), QuotaCommand::OfRoot(root)) if root == ROOT => {
                response::quota(out, ROOT, storage);
                Completion::ok("GETQUOTA completed")
            }
            (Ok(_), QuotaCommand::OfRoot(_)) => {
                Completion::no(Code::NonExistent, "There is no such quota root")
            }
            (Ok(storage), QuotaCommand::OfMailbox(mailbox)) => {
                response::quota_root(out, mailbox, storage.map(|_| ROOT), spelling);
                if let Some(storage) = storage {
                    response::quota(out, ROOT, storage);
                }
                Completion::ok("GETQUOTAROOT completed")
            }
            (Err(completion), _) => completion,
        };
        ask.finish(session, wire, completion);
    }
}
