//! The commands that change messages: STORE, EXPUNGE, COPY, MOVE, APPEND.

use std::collections::BTreeSet;

use super::{
    commands::{by, in_code, numbered},
    numbers,
    order::{Mode, NAMES, Set},
    said::{self, Fetched, Said},
    truth::{FlagOrder, Flags, render_flags},
    view::{May, View},
    world::{World, is},
};

impl World {
    pub(crate) async fn store(
        &mut self,
        number: usize,
        view: &View,
        set: Set,
        change: &FlagOrder,
        (silent, unchanged_since): (bool, Option<u32>),
    ) -> Result<(), String> {
        let counts = matches!(self.sessions[number].mode, Mode::Condstore | Mode::Qresync);
        let named = set.named(view);
        let mut wanted = named.uids.clone();
        if view.read_only || named.beyond {
            wanted.clear();
        }
        let there: BTreeSet<u32> = wanted
            .iter()
            .filter(|uid| self.truth.of(view.mailbox).messages.contains_key(uid))
            .copied()
            .collect();
        let (mut left, mut condition) = (BTreeSet::new(), String::new());
        if let Some(which) = unchanged_since.filter(|_| counts) {
            let probed = self.probe(view.mailbox).await?;
            let mod_seqs: Vec<u64> = probed.values().map(|(_, mod_seq)| *mod_seq).collect();
            let place = (which as usize).checked_rem(mod_seqs.len());
            let since = place.map_or(view.highest, |place| mod_seqs[place]);
            left = there.iter().filter(|uid| probed[uid].1 > since).copied().collect();
            condition = format!("(UNCHANGEDSINCE {since}) ");
        }
        let done: BTreeSet<u32> = there.difference(&left).copied().collect();
        done.iter().for_each(|uid| self.truth.of_mut(view.mailbox).change(*uid, change));
        if let Some(view) = &mut self.sessions[number].view {
            view.changed(&done, change);
        }

        let verb = if set.by_uid { "UID STORE" } else { "STORE" };
        let command = format!("{verb} {} {condition}{}", named.text, change.render(silent));
        let heard = self.ask(number, &command).await?;
        self.believe(number, &heard.said, by(set))?;
        if view.read_only {
            return is(&heard.tagged, "NO [READ-ONLY]");
        }
        if named.beyond {
            return is(&heard.tagged, "BAD");
        }
        let missing = there.len() < wanted.len() && !set.by_uid;
        is(&heard.tagged, if missing { "NO" } else { "OK" })?;
        let modified = in_code(&heard.tagged, "MODIFIED")?;
        if modified != numbered(view, set, &left) {
            return Err(format!("{left:?} were to be left, {modified:?} were"));
        }
        let told: BTreeSet<u32> = heard
            .said
            .iter()
            .filter_map(|said| match said {
                // RFC 7162 §3.1.3: to who counts, the mod-sequence is told in silence as well.
                Said::Fetch(Fetched { flags: None, mod_seq: None, .. }) => None,
                Said::Fetch(fetched) => Some(fetched.number),
                _ => None,
            })
            .collect();
        let by_number = Set { by_uid: false, ..set };
        let untold: Vec<u32> =
            numbered(view, by_number, &done).difference(&told).copied().collect();
        if untold.is_empty() || silent && !counts {
            Ok(())
        } else {
            Err(format!("STORE did not tell of {untold:?}"))
        }
    }

    /// EXPUNGE, or UID EXPUNGE of a set.
    pub(crate) async fn expunge(
        &mut self,
        number: usize,
        view: &View,
        set: Option<Set>,
    ) -> Result<(), String> {
        let named = set.map(|set| Set { by_uid: true, ..set }.named(view));
        let mut gone = self.truth.of(view.mailbox).deleted();
        if let Some(named) = &named {
            gone.retain(|uid| named.uids.contains(uid));
        }
        if !view.read_only {
            self.truth.of_mut(view.mailbox).remove(&gone);
        }
        let command = match named {
            Some(named) => format!("UID EXPUNGE {}", named.text),
            None => "EXPUNGE".to_owned(),
        };
        let heard = self.ask(number, &command).await?;
        self.believe(number, &heard.said, May::ALL)?;
        if view.read_only {
            return is(&heard.tagged, "NO [READ-ONLY]");
        }
        is(&heard.tagged, "OK")?;
        self.highest_told(number, &heard.tagged)
    }

