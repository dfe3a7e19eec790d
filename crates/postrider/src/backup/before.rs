//! The backup before this one: what it has needs neither be read nor copied again.
//!
//! Both are in the same order (accounts by number, mailboxes by number, messages by UID), so the
//! former list is read beside the work, a line at a time, and never stands in memory.

use super::{
    manifest::{FileLine, Kind, Line, Reader, Scope},
    repository::Repository,
};
use crate::printer;

/// The former list, as far as it was read.
pub(super) struct Before {
    reader: Option<Reader>,
    next: Option<Line>,
    in_account: bool,
    /// Nothing was missing in it.
    is_whole: bool,
}

impl Before {
    /// The newest backup that is of all that this one is of, if one can be read.
    pub(super) fn open(repository: &Repository, scope: &Scope) -> anyhow::Result<Self> {
        for id in repository.past(agent_kit::now())?.iter().rev() {
            match repository.read(id) {
                Ok(reader) if covers(&reader.head.scope, scope) => {
                    let end = repository.summary(id).map(|(_, end)| end);
                    let is_whole = end.is_ok_and(|end| end.missing.is_empty());
                    let reader = Some(reader);
                    let mut before = Self { reader, next: None, in_account: false, is_whole };
                    before.step();
                    return Ok(before);
                }
                Ok(_) => {}
                Err(error) => printer::note(printer::in_one_line(&error)),
            }
        }
        Ok(Self { reader: None, next: None, in_account: false, is_whole: false })
    }

    /// Whether an account can be taken over from it as it was: what was missing has no line in it,
    /// and would be missing again without a word.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn step(&mut self) {
        let read = self.reader.as_mut().map(Reader::next).transpose();
        self.next = read
            .unwrap_or_else(|error| {
                // All that is behind is copied anew.
                printer::note(printer::in_one_line(&error));
                self.reader = None;
                None
            })
            .flatten();
    }

    /// Goes to an account, which must come after those gone to before. Answers what the backup has
    /// of its index.
    pub(super) fn account(&mut self, id: i64) -> Option<FileLine> {
        self.in_account = false;
        while let Some(line) = &self.next {
            match line {
                Line::Account(account) if account.id > id => return None,
                Line::Account(account) => self.in_account = account.id == id,
                Line::File(file) if self.in_account && file.kind == Kind::Index => {
                    return Some(file.clone());
                }
                _ => {}
            }
            self.step();
        }
        None
    }

    /// What it has of a message of this account, which must come after those asked for before.
    pub(super) fn message(&mut self, mailbox: i64, uid: u32) -> Option<FileLine> {
        while let Some(file) = self.peek() {
            let place = (file.mailbox.unwrap_or(0), file.uid.unwrap_or(0));
            if file.kind == Kind::Message && place >= (mailbox, uid) {
                return (place == (mailbox, uid)).then(|| file.clone());
            }
            self.step();
        }
        None
    }

    /// The next message of this account.
    pub(super) fn next_message(&mut self) -> Option<FileLine> {
        loop {
            let file = self.peek()?.clone();
            self.step();
            if file.kind == Kind::Message {
                return Some(file);
            }
        }
    }

    fn peek(&self) -> Option<&FileLine> {
        match &self.next {
            Some(Line::File(file)) if self.in_account => Some(file),
            _ => None,
        }
    }
}

fn covers(former: &Scope, wanted: &Scope) -> bool {
    match (former, wanted) {
        (Scope::Everything, _) => true,
        (Scope::Accounts(_), Scope::Everything) => false,
        (Scope::Accounts(former), Scope::Accounts(wanted)) => {
            wanted.iter().all(|address| former.contains(address))
        }
    }
}
