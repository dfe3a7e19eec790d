//! A session's client: it has the open mailbox as it was told of it, and believes nothing that the
//! standard forbids to be told.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    said::{Fetched, Said},
    truth::{BoxId, FlagOrder, Flags, Truth},
};

/// What may be told before a command's tagged line, of what the client did not ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct May {
    /// EXPUNGE.
    pub(crate) expunge: bool,
    /// VANISHED, to who has enabled QRESYNC.
    pub(crate) vanish: bool,
    pub(crate) exists: bool,
    /// VANISHED (EARLIER).
    pub(crate) earlier: bool,
    /// It is heard later than it was said, as in IDLE: what is there now may be another thing.
    pub(crate) late: bool,
}

impl May {
    pub(crate) const ALL: Self =
        Self { expunge: true, vanish: true, exists: true, earlier: false, late: false };
    /// FETCH, STORE: their numbers must keep their meaning, and new mail is overlooked there.
    pub(crate) const NUMBERED: Self =
        Self { expunge: false, vanish: false, exists: false, earlier: false, late: false };
    /// UID FETCH, UID STORE.
    pub(crate) const BY_UID: Self =
        Self { expunge: false, vanish: true, exists: false, earlier: false, late: false };
    /// SEARCH with sequence numbers.
    pub(crate) const SEARCH: Self =
        Self { expunge: false, vanish: false, exists: true, earlier: false, late: false };
    pub(crate) const IDLE: Self = Self { late: true, ..Self::ALL };
    pub(crate) const EARLIER: Self = Self { earlier: true, ..Self::BY_UID };
}

/// The open mailbox as the client knows it.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) mailbox: BoxId,
    pub(crate) read_only: bool,
    /// By sequence number; 0 where a race left open which message it is.
    pub(crate) uids: Vec<u32>,
    /// What it was told of flags.
    pub(crate) told: BTreeMap<u32, Flags>,
    /// All changes up to this one were told.
    pub(crate) highest: u64,
    /// The highest one of a message.
    top: u64,
    qresync: bool,
    /// The mailbox's flags and keywords.
    keywords: Flags,
}

impl View {
    pub(crate) fn new(mailbox: BoxId, qresync: bool) -> Self {
        Self {
            mailbox,
            read_only: false,
            uids: Vec::new(),
            told: BTreeMap::new(),
            highest: 0,
            top: 0,
            qresync,
            keywords: Flags::new(),
        }
    }