    /// HIGHESTMODSEQ behind a command that removed messages: all before it was told.
    fn highest_told(&mut self, number: usize, tagged: &str) -> Result<(), String> {
        let session = &mut self.sessions[number];
        let Some(view) = &mut session.view else { return Ok(()) };
        if let Some(told) = said::code(tagged, "HIGHESTMODSEQ") {
            let told = told.parse().map_err(|_| format!("no number: {tagged}"))?;
            self.truth.of_mut(view.mailbox).highest_told(told)?;
            view.take(&Said::HighestModSeq(told), May::ALL, None)?;
            return view.assert_up_to_date(&self.truth);
        }
        if session.mode == Mode::Qresync {
            return Err(format!("no HIGHESTMODSEQ: {tagged}"));
        }
        Ok(())
    }

    /// COPY or MOVE into a mailbox.
    pub(crate) async fn copy(
        &mut self,
        number: usize,
        view: &View,
        set: Set,
        (to, remove): (&str, bool),
    ) -> Result<(), String> {
        let named = set.named(view);
        let messages = &self.truth.of(view.mailbox).messages;
        let there: BTreeSet<u32> =
            named.uids.iter().filter(|uid| messages.contains_key(uid)).copied().collect();
        let uid = if set.by_uid { "UID " } else { "" };
        let verb = if remove { "MOVE" } else { "COPY" };
        let name = self.name_for(number, to);
        let heard = self.ask(number, &format!("{uid}{verb} {} {name}", named.text)).await?;
        let target = self.truth.named(to);
        let mut placed = said::copy_uid(&heard.tagged)?;
        for said in &heard.said {
            if let Said::CopyUid(told) = said {
                placed = Some(told.clone());
            }
        }
        let expected = match target {
            _ if remove && view.read_only => "NO [READ-ONLY]",
            _ if named.beyond => "BAD",
            _ if named.uids.is_empty() => "OK",
            None => "NO [",
            Some(_) if there.is_empty() && !set.by_uid => "NO [EXPUNGEISSUED]",
            Some(_) => "OK",
        };
        is(&heard.tagged, expected)?;
        if let (Some(target), "OK", false) = (target, expected, there.is_empty()) {
            let placed = placed.ok_or_else(|| format!("no COPYUID: {}", heard.tagged))?;
            self.validity_told(target, placed.validity)?;
            let old: Vec<u32> = there.iter().copied().collect();
            if placed.from != old {
                return Err(format!("{old:?} were to be copied, {:?} were", placed.from));
            }
            self.truth.copy(view.mailbox, &old, target, &placed.to)?;
            if remove {
                self.truth.of_mut(view.mailbox).remove(&there);
            }
        } else if placed.is_some() {
            return Err(format!("COPYUID of nothing: {}", heard.tagged));
        }
        self.believe(number, &heard.said, May::ALL)?;
        if remove && expected == "OK" && !there.is_empty() {
            return self.highest_told(number, &heard.tagged);
        }
        Ok(())
    }

    pub(crate) async fn append(
        &mut self,
        number: usize,
        mailbox: usize,
        flags: &Flags,
        count: u32,
    ) -> Result<(), String> {
        let mut command = format!("APPEND {}", self.name_for(number, NAMES[mailbox]));
        let mut numbers = Vec::new();
        for _ in 0..count {
            let (message, content) = self.new_message();
            numbers.push(message);
            let content = String::from_utf8_lossy(&content).into_owned();
            let flags = render_flags(flags);
            command.push_str(&format!(" {flags} {{{}+}}\r\n{content}", content.len()));
        }
        let heard = self.ask(number, &command).await?;
        let Some(target) = self.truth.named(NAMES[mailbox]) else {
            return is(&heard.tagged, "NO [");
        };
        is(&heard.tagged, "OK")?;
        let code = said::code(&heard.tagged, "APPENDUID").and_then(|code| code.split_once(' '));
        let (validity, uids) = code.ok_or_else(|| format!("no APPENDUID: {}", heard.tagged))?;
        let validity = validity.parse().map_err(|_| format!("APPENDUID: {}", heard.tagged))?;
        self.validity_told(target, validity)?;
        let uids = numbers::parse(uids)?;
        if uids.len() != numbers.len() {
            return Err(format!("{numbers:?} became {uids:?}"));
        }
        for (uid, message) in uids.into_iter().zip(numbers) {
            self.truth.of_mut(target).add(uid, message, flags.clone())?;
        }
        self.believe(number, &heard.said, May::ALL)
    }
}
