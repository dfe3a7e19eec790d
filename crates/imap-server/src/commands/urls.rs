//! GENURLAUTH and RESETKEY (RFC 4467): single messages, and parts of them, that others may read by
//! URL; what comes with URLFETCH is in `url_fetch`.
//!
//! A token says for which account a URL is, not only how that is called: a name can be another's
//! later (RFC 4467 §7). For a name that is nobody's it is made as well, and never proves anything, so
//! that nobody learns from it which names there are.

use agent_kit::Gone;
use directory::Account;
use imap_core::{
    command::{UrlCommand, UrlToAuthorize},
    response::{Code, Completion},
    server::Ask,
    url::{AuthorizedUrl, MessageUrl, UrlAccess, UrlProof},
};
use mail_store::MailboxState;
use mail_types::{AccountId, MailboxName, Right};

use super::mailbox_id::keyed;
use crate::{
    handler::{Conversation, SignedIn, Talk},
    place::Place,
    trouble::{self, Failure},
};

/// The one mechanism (RFC 4467 §2.4.1).
pub(super) const INTERNAL: &str = "INTERNAL";

/// Whom a URL is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whom {
    /// All accounts.
    All,
    /// This one, or who submits for it.
    One(AccountId),
    /// Its name is nobody's.
    Nobody,
}

impl Conversation {
    pub(crate) async fn urls(
        &mut self,
        ask: Ask<UrlCommand>,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        let done = match ask.command() {
            _ if !self.service.shares() => {
                Err(Completion::no(Code::Cannot, "Mailboxes are not shared here"))
            }
            UrlCommand::Authorize(urls) => match self.authorized(urls).await {
                Ok(urls) => {
                    ask.authorized(talk.parts().1, urls.iter().map(String::as_str));
                    Ok(Completion::ok("GENURLAUTH completed"))
                }
                Err(refused) => Err(refused),
            },
            UrlCommand::Reset { mailbox, mechanisms } => {
                let code = talk.parts().0.url_mechanisms();
                self.reset(mailbox.as_ref(), mechanisms, code).await
            }
            UrlCommand::Fetch(urls) => Ok(self.tell_urls(urls, talk).await?),
        };
        let (session, wire) = talk.parts();
        ask.finish(session, wire, done.unwrap_or_else(|refused| refused));
        Ok(())
    }

    /// GENURLAUTH: all of them with their proofs, or none.
    async fn authorized(&self, urls: &[UrlToAuthorize]) -> Result<Vec<String>, Completion> {
        let mut authorized = Vec::with_capacity(urls.len());
        for UrlToAuthorize { url, mechanism } in urls {
            let parsed = AuthorizedUrl::parse(url).filter(|parsed| parsed.proof.is_none());
            let Some(parsed) = parsed else {
                return Err(Completion::bad("This is no URL that can be authorized"));
            };
            if !mechanism.eq_ignore_ascii_case(INTERNAL) {
                return Err(no_such_mechanism());
            }
            let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
            // RFC 4467 §7: keys of others are theirs.
            let owner = self.account_called(&parsed.user).await?;
            if owner.is_none_or(|owner| owner.id != signed_in.account.id) {
                return Err(Completion::bad("Only own URLs are authorized"));
            }
            let whom = self.meant_by(&parsed.access).await?;
            if whom == Whom::All && !self.service.shares_with_all() {
                let single = "Mailboxes are shared with single accounts here";
                return Err(Completion::no(Code::Cannot, single));
            }
            let place = self.place(&parsed.message.mailbox).await?;
            let Some(mailbox) = readable(&place, &parsed.message) else {
                return Err(Completion::bad("There is no such mailbox to be read"));
            };
            let keyed = keyed(&place.mailboxes, mailbox);
            let key = signed_in.mailboxes.make_url_key(keyed).await;
            let key = key.map_err(|error| trouble::completion(&error))?;
            let proof = UrlProof {
                mechanism: INTERNAL.into(),
                token: key.token(&proved_text(&parsed, whom)).into(),
            };
            authorized.push(format!("{}{}", parsed.rump, proof.render()));
        }
        Ok(authorized)
    }