    /// Takes what was said. `truth` is what is there at this moment, if that is known.
    pub(crate) fn take(
        &mut self,
        said: &Said,
        may: May,
        truth: Option<&mut Truth>,
    ) -> Result<(), String> {
        match said {
            Said::Exists(_) | Said::Expunge(_) | Said::Vanished { .. } => {
                self.size_told(said, may, truth.as_deref())
            }
            Said::Fetch(fetched) => self.fetched(fetched, truth.filter(|_| !may.late)),
            Said::Recent(count) if *count as usize > self.uids.len() => {
                Err(format!("{count} RECENT of {}", self.uids.len()))
            }
            Said::Flags(flags) => {
                self.keywords.clone_from(flags);
                Ok(())
            }
            Said::HighestModSeq(told) if *told < self.highest => {
                Err(format!("HIGHESTMODSEQ went from {} to {told}", self.highest))
            }
            Said::HighestModSeq(told) => {
                self.highest = *told;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn size_told(&mut self, said: &Said, may: May, truth: Option<&Truth>) -> Result<(), String> {
        let there = truth.map(|truth| &truth.of(self.mailbox).messages);
        let gone = |uid: u32| match there {
            Some(there) if there.contains_key(&uid) => Err(format!("UID {uid} is not gone")),
            _ => Ok(()),
        };
        match said {
            Said::Exists(_) if !may.exists => Err("EXISTS here is overlooked".to_owned()),
            Said::Exists(count) => {
                let more = (*count as usize).checked_sub(self.uids.len());
                let more = more.ok_or_else(|| format!("{count} EXISTS of {}", self.uids.len()))?;
                let known = self.uids.last().map_or(1, |uid| uid + 1);
                match there {
                    Some(there) => self.uids.extend(there.range(known..).map(|(uid, _)| *uid)),
                    None => self.uids.extend(std::iter::repeat_n(0, more)),
                }
                if self.uids.len() == *count as usize {
                    Ok(())
                } else {
                    Err(format!("{count} EXISTS, but {}", self.uids.len()))
                }
            }
            Said::Expunge(_) if !may.expunge || self.qresync => {
                Err("EXPUNGE here takes their meaning from numbers".to_owned())
            }
            Said::Expunge(number) => {
                let place = self.place(*number)?;
                let uid = self.uids.remove(place);
                self.told.remove(&uid);
                gone(uid)
            }
            Said::Vanished { earlier: true, uids } => {
                if !may.earlier || !self.qresync {
                    return Err("VANISHED (EARLIER) was not asked for".to_owned());
                }
                for uid in uids {
                    gone(*uid)?;
                    if self.uids.contains(uid) {
                        return Err(format!("UID {uid} vanished earlier and has a number"));
                    }
                    self.told.remove(uid);
                }
                Ok(())
            }
            Said::Vanished { earlier: false, uids } => {
                if !may.vanish || !self.qresync {
                    return Err("VANISHED must not be told here".to_owned());
                }
                uids.iter().try_for_each(|uid| {
                    gone(*uid)?;
                    self.vanished(*uid)
                })
            }
            _ => Ok(()),
        }
    }

    fn vanished(&mut self, uid: u32) -> Result<(), String> {
        self.told.remove(&uid);
        let known = self.uids.iter().position(|other| *other == uid);
        // After a race it is one of those that have come, whichever.
        let place = known.or_else(|| self.uids.iter().rposition(|other| *other == 0));
        let place = place.ok_or_else(|| format!("VANISHED {uid} was not known"))?;
        self.uids.remove(place);
        Ok(())
    }

    fn fetched(&mut self, fetched: &Fetched, truth: Option<&mut Truth>) -> Result<(), String> {
        let place = self.place(fetched.number)?;
        if let Some(uid) = fetched.uid {
            let known = std::mem::replace(&mut self.uids[place], uid);
            let (below, above) = (&self.uids[..place], &self.uids[place + 1..]);
            let ascends = below.iter().all(|other| *other < uid)
                && above.iter().all(|other| *other > uid || *other == 0);
            if known != 0 && known != uid || !ascends {
                return Err(format!("number {} is UID {uid} in {:?}", fetched.number, self.uids));
            }
        }
        let uid = self.uids[place];
        self.top = self.top.max(fetched.mod_seq.unwrap_or(0));
        let Some(flags) = &fetched.flags else { return Ok(()) };
        if uid != 0 {
            self.told.insert(uid, flags.clone());
        }
        let Some(truth) = truth else { return Ok(()) };
        let mailbox = truth.of_mut(self.mailbox);
        if let Some(message) = mailbox.messages.get(&uid)
            && message.flags != *flags
        {
            return Err(format!("UID {uid} has {:?}, not {flags:?}", message.flags));
        }
        fetched.mod_seq.map_or(Ok(()), |told| mailbox.mod_seq_told(uid, told, flags))
    }

    fn place(&self, number: u32) -> Result<usize, String> {
        let place = (number as usize).checked_sub(1).filter(|place| *place < self.uids.len());
        place.ok_or_else(|| format!("there is no number {number} of {}", self.uids.len()))
    }

    /// The client has changed flags itself, and did not want to hear of it.
    pub(crate) fn changed(&mut self, uids: &BTreeSet<u32>, change: &FlagOrder) {
        for uid in uids {
            if let Some(flags) = self.told.get_mut(uid) {
                change.apply(flags);
            }
        }
    }

    /// All news was told: what the client believes is what is there.
    pub(crate) fn assert_up_to_date(&mut self, truth: &Truth) -> Result<(), String> {
        self.difference(truth).map_or(Ok(()), Err)?;
        let mut told = self.told.values().flatten();
        if let Some(keyword) = told.find(|flag| !self.keywords.contains(*flag)) {
            return Err(format!("{keyword} is not among {:?}", self.keywords));
        }
        self.highest = self.highest.max(self.top);
        Ok(())
    }

    /// What the client believes wrongly.
    pub(crate) fn difference(&self, truth: &Truth) -> Option<String> {
        let mailbox = truth.of(self.mailbox);
        if self.uids != mailbox.uids() {
            return Some(format!("the client knows {:?} of {mailbox}", self.uids));
        }
        self.told.iter().find_map(|(uid, flags)| {
            let message = mailbox.messages.get(uid)?;
            let text = || format!("UID {uid} has {:?}, the client knows {flags:?}", message.flags);
            (message.flags != *flags).then(text)
        })
    }

    /// After a race the rest is known to be what is there.
    pub(crate) fn fill(&mut self, truth: &Truth) -> Result<(), String> {
        let there = truth.of(self.mailbox).uids();
        let fits = there.len() == self.uids.len()
            && self.uids.iter().zip(&there).all(|(known, uid)| *known == 0 || known == uid);
        if !fits {
            return Err(format!("the client knows {:?} of {there:?}", self.uids));
        }
        self.uids = there;
        Ok(())
    }

    /// Messages whose flags it does not know.
    pub(crate) fn unknown(&self) -> Vec<u32> {
        self.uids.iter().filter(|uid| !self.told.contains_key(*uid)).copied().collect()
    }
}
