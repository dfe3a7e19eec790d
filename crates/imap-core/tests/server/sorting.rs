//! The toy account's answers to SORT and THREAD.

use std::cmp::Ordering;

use conversation::Wire;
use imap_core::{
    command::{Arrange, Search, SortCriterion, SortKey, ThreadAlgorithm},
    response::{Completion, FoundModSeqs, SearchResponse, ThreadResponse},
    server::{Ask, Session},
    thread,
};
use mail_types::Uid;
use mime_core::sorting::SortKeys;

use super::account::Message;

/// The messages in the order of a SORT.
pub(crate) fn sorted(found: &[Message], arrange: &Arrange) -> Vec<Uid> {
    let Arrange::Sorted(by) = arrange else { return vec![] };
    ordered(found, by).into_iter().map(|(message, _)| message.uid).collect()
}

fn ordered<'m>(found: &'m [Message], by: &[SortCriterion]) -> Vec<(&'m Message, SortKeys)> {
    let mut sorted: Vec<(&Message, SortKeys)> =
        found.iter().map(|message| (message, SortKeys::of(&message.content))).collect();
    sorted.sort_by(|a, b| {
        by.iter().fold(Ordering::Equal, |order, criterion| {
            let one = compare(criterion.key, a, b);
            order.then(if criterion.reverse { one.reverse() } else { one })
        })
    });
    sorted
}

pub(crate) fn arranged(
    found: &[Message],
    ask: Ask<Search>,
    session: &mut Session,
    wire: &mut Wire,
) {
    match &ask.command().arrange {
        Arrange::Ascending => unreachable!(),
        Arrange::Sorted(by) => {
            let sorted = ordered(found, by);
            let mut mod_seqs = None;
            for (message, _) in sorted.iter().filter(|_| ask.command().key.names_mod_seq()) {
                mod_seqs.get_or_insert(FoundModSeqs::of(message.mod_seq)).add(message.mod_seq);
            }
            let numbers: Vec<u32> =
                sorted.iter().map(|(m, _)| ask.number(session, m.uid).unwrap()).collect();
            let uids: Vec<Uid> = sorted.iter().map(|(message, _)| message.uid).collect();
            ask.save(session, &uids);
            if let Some(wanted) = ask.command().returns {
                ask.extended_sorted(session, wire, wanted, (&numbers, mod_seqs));
                ask.keep_updating(session, wire, &uids);
            } else {
                let response = SearchResponse::begin_sorted(&mut wire.output);
                numbers.iter().for_each(|number| response.number(&mut wire.output, *number));
                response.end(&mut wire.output, mod_seqs);
            }
            ask.finish(session, wire, Completion::ok("SORT completed"));
        }
        Arrange::Threaded(algorithm) => {
            let messages: Vec<thread::Message> = found
                .iter()
                .map(|message| threadable(ask.number(session, message.uid).unwrap(), message))
                .collect();
            let threads = match algorithm {
                ThreadAlgorithm::OrderedSubject => thread::by_subject(&messages),
                ThreadAlgorithm::References => thread::by_references(&messages),
            };
            let mut response = ThreadResponse::begin(&mut wire.output);
            (0..threads.len()).for_each(|one| response.thread(&mut wire.output, &threads, one));
            response.end(&mut wire.output);
            ask.finish(session, wire, Completion::ok("THREAD completed"));
        }
    }
}

fn compare(key: SortKey, a: &(&Message, SortKeys), b: &(&Message, SortKeys)) -> Ordering {
    let sent = |(message, keys): &(&Message, SortKeys)| keys.sent.unwrap_or(message.date);
    match key {
        SortKey::Arrival => a.0.date.cmp(&b.0.date),
        SortKey::Cc => a.1.cc.cmp(&b.1.cc),
        SortKey::Date => sent(a).cmp(&sent(b)),
        SortKey::From => a.1.from.cmp(&b.1.from),
        SortKey::Size => a.0.content.len().cmp(&b.0.content.len()),
        SortKey::Subject => a.1.subject.cmp(&b.1.subject),
        SortKey::To => a.1.to.cmp(&b.1.to),
        SortKey::DisplayFrom => a.1.shown_from.cmp(&b.1.shown_from),
        SortKey::DisplayTo => a.1.shown_to.cmp(&b.1.shown_to),
    }
}

fn threadable(number: u32, message: &Message) -> thread::Message {
    let keys = SortKeys::of(&message.content);
    let digest = |id: &[u8]| id.iter().fold(7_u64, |sum, b| sum.wrapping_mul(131) + u64::from(*b));
    thread::Message {
        number,
        sent: keys.sent.unwrap_or(message.date).secs(),
        subject: keys.subject,
        is_reply_or_forward: keys.thread.subject.is_reply_or_forward,
        id: keys.thread.message_id.as_deref().map(digest),
        references: keys.thread.references.iter().map(|id| digest(id)).collect(),
    }
}