    /// RESETKEY.
    async fn reset(
        &mut self,
        mailbox: Option<&MailboxName>,
        mechanisms: &[Box<str>],
        code: Option<Code>,
    ) -> Result<Completion, Completion> {
        let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
        let Some(mailbox) = mailbox else {
            let forgotten = signed_in.mailboxes.forget_url_keys().await;
            forgotten.map_err(|error| trouble::completion(&error))?;
            return Ok(Completion::ok("RESETKEY completed"));
        };
        if mechanisms.iter().any(|mechanism| !mechanism.eq_ignore_ascii_case(INTERNAL)) {
            return Err(no_such_mechanism());
        }
        let place = self.place(mailbox).await?;
        let state = place.allows(Right::Read)?;
        let reset = signed_in.mailboxes.reset_url_key(keyed(&place.mailboxes, state)).await;
        reset.map_err(|error| trouble::completion(&error))?;
        // Whoever of this account has the mailbox open hears of it; this session with the answer.
        let (account, owner) = (signed_in.account.id, place.mailboxes.id());
        let number = self.service.key_resets.happened((account, owner, state.id));
        place.mailboxes.ring(state.id);
        if let Some(selected) = &mut self.selected
            && (selected.mailboxes.id(), selected.id) == (owner, state.id)
        {
            selected.key_reset = number;
        }
        let done = Completion::ok("RESETKEY completed");
        Ok(match code {
            Some(code) => done.with(code),
            None => done,
        })
    }

    /// The accounts that a URL is for, by the names that they have now.
    pub(super) async fn meant_by(&self, access: &UrlAccess) -> Result<Whom, Completion> {
        let name = match access {
            UrlAccess::Anyone | UrlAccess::AnyUser => return Ok(Whom::All),
            UrlAccess::User(name) | UrlAccess::Submit(name) => name,
        };
        let account = self.account_called(name).await?;
        Ok(account.map_or(Whom::Nobody, |account| Whom::One(account.id)))
    }

    /// The account of a user, as it signs in, and what it has. None if it may not.
    pub(super) async fn owner(&self, name: &str) -> Result<Option<SignedIn>, Completion> {
        let account = self.account_called(name).await?;
        let open = account.filter(|account| !account.is_shut(agent_kit::now()));
        Ok(open.map(|account| {
            let mailboxes = self.service.store.account(account.id);
            SignedIn { account, mailboxes }
        }))
    }

    async fn account_called(&self, name: &str) -> Result<Option<Account>, Completion> {
        let account = self.service.directory.account_by_sign_in(name).await;
        account.map_err(|error| Failure::from(error).completion())
    }
}

/// What a token is calculated of: the URL to the letter (RFC 4467 §6), and who its name means. No URL
/// ends with what is added.
pub(super) fn proved_text(url: &AuthorizedUrl, whom: Whom) -> Vec<u8> {
    let mut text = url.rump.as_bytes().to_vec();
    match whom {
        Whom::All => {}
        Whom::One(account) => text.extend_from_slice(format!("\0{account}").as_bytes()),
        // The same whenever somebody asks, and what no account has.
        Whom::Nobody => text.push(0),
    }
    text
}

/// The mailbox of a URL, if it is there and may be read.
pub(super) fn readable<'p>(place: &'p Place, url: &MessageUrl) -> Option<&'p MailboxState> {
    let state = place.allows(Right::Read).ok()?;
    let is_it = url.uid_validity.is_none_or(|epoch| epoch == state.uid_validity);
    is_it.then_some(state)
}

fn no_such_mechanism() -> Completion {
    Completion::no(Code::Cannot, "URLs are authorized with INTERNAL only here")
}
