//! One client's conversation: what the agent knows beside what the session knows, and which family
//! of commands answers which question.

use std::sync::Arc;

use agent_kit::{Gone, Handler};
use directory::Account;
use imap_core::server::{Question, Session};
use mail_store::AccountMailboxes;
use tokio::sync::watch;

use crate::{commands::Appending, notifying::Notifying, selected::Selected, service::Service};

/// The session and its wire, as the answers reach them.
pub(crate) type Talk<'t> = agent_kit::Talk<'t, Session>;

/// One client's conversation.
pub(crate) struct Conversation {
    pub(crate) service: Arc<Service>,
    /// Rings when another directory is published.
    directory_published: watch::Receiver<()>,
    /// Who is signed in. Boxed, like what follows: many connections idle before it is there.
    pub(crate) signed_in: Option<Box<SignedIn>>,
    /// The mailbox that is open.
    pub(crate) selected: Option<Box<Selected>>,
    /// What the client wants to hear of other mailboxes.
    pub(crate) notifying: Option<Box<Notifying>>,
    /// The message that is on its way.
    pub(crate) appending: Option<Box<Appending>>,
}

/// Who is signed in.
pub(crate) struct SignedIn {
    pub(crate) account: Account,
    pub(crate) mailboxes: AccountMailboxes,
}

impl Conversation {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        let directory_published = service.directory_published.clone();
        Self {
            service,
            directory_published,
            signed_in: None,
            selected: None,
            notifying: None,
            appending: None,
        }
    }
}

impl Handler<Session> for Conversation {
    async fn answer(&mut self, question: Question, talk: &mut Talk<'_>) -> Result<(), Gone> {
        if is_of_selected(&question) {
            self.look_at_rights(talk).await;
        }
        match question {
            Question::Prepare(ask) => self.prepare(ask, talk).await,
            Question::SignIn(ask) => self.sign_in(ask, talk).await,
            Question::SignOut(ask) => self.sign_out(ask, talk),
            Question::Mailboxes(ask) => self.mailboxes(ask, talk).await?,
            Question::Metadata(ask) => self.metadata(ask, talk).await,
            Question::Acl(ask) => self.acl(ask, talk).await,
            Question::Urls(ask) => self.urls(ask, talk).await?,
            Question::Notify(ask) => self.notify(ask, talk).await?,
            Question::Elsewhere(ask) => self.elsewhere(ask, talk).await?,
            Question::Quota(ask) => self.quota(ask, talk).await,
            Question::Select(ask) => self.select(ask, talk).await?,
            Question::Close(ask) => self.close(ask, talk).await,
            Question::Fetch(ask) => self.fetch(ask, talk).await?,
            Question::Store(ask) => self.store(ask, talk).await?,
            Question::Search(ask) => self.search(ask, talk).await?,
            Question::MultiSearch(ask) => self.multi_search(ask, talk).await?,
            Question::Copy(ask) => self.copy(ask, talk).await?,
            Question::Expunge(ask) => self.expunge(ask, talk).await?,
            Question::AppendBegin(ask) => self.append_begin(ask, talk).await,
            Question::AppendPiece(ask) => self.append_piece(ask, talk).await,
            Question::AppendUrl(ask) => self.append_url(ask, talk).await?,
            Question::AppendComplete(ask) => self.append_complete(ask, talk).await,
            Question::AppendAbandoned(ask) => self.append_abandoned(ask, talk),
            Question::Changes(ask) => self.changes(ask, talk).await?,
            Question::GoOn(ask) => {
                self.look_at_account(talk).await;
                ask.finish(talk.parts().0);
            }
        }
        Ok(())
    }

    async fn news(&mut self) {
        let published = async {
            if self.directory_published.changed().await.is_err() {
                std::future::pending().await
            }
        };
        // Once rung, they ring no more until the session has asked what happened.
        let selected = async {
            match &mut self.selected {
                Some(selected) if !selected.rung => {
                    selected.watch.changed().await;
                    selected.rung = true;
                }
                _ => std::future::pending().await,
            }
        };
        let elsewhere = async {
            match &mut self.notifying {
                Some(notifying) if !notifying.rung => notifying.rings().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = selected => {}
            () = elsewhere => {}
            () = published => {}
        }
    }
}

/// Whether a question is about the mailbox that is open.
fn is_of_selected(question: &Question) -> bool {
    matches!(
        question,
        Question::Close(_)
            | Question::Fetch(_)
            | Question::Store(_)
            | Question::Search(_)
            | Question::MultiSearch(_)
            | Question::Copy(_)
            | Question::Expunge(_)
            | Question::AppendBegin(_)
            | Question::Changes(_)
            | Question::GoOn(_)
    )
}
