//! LIST and LSUB (RFC 3501 §6.3.8, §6.3.9; RFC 5258), and what LIST tells beside: STATUS (RFC 5819),
//! MYRIGHTS (RFC 8440) and METADATA (RFC 9590).

use std::collections::HashMap;

use agent_kit::Gone;
use imap_core::{
    command::{Depth, List, ListReturn, SpecialUse},
    listing::{self, Listed},
    metadata,
    response::{self, Completion, OTHERS},
};
use mail_store::{AccountMailboxes, ListedMailbox, MailboxState, StoreError};
use mail_types::{MailboxName, Right, Rights};

use super::{metadata::annotations, status::values};
use crate::{
    handler::{Conversation, SignedIn, Talk},
    place::Lent,
    service::Service,
    trouble::{self, Failure},
};

/// How a command ends that tells something on the way.
type Told = Result<Result<Completion, Completion>, Gone>;

/// All that can be listed.
#[derive(Default)]
pub(super) struct Names {
    pub(super) listed: Vec<Listed>,
    lent: Vec<Lent>,
}

/// A mailbox that is listed.
struct Known<'n> {
    mailboxes: &'n AccountMailboxes,
    state: &'n MailboxState,
    rights: Rights,
    own: bool,
}

impl Conversation {
    pub(super) async fn tell_list(&self, list: &List, talk: &mut Talk<'_>) -> Told {
        let Some(signed_in) = &self.signed_in else { return Ok(Err(trouble::out_of_order())) };
        let names = match names(&self.service, signed_in, may_reach_others(list)).await {
            Ok(names) => names,
            Err(failure) => return Ok(Err(failure.completion())),
        };
        let states = if tells_more(&list.returns) {
            match signed_in.mailboxes.states().await {
                Ok(states) => states,
                Err(error) => return Ok(Err(trouble::completion(&error))),
            }
        } else {
            Vec::new()
        };
        let known = known(signed_in, &states, &names.lent);
        for line in listing::list(&names.listed, list) {
            let (session, wire) = talk.parts();
            response::list_line(&mut wire.output, &line.line, session.spelling());
            if let Some((name, known)) = line.status.and_then(|name| Some((name, known.get(name)?)))
                && let Err(error) = tell_more(signed_in, name, known, &list.returns, talk).await
            {
                return Ok(Err(trouble::completion(&error)));
            }
            talk.drain().await?;
        }
        Ok(Ok(Completion::ok("LIST completed")))
    }

    pub(super) async fn tell_lsub(
        &self,
        reference: &str,
        pattern: &str,
        talk: &mut Talk<'_>,
    ) -> Told {
        let Some(signed_in) = &self.signed_in else { return Ok(Err(trouble::out_of_order())) };
        // RFC 4314 §4: what is subscribed was not asked about, and needs no right.
        let names = match names(&self.service, signed_in, false).await {
            Ok(names) => names,
            Err(failure) => return Ok(Err(failure.completion())),
        };
        for line in listing::lsub(&names.listed, reference, pattern) {
            let (session, wire) = talk.parts();
            response::lsub_line(&mut wire.output, &line, session.spelling());
            talk.drain().await?;
        }
        Ok(Ok(Completion::ok("LSUB completed")))
    }
}

/// The attributes that LIST has for a mailbox, for SELECT (RFC 9051 §6.3.2).
pub(super) async fn attributes(
    service: &Service,
    signed_in: &SignedIn,
    name: &MailboxName,
) -> Result<Vec<&'static str>, Failure> {
    let all = List { patterns: vec!["*".to_owned()], extended: true, ..List::default() };
    let others = name.as_str().starts_with(OTHERS);
    let names = names(service, signed_in, others).await?;
    let lines = listing::list(&names.listed, &all);
    let line = lines.into_iter().find(|line| line.line.name == name.as_str());
    Ok(line.map(|line| line.line.attributes).unwrap_or_default())
}

fn tells_more(returns: &ListReturn) -> bool {
    !returns.status.is_empty() || returns.my_rights || !returns.metadata.is_empty()
}

