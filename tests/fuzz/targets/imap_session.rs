//! An IMAP session: whatever the client sends, no panic, and the same responses for every cut.

#![no_main]

mod conversation;

use std::sync::Arc;

use ::conversation::Wire;
use imap_core::{
    ObjectId, UidRuns,
    command::{Arrange, Search, Select, UrlCommand},
    response::Completion,
    server::{Ask, FlagsNow, MessageLimit, Opened, Options, Question, Session},
    url::{AuthorizedUrl, MessageUrl},
};
use libfuzzer_sys::fuzz_target;
use mail_types::{FlagSet, ModSeq, Rights, Uid, UidValidity};
use sasl_core::{Mechanism, Offers, server::Prepared};

fuzz_target!(|octets: &[u8]| {
    // The first octet says which questions get no answer.
    let Some((choice, octets)) = octets.split_first() else { return };
    let offers = Offers {
        mechanisms: Mechanism::ALL.to_vec(),
        challenges_in_clear: true,
        all_on_loopback: true,
    };
    let message_limit =
        if choice & 64 == 0 { MessageLimit::Unlimited } else { MessageLimit::All(2) };
    let limits = Options { message_limit, ..Options::default() };
    let options = Arc::new(Options { starttls: false, offers, uid_only: true, ..limits });
    let play = |size| {
        let mut drops = *choice;
        conversation::play(
            Session::new(1, options.clone()),
            octets,
            size,
            |question, session, wire| {
                if let Question::AppendPiece(ask) = question {
                    return ask.taken(session, wire);
                }
                drops = drops.rotate_left(1);
                if drops & 1 != 0 {
                    return;
                }
                match question {
                    Question::Prepare(ask) => {
                        let salt = Some((b"salt".to_vec(), 4096));
                        ask.ready(session, wire, Prepared { nonce: [7; 18], salt });
                    }
                    Question::SignIn(ask) => ask.welcome(session, wire, None),
                    Question::SignOut(ask) => ask.done(session, wire),
                    Question::Select(ask) => select(ask, session, wire),
                    Question::Fetch(ask) => {
                        if let Some(missed) = ask.missed(session, uid(10)) {
                            ask.vanished(wire, &missed.without_message);
                        }
                        ask.finish(session, wire, Completion::ok("FETCH completed"));
                    }
                    Question::Search(ask) => search(ask, session, wire),
                    Question::Changes(ask) => ask.finish(session, wire),
                    Question::AppendBegin(ask) => ask.accept(session, wire),
                    Question::AppendUrl(ask) => match MessageUrl::parse(&ask.command().url) {
                        Some(_) => ask.taken(session, 100),
                        None => {
                            let bad = ask.bad_url();
                            ask.refuse(session, wire, bad);
                        }
                    },
                    Question::AppendComplete(ask) => {
                        let (epoch, first) = (UidValidity::new(1).unwrap(), [uid(1)]);
                        let first = first.into_iter().collect();
                        if ask.messages().is_empty() {
                            ask.stored(session, wire, epoch, first);
                        } else {
                            ask.replaced(session, wire, epoch, first);
                        }
                    }
                    Question::Urls(ask) => {
                        if let UrlCommand::Authorize(urls) = ask.command() {
                            let known = |url: &&str| AuthorizedUrl::parse(url).is_some();
                            ask.authorized(wire, urls.iter().map(|it| &*it.url).filter(known));
                        }
                        ask.finish(session, wire, Completion::ok("GENURLAUTH completed"));
                    }
                    Question::AppendAbandoned(ask) => ask.forgotten(session),
                    // A dropped question is a temporary failure, which is an answer too.
                    _ => {}
                }
            },
        )
    };
    assert_eq!(play(1), play(octets.len().max(1)));
});

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

/// Opens the mailbox; all that went and all that is there is told to whoever comes back.
fn select(ask: Ask<Select>, session: &mut Session, wire: &mut Wire) {
    let validity = UidValidity::new(1).unwrap();
    ask.opened(session, wire, opened());
    if let Some(missed) = ask.missed(session, validity, uid(10)) {
        ask.vanished(wire, &missed.without_message);
        for uid in missed.messages.iter() {
            let now = FlagsNow { uid, flags: &FlagSet::new(), mod_seq: ModSeq(7) };
            ask.flags(session, wire, now);
        }
    }
    ask.done(session, wire);
}

/// Finds every message, whatever is asked for.
fn search(ask: Ask<Search>, session: &mut Session, wire: &mut Wire) {
    let all: Vec<Uid> = session.view().map(|view| view.uids().iter().collect()).unwrap_or_default();
    let numbers: Vec<u32> = all.iter().rev().filter_map(|uid| ask.number(session, *uid)).collect();
    match (&ask.command().arrange, ask.command().returns) {
        (Arrange::Ascending, Some(wanted)) => {
            let found = all.iter().copied().collect();
            ask.extended(session, wire, wanted, (&found, None));
        }
        (Arrange::Sorted(_), Some(wanted)) => {
            ask.extended_sorted(session, wire, wanted, (&numbers, None));
        }
        _ => {}
    }
    ask.finish(session, wire, Completion::ok("SEARCH completed"));
}

fn opened() -> Opened {
    Opened {
        uids: UidRuns::from_ranges([(uid(1), uid(3)), (uid(7), uid(9))]),
        recent: UidRuns::from_ranges([(uid(9), uid(9))]),
        first_unseen: Some(uid(2)),
        keywords: Vec::new(),
        uid_validity: UidValidity::new(1).unwrap(),
        uid_next: uid(10),
        highest_mod_seq: ModSeq(7),
        mailbox_id: ObjectId::of_mailbox([1, 1, 1]),
        attributes: vec!["\\HasNoChildren"],
        read_only: false,
        rights: Rights::ALL,
    }
}
