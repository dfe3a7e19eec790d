//! URLFETCH (RFC 4467): what URLs mean, for those whom they are for.
//!
//! A URL gives no more than its account may read itself when it is used, of the mailbox that its key
//! belongs to (RFC 4467 §7); it marks nothing. One that gives nothing is answered alike whatever is
//! wrong with it, and a token is calculated in any case (RFC 4467 §6): by a key of whoever asks where
//! an account is not there, by none where a mailbox is not.

use std::collections::{HashMap, hash_map::Entry};

use agent_kit::Gone;
use imap_core::{
    response::{Completion, UrlFetchResponse},
    url::{AuthorizedUrl, UrlAccess},
};
use mail_store::{MessageReader, StoreError, UrlKey, UrlKeys};
use mail_types::AccountId;

use super::{
    fetch_content::{Content, send},
    mailbox_id::keyed,
    urls::{INTERNAL, Whom, proved_text, readable},
};
use crate::{
    handler::{Conversation, Talk},
    trouble::{self, Failure},
};

/// The keys of the accounts that URLs of one command name, read once.
type Keys = HashMap<AccountId, UrlKeys>;

impl Conversation {
    /// URLFETCH. What fails here is no fault of the URL: the client may try it again.
    pub(super) async fn tell_urls(
        &self,
        urls: &[Box<str>],
        talk: &mut Talk<'_>,
    ) -> Result<Completion, Gone> {
        let response = UrlFetchResponse::begin(&mut talk.parts().1.output);
        let mut done = Completion::ok("URLFETCH completed");
        let mut keys = Keys::new();
        for url in urls {
            let found = self.redeem(url, &mut keys).await.unwrap_or_else(|failed| {
                done = failed;
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
                    // That may have taken long: what was revoked meanwhile counts.
                    keys.clear();
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
    async fn redeem(
        &self,
        url: &str,
        keys: &mut Keys,
    ) -> Result<Option<(MessageReader, Content)>, Completion> {
        let Some(url) = AuthorizedUrl::parse(url) else { return Ok(None) };
        let Some(proof) = &url.proof else { return Ok(None) };
        let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
        let whom = self.meant_by(&url.access).await?;
        let owner = self.owner(&url.user).await?;
        // For a name that is nobody's, the same is done as for another.
        let reader = owner.as_ref().unwrap_or(signed_in);
        let place = reader.place(&self.service, &url.message.mailbox).await;
        let place = unless_gone(place.map(Some))?;
        let mailbox =
            place.as_ref().and_then(|place| Some((place, readable(place, &url.message)?)));
        let keyed = mailbox.map(|(place, state)| keyed(&place.mailboxes, state));
        let keys = match keys.entry(reader.account.id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let read = reader.mailboxes.url_keys().await;
                place.insert(read.map_err(|error| trouble::completion(&error))?)
            }
        };
        let key = keys.key(keyed);
        let none = UrlKey::random().map_err(|error| trouble::completion(&error))?;
        let is_right = key.unwrap_or(&none).proves(&proved_text(&url, whom), &proof.token);
        let is_proved = is_right
            && key.is_some()
            && owner.is_some()
            && whom != Whom::Nobody
            && proof.mechanism.eq_ignore_ascii_case(INTERNAL)
            && url.expires.is_none_or(|end| agent_kit::now() <= end);
        let Some((place, _)) = mailbox.filter(|_| is_proved) else { return Ok(None) };
        if !self.may_use(&url.access, whom) {
            return Ok(None);
        }
        let content = async {
            let Some((reader, row)) = place.message_at(&url.message).await? else {
                return Ok(None);
            };
            let (section, partial) = (&url.message.section, url.message.partial);
            let content = Content::of(&reader, &row, section, partial).await?;
            Ok::<_, Failure>(Some((reader, content)))
        };
        unless_gone(content.await)
    }

    /// Whether whoever is signed in is among those that a URL is for (RFC 4467 §3). Nobody is signed
    /// in without a name here.
    fn may_use(&self, access: &UrlAccess, whom: Whom) -> bool {
        let Some(signed_in) = &self.signed_in else { return false };
        match access {
            UrlAccess::Anyone | UrlAccess::AnyUser => self.service.shares_with_all(),
            UrlAccess::User(_) => whom == Whom::One(signed_in.account.id),
            // Whom it submits for, the submission server has looked at.
            UrlAccess::Submit(_) => {
                let address = &signed_in.account.address;
                let servers = &self.service.submission_servers;
                servers.iter().any(|server| server.folded() == address.folded())
            }
        }
    }
}

/// What is not there, or went meanwhile, gives nothing; other trouble may be over later.
fn unless_gone<T>(found: Result<Option<T>, Failure>) -> Result<Option<T>, Completion> {
    found.or_else(|failure| match failure {
        Failure::Store(
            StoreError::NoSuchMailbox(_) | StoreError::MailboxGone(_) | StoreError::MessageGone,
        ) => Ok(None),
        failure => Err(failure.completion()),
    })
}

#[cfg(test)]
mod tests {
    use mail_types::{MailboxId, MailboxName};

    use super::*;

    #[test]
    fn what_went_meanwhile_gives_nothing() {
        for gone in [
            StoreError::NoSuchMailbox(MailboxName::inbox()),
            StoreError::MailboxGone(MailboxId(1)),
            StoreError::MessageGone,
        ] {
            assert_eq!(unless_gone::<()>(Err(gone.into())), Ok(None));
        }
        assert_eq!(unless_gone(Ok(Some(1))), Ok(Some(1)));
        let closing = Failure::from(StoreError::Closing);
        assert_eq!(unless_gone::<()>(Err(closing)), Err(Completion::unavailable()));
    }
}
