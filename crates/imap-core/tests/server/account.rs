//! A toy account: mailboxes in memory, just enough to answer with.

use std::collections::BTreeMap;

use imap_core::{ObjectId, UidRuns, command::SpecialUse, listing::Listed, server::Missed};
use mail_types::{FlagSet, MailVolume, MailboxName, ModSeq, Quota, Timestamp, Uid};

#[derive(Default)]
pub(crate) struct Account {
    pub(crate) mailboxes: BTreeMap<MailboxName, Mailbox>,
    /// How many mailboxes were ever made.
    made: u64,
    /// What it may hold.
    pub(crate) quota: Quota,
}

pub(crate) struct Mailbox {
    pub(crate) messages: Vec<Message>,
    pub(crate) next: u32,
    pub(crate) id: ObjectId,
    /// That of the last change.
    pub(crate) mod_seq: ModSeq,
    /// What went, and when.
    pub(crate) gone: Vec<(Uid, ModSeq)>,
    pub(crate) subscribed: bool,
    pub(crate) special_use: Option<SpecialUse>,
}

#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) uid: Uid,
    pub(crate) flags: FlagSet,
    pub(crate) mod_seq: ModSeq,
    pub(crate) date: Timestamp,
    /// The n-th message of a mailbox came n days after 1970-01-01.
    pub(crate) saved: Timestamp,
    pub(crate) content: Vec<u8>,
}

impl Account {
    /// A mailbox with so many small messages, none of them seen.
    pub(crate) fn add(&mut self, name: &str, count: u32) {
        let name = MailboxName::parse(name).unwrap();
        self.made += 1;
        let special_use = match name.as_str() {
            "Trash" => Some(SpecialUse::Trash),
            "Sent" => Some(SpecialUse::Sent),
            _ => None,
        };
        let mut mailbox = Mailbox {
            messages: vec![],
            next: 1,
            id: ObjectId::of_mailbox([1, 2, self.made]),
            mod_seq: ModSeq(1000),
            gone: vec![],
            subscribed: true,
            special_use,
        };
        for number in 1..=count {
            let content = format!("Subject: {number}\r\n\r\nBody of {number}\r\n").into_bytes();
            mailbox.append(FlagSet::new(), Timestamp::from_secs(86_400), content);
        }
        self.mailboxes.insert(name, mailbox);
    }

    /// What it holds.
    pub(crate) fn volume(&self) -> MailVolume {
        let messages = self.mailboxes.values().flat_map(|mailbox| &mailbox.messages);
        let volume = messages
            .map(|message| MailVolume { octets: message.content.len() as u64, messages: 1 });
        volume.fold(MailVolume::default(), MailVolume::plus)
    }

    pub(crate) fn listed(&self) -> Vec<Listed> {
        let listed = |(name, mailbox): (&MailboxName, &Mailbox)| Listed {
            name: name.clone(),
            exists: true,
            subscribed: mailbox.subscribed,
            special_use: mailbox.special_use,
        };
        self.mailboxes.iter().map(listed).collect()
    }
}

impl Message {
    /// By its length, which the octets of these messages are known by.
    pub(crate) fn email_id(&self) -> String {
        format!("M{}", self.content.len())
    }

    pub(crate) fn thread_id(&self) -> String {
        format!("T{}", self.content.len() / 10)
    }
}

impl Mailbox {
    pub(crate) fn append(&mut self, flags: FlagSet, date: Timestamp, content: Vec<u8>) -> Uid {
        let uid = Uid::new(self.next).unwrap();
        self.next += 1;
        let mod_seq = self.changed();
        let saved = Timestamp::from_secs(i64::from(uid.number()) * 86_400);
        self.messages.push(Message { uid, flags, mod_seq, date, saved, content });
        uid
    }

    /// The mod-sequence of a change.
    pub(crate) fn changed(&mut self) -> ModSeq {
        self.mod_seq.0 += 1;
        self.mod_seq
    }

    /// Gives a message these flags, and a new mod-sequence if it had others.
    pub(crate) fn set_flags(&mut self, uid: Uid, flags: FlagSet) {
        let changed = self.message(uid).is_some_and(|message| message.flags != flags);
        let mod_seq = if changed { Some(self.changed()) } else { None };
        if let (Some(message), Some(mod_seq)) = (self.message(uid), mod_seq) {
            (message.flags, message.mod_seq) = (flags, mod_seq);
        }
    }

    pub(crate) fn uids(&self) -> UidRuns {
        self.messages.iter().map(|message| message.uid).collect()
    }

    pub(crate) fn message(&mut self, uid: Uid) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.uid == uid)
    }

    pub(crate) fn remove(&mut self, uids: &UidRuns) {
        let gone = self.uids().intersection(uids);
        if !gone.is_empty() {
            let mod_seq = self.changed();
            self.gone.extend(gone.iter().map(|uid| (uid, mod_seq)));
        }
        self.messages.retain(|message| !uids.contains(message.uid));
    }

    /// Which of these went since.
    pub(crate) fn vanished(&self, missed: &Missed) -> UidRuns {
        let since = self.gone.iter().filter(|(_, mod_seq)| *mod_seq > missed.since);
        let gone: UidRuns = since.map(|(uid, _)| *uid).collect();
        gone.intersection(&missed.without_message)
    }
}

/// The message of RFC 3501 §8, with a body as long as there.
pub(crate) fn sample() -> Message {
    let mut content = b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n\
        From: Terry Gray <gray@cac.washington.edu>\r\n\
        Subject: IMAP4rev1 WG mtg summary and minutes\r\n\
        To: imap@cac.washington.edu\r\n\
        cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n\
        Message-Id: <B27397-0100000@cac.washington.edu>\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\
        \r\n"
        .to_vec();
    for line in 0..92 {
        let length = if line == 0 { 25 } else { 31 };
        content.extend(std::iter::repeat_n(b'x', length));
        content.extend_from_slice(b"\r\n");
    }
    Message {
        uid: Uid::MIN,
        flags: FlagSet::from_parts(1, []),
        mod_seq: ModSeq(1012),
        date: Timestamp::from_secs(837_596_665),
        saved: Timestamp::from_secs(0),
        content,
    }
}
