//! Faults put between server and model, each as a server might have it.

use crate::client::Answer;

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    None,
    /// A STORE does the contrary.
    StoreIsWrong,
    /// EXPUNGE and VANISHED are not told.
    ExpungeIsLost,
    /// Flags that others changed are not told.
    FlagsAreLost,
    /// EXPUNGE and EXISTS are told during a FETCH.
    ExpungeInFetch,
    ExistsInFetch,
    /// QRESYNC does not tell what vanished, or what changed.
    EarlierIsLost,
    ChangedIsLost,
    /// COPYUID names another message.
    CopyUidIsWrong,
    /// MODIFIED is not told.
    ModifiedIsLost,
    /// Mod-sequences stand still.
    ModSeqStays,
    /// STATUS counts one too many.
    StatusIsWrong,
    /// SEARCH does not find the last one.
    SearchMisses,
    /// UIDVALIDITY becomes another.
    ValidityMoves,
}

impl Fault {
    pub(crate) const ALL: &[Self] = &[
        Self::StoreIsWrong,
        Self::ExpungeIsLost,
        Self::FlagsAreLost,
        Self::ExpungeInFetch,
        Self::ExistsInFetch,
        Self::EarlierIsLost,
        Self::ChangedIsLost,
        Self::CopyUidIsWrong,
        Self::ModifiedIsLost,
        Self::ModSeqStays,
        Self::StatusIsWrong,
        Self::SearchMisses,
        Self::ValidityMoves,
    ];
}

/// A command as the server gets it.
pub(crate) fn command(fault: Fault, command: &str) -> String {
    match fault {
        Fault::StoreIsWrong if command.contains("STORE ") => command.replace(" +FLAGS", " -FLAGS"),
        _ => command.to_owned(),
    }
}

/// An answer as the client gets it.
pub(crate) fn answer(fault: Fault, command: &str, answer: &mut Answer) {
    let lines = &mut answer.untagged;
    let lose = |lines: &mut Vec<Vec<u8>>, has: &dyn Fn(&str) -> bool| {
        lines.retain(|line| !has(&String::from_utf8_lossy(line)));
    };
    match fault {
        Fault::ExpungeIsLost => {
            lose(lines, &|line| line.ends_with(" EXPUNGE") || line.starts_with("VANISHED "));
        }
        Fault::FlagsAreLost if command == "NOOP" => lose(lines, &|line| line.contains(" FETCH ")),
        Fault::ExpungeInFetch if command.starts_with("FETCH") => lines.push(b"1 EXPUNGE".to_vec()),
        Fault::ExistsInFetch if command.starts_with("FETCH") => lines.push(b"99 EXISTS".to_vec()),
        Fault::EarlierIsLost => lose(lines, &|line| line.starts_with("VANISHED (EARLIER)")),
        Fault::ChangedIsLost if command.starts_with("SELECT") => {
            lose(lines, &|line| line.contains(" FETCH "));
        }
        Fault::CopyUidIsWrong => {
            answer.tagged = moved(&answer.tagged);
            for line in lines.iter_mut().filter(|line| line.starts_with(b"OK [COPYUID")) {
                *line = moved(&String::from_utf8_lossy(line)).into_bytes();
            }
        }
        Fault::ModifiedIsLost => answer.tagged = answer.tagged.replace("[MODIFIED", "[X"),
        Fault::ModSeqStays => change(lines, "MODSEQ (", |_| 7),
        Fault::StatusIsWrong => change(lines, "(MESSAGES ", |count| count + 1),
        Fault::SearchMisses => {
            for line in lines.iter_mut().filter(|line| line.starts_with(b"SEARCH ")) {
                let last = line.iter().rposition(|octet| *octet == b' ').unwrap();
                line.truncate(last);
            }
        }
        Fault::ValidityMoves if command != "watch" => {
            change(lines, "[UIDVALIDITY ", |validity| validity + 1);
        }
        _ => {}
    }
}

/// COPYUID with another last UID.
fn moved(text: &str) -> String {
    let Some(code) = super::said::code(text, "COPYUID") else { return text.to_owned() };
    let at = code.rfind([' ', ',', ':']).unwrap() + 1;
    let (before, last) = code.split_at(at);
    text.replace(code, &format!("{before}{}", last.parse::<u32>().unwrap() + 1))
}

/// Another number behind these words.
fn change(lines: &mut [Vec<u8>], words: &str, to: impl Fn(u64) -> u64) {
    for line in lines {
        let text = String::from_utf8_lossy(line).into_owned();
        if let Some((before, rest)) = text.split_once(words) {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = rest.split_at(digits);
            *line = format!("{before}{words}{}{rest}", to(number.parse().unwrap())).into_bytes();
        }
    }
}