/// What is told of a mailbox beside its line; what there is no right for is left out.
async fn tell_more(
    signed_in: &SignedIn,
    name: &MailboxName,
    known: &Known<'_>,
    returns: &ListReturn,
    talk: &mut Talk<'_>,
) -> Result<(), StoreError> {
    let Known { mailboxes, state, rights, own } = *known;
    let spelling = talk.parts().0.spelling();
    if !returns.status.is_empty() && rights.has(Right::Read) {
        let values = values(mailboxes, &returns.status, state, talk).await?;
        response::status_line(&mut talk.parts().1.output, name, &values, spelling);
    }
    if returns.my_rights {
        response::my_rights(&mut talk.parts().1.output, name, rights, spelling);
    }
    // RFC 5464 §3.3.
    let may_see = [Right::Read, Right::Seen, Right::Write, Right::Insert, Right::Post];
    if !returns.metadata.is_empty() && rights.has_any(&may_see) {
        let there = annotations(mailboxes, state, own, signed_in.account.id).await?;
        let chosen = metadata::choose(&there, &returns.metadata, None, Depth::Itself);
        response::metadata(&mut talk.parts().1.output, Some(name), &chosen.values, spelling);
    }
    Ok(())
}

fn known<'n>(
    signed_in: &'n SignedIn,
    states: &'n [MailboxState],
    lent: &'n [Lent],
) -> HashMap<&'n MailboxName, Known<'n>> {
    let mailboxes = &signed_in.mailboxes;
    let own = states
        .iter()
        .map(|state| (&state.name, Known { mailboxes, state, rights: Rights::ALL, own: true }));
    let others = lent.iter().map(|lent| {
        let Lent { shown, mailboxes, state, rights } = lent;
        (shown, Known { mailboxes, state, rights: *rights, own: false })
    });
    own.chain(others).collect()
}

/// Whether a pattern may reach a name of another's mailbox: what is not listed need not be looked
/// for.
fn may_reach_others(list: &List) -> bool {
    list.patterns.iter().any(|pattern| {
        let pattern = format!("{}{pattern}", list.reference);
        let fixed = pattern.split(['*', '%']).next().unwrap_or_default();
        fixed.starts_with(OTHERS) || OTHERS.starts_with(fixed)
    })
}

/// All names; those that others share, if they are wanted.
pub(super) async fn names(
    service: &Service,
    signed_in: &SignedIn,
    others: bool,
) -> Result<Names, Failure> {
    let own = signed_in.mailboxes.list().await?;
    let lent = if others { signed_in.lent(service).await? } else { Vec::new() };
    let mut listed: Vec<Listed> = own.into_iter().map(as_listed).collect();
    for Lent { shown, .. } in &lent {
        match listed.iter_mut().find(|listed| listed.name == *shown) {
            Some(subscribed) => subscribed.exists = true,
            None => listed.push(Listed {
                name: shown.clone(),
                exists: true,
                subscribed: false,
                special_use: None,
            }),
        }
    }
    Ok(Names { listed, lent })
}

fn as_listed(mailbox: ListedMailbox) -> Listed {
    Listed {
        name: mailbox.name,
        exists: mailbox.id.is_some(),
        subscribed: mailbox.subscribed,
        special_use: mailbox.special_use.map(special_use),
    }
}

fn special_use(special_use: mail_store::SpecialUse) -> SpecialUse {
    match special_use {
        mail_store::SpecialUse::Archive => SpecialUse::Archive,
        mail_store::SpecialUse::Drafts => SpecialUse::Drafts,
        mail_store::SpecialUse::Junk => SpecialUse::Junk,
        mail_store::SpecialUse::Sent => SpecialUse::Sent,
        mail_store::SpecialUse::Trash => SpecialUse::Trash,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_may_reach_what_others_share() {
        let check = |reference: &str, pattern: &str, expected| {
            let patterns = vec![pattern.to_owned()];
            let list = List { reference: reference.to_owned(), patterns, ..List::default() };
            assert_eq!(may_reach_others(&list), expected, "{reference:?} {pattern:?}");
        };
        check("", "*", true);
        check("", "%", true);
        check("", "O%", true);
        check("Other Users/", "*", true);
        check("Other Users/alice@example.org/", "%", true);
        check("", "Sent", false);
        check("", "INBOX/*", false);
        check("", "Other", true);
    }
}
