//! GENURLAUTH, RESETKEY and URLFETCH (RFC 4467): single messages, and parts of them, that others may
//! read by URL.
//!
//! A URL gives no more than its account may read itself when it is used, of the mailbox that its key
//! belongs to (RFC 4467 §7); it marks nothing. One that gives nothing is answered alike whatever is
//! wrong with it, and a token is calculated in any case (RFC 4467 §6).

use agent_kit::Gone;
use imap_core::{
    command::{UrlCommand, UrlToAuthorize},
    response::{Code, Completion, UrlFetchResponse},
    server::Ask,
    url::{AuthorizedUrl, MessageUrl, UrlAccess, UrlProof},
};
use mail_store::{MailboxState, MessageReader, StoreError, UrlKey};
use mail_types::{MailboxName, Right};

use super::{
    fetch_content::{Content, send},
    mailbox_id::mailbox_id,
};
use crate::{
    handler::{Conversation, SignedIn, Talk},
    place::Place,
    trouble,
};

/// The one mechanism (RFC 4467 §2.4.1).
const INTERNAL: &str = "INTERNAL";

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
            UrlCommand::Fetch(urls) => Ok(self.tell(urls, talk).await?),
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
            let owner = self.owner(&parsed.user).await?;
            if owner.is_none_or(|owner| owner.account.id != signed_in.account.id) {
                return Err(Completion::bad("Only own URLs are authorized"));
            }
            let place = self.place(&parsed.message.mailbox).await?;
            let Some(mailbox) = readable(&place, &parsed.message) else {
                return Err(Completion::bad("There is no such mailbox to be read"));
            };
            let id = mailbox_id(&place.mailboxes, mailbox).to_string();
            let key = signed_in.mailboxes.make_url_key(&id).await;
            let key = key.map_err(|error| trouble::completion(&error))?;
            let proof = UrlProof {
                mechanism: INTERNAL.into(),
                token: key.token(parsed.rump.as_bytes()).into(),
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
        let id = mailbox_id(&place.mailboxes, state).to_string();
        let reset = signed_in.mailboxes.reset_url_key(&id).await;
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

    /// URLFETCH. What fails here is no fault of the URL: the client may try it again.
    async fn tell(&self, urls: &[Box<str>], talk: &mut Talk<'_>) -> Result<Completion, Gone> {
        let response = UrlFetchResponse::begin(&mut talk.parts().1.output);
        let mut done = Completion::ok("URLFETCH completed");
        for url in urls {
            let found = self.redeem(url).await.unwrap_or_else(|error| {
                done = trouble::completion(&error);
                None
            });
            let out = &mut talk.parts().1.output;
            match found {
                Some((_, Content::Chosen(octets))) => {
                    response.content(out, url, octets.len() as u64);
                    out.extend_from_slice(&octets);
                }
                Some((reader, Content::Range(range))) => {
                    response.content(out, url, range.end.saturating_sub(range.start));
                    send(&reader, range, talk).await?;
                }
                // RFC 4467 §8: a message without this part.
                Some(_) => response.content(out, url, 0),
                None => response.nothing(out, url),
            }
            talk.drain().await?;
        }
        response.end(&mut talk.parts().1.output);
        Ok(done)
    }

    /// What a URL means, if it gives leave to whoever is signed in (RFC 4467 §6).
    async fn redeem(&self, url: &str) -> Result<Option<(MessageReader, Content)>, StoreError> {
        let Some(url) = AuthorizedUrl::parse(url) else { return Ok(None) };
        let Some(proof) = &url.proof else { return Ok(None) };
        let owner = self.owner(&url.user).await.unwrap_or_default();
        let place = match &owner {
            Some(owner) => match owner.place(&self.service, &url.message.mailbox).await {
                Err(StoreError::NoSuchMailbox(_)) => None,
                place => Some(place?),
            },
            None => None,
        };
        let mailbox =
            place.as_ref().and_then(|place| Some((place, readable(place, &url.message)?)));
        let key = match (&owner, mailbox) {
            (Some(owner), Some((place, state))) => {
                owner.mailboxes.url_key(&mailbox_id(&place.mailboxes, state).to_string()).await?
            }
            _ => None,
        };
        let has_key = key.is_some();
        let key = match key {
            Some(key) => key,
            None => UrlKey::random()?,
        };
        let is_proved = key.proves(url.rump.as_bytes(), &proof.token)
            && has_key
            && proof.mechanism.eq_ignore_ascii_case(INTERNAL)
            && url.expires.is_none_or(|end| agent_kit::now() <= end);
        let Some((place, _)) = mailbox.filter(|_| is_proved) else { return Ok(None) };
        if !self.may_use(&url.access).await {
            return Ok(None);
        }
        let Some((reader, row)) = place.message_at(&url.message).await? else { return Ok(None) };
        let (section, partial) = (&url.message.section, url.message.partial);
        let content = Content::of(&reader, &row, section, partial).await?;
        Ok(Some((reader, content)))
    }

    /// Whether whoever is signed in is among those that a URL is for (RFC 4467 §3). Nobody is signed
    /// in without a name here.
    async fn may_use(&self, access: &UrlAccess) -> bool {
        let Some(signed_in) = &self.signed_in else { return false };
        match access {
            UrlAccess::Anyone | UrlAccess::AnyUser => true,
            UrlAccess::User(name) => {
                let user = self.owner(name).await.unwrap_or_default();
                user.is_some_and(|user| user.account.id == signed_in.account.id)
            }
            // Whom it submits for, the submission server has looked at.
            UrlAccess::Submit(_) => {
                let address = &signed_in.account.address;
                let servers = &self.service.submission_servers;
                servers.iter().any(|server| server.folded() == address.folded())
            }
        }
    }

    /// The account of a user, as it signs in, and what it has. None if it may not.
    async fn owner(&self, name: &str) -> Result<Option<SignedIn>, Completion> {
        let account = match self.service.directory.account_by_sign_in(name).await {
            Ok(account) => account.filter(|account| !account.is_shut(agent_kit::now())),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "user not looked up");
                return Err(Completion::unavailable());
            }
        };
        let owner = account.map(|account| {
            let mailboxes = self.service.store.account(account.id);
            SignedIn { account, mailboxes }
        });
        Ok(owner)
    }
}

/// The mailbox of a URL, if it is there and may be read.
fn readable<'p>(place: &'p Place, url: &MessageUrl) -> Option<&'p MailboxState> {
    let state = place.allows(Right::Read).ok()?;
    let is_it = url.uid_validity.is_none_or(|epoch| epoch == state.uid_validity);
    is_it.then_some(state)
}

fn no_such_mechanism() -> Completion {
    Completion::no(Code::Cannot, "URLs are authorized with INTERNAL only here")
}
