//! Names of message files: `unique,U=uid,S=octets` and, behind `:2,`, the letters of the flags. A
//! field `,T=seconds` stands behind these if the message was saved in its mailbox at another second
//! than the unique part begins with.
//!
//! What stands before the colon is the *base*: it never changes while the message stays in its
//! mailbox, and identifies it there. What stands from the colon on is the *info*.

use std::borrow::Cow;

use mail_types::{Flag, FlagSet, Keyword, QueueId, RecipientNumber, Timestamp, Uid};

/// What file systems take of a name, in octets.
const NAME_MAX: usize = 255;
/// The longest unique part that is given, in octets.
const UNIQUE_MAX: usize = 160;
/// What stays of a longer one, in front of a hash.
const UNIQUE_KEPT: usize = 100;

/// What ends the unique part of the names that this store gives.
const HOST: &str = "postrider";

/// The unique part for a recipient of a queue entry: the same each time.
pub(crate) fn unique_of_delivery(queue_id: QueueId, recipient: RecipientNumber) -> String {
    let seconds = queue_id.time().map_or(0, Timestamp::secs);
    format!("{seconds}.{queue_id}_{recipient}.{HOST}")
}

/// The unique part for any other message.
pub(crate) fn unique_of_append(now: Timestamp, random: [u8; 8]) -> String {
    format!("{}.{:016x}.{HOST}", now.secs(), u64::from_be_bytes(random))
}

/// The base of a message that is saved in its mailbox now. Fields that `unique` brings along from a
/// former name are dropped.
pub(crate) fn base(unique: &str, uid: Uid, octets: u64, saved: Timestamp) -> String {
    let mut base = format!("{},U={uid},S={octets}", short(unique_in(unique)));
    if saved_in(&base) != Some(saved.secs()) {
        base.push_str(&format!(",T={}", saved.secs()));
    }
    base
}

/// A unique part that leaves room for the fields and the info: other tools may give longer ones,
/// which are cut, with a hash that tells them apart.
fn short(unique: &str) -> Cow<'_, str> {
    if unique.len() <= UNIQUE_MAX {
        return unique.into();
    }
    let kept = unique.get(..unique.floor_char_boundary(UNIQUE_KEPT)).unwrap_or_default();
    let hash = blake3::hash(unique.as_bytes()).to_hex();
    format!("{kept}-{}", hash.get(..32).unwrap_or_default()).into()
}

/// The name for a removed message (its base ends with `,R=seconds`), as short as file systems want
/// it: of a longer one the unique part, the UID and our flags stay.
pub(crate) fn fitting(name: &str) -> Cow<'_, str> {
    if name.len() <= NAME_MAX {
        return name.into();
    }
    let (base, own) = split(name).unwrap_or((name, ""));
    let uid = uid_in(base).map_or_else(String::new, |uid| format!(",U={uid}"));
    let removed = base.rsplit_once(",R=").map_or("0", |(_, removed)| removed);
    let info = info(&flags_in(own), "");
    format!("{}{uid},R={removed}{info}", short(unique_in(base))).into()
}

/// What stays of an info behind a base: all of it, or the letters of our flags if it is longer than
/// file systems take.
pub(crate) fn fitting_info(base: &str, own: String) -> String {
    if base.len().saturating_add(own.len()) <= NAME_MAX {
        return own;
    }
    info(&flags_in(&own), "")
}

/// When a base says that its message was saved in its mailbox, in seconds: what `T=` tells, else
/// what it begins with. The index derives the same (`messages.saved`).
pub(crate) fn saved_in(base: &str) -> Option<i64> {
    let text = match base.split_once(",T=") {
        Some((_, text)) => text,
        None => base,
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let seconds = text.get(..digits)?.parse().ok()?;
    // Other tools may begin their names with any number.
    (1..=LATEST_SECS).contains(&seconds).then_some(seconds)
}

/// The last second of the year 9999: later ones are no dates.
const LATEST_SECS: i64 = 253_402_300_799;

/// The part of a base that goes along to another mailbox.
pub(crate) fn unique_in(base: &str) -> &str {
    base.split_once(',').map_or(base, |(unique, _)| unique)
}

/// The UID that a base tells.
pub(crate) fn uid_in(base: &str) -> Option<Uid> {
    let field = base.split(',').skip(1).find_map(|field| field.strip_prefix("U="))?;
    field.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    Uid::new(field.parse().ok()?)
}

/// Whether this store gave a base its unique part.
pub(crate) fn is_ours(base: &str) -> bool {
    unique_in(base).strip_suffix(HOST).is_some_and(|rest| rest.ends_with('.'))
}

/// The size of the file that a base tells, in octets.
pub(crate) fn size_in(base: &str) -> Option<u64> {
    base.split(',').skip(1).find_map(|field| field.strip_prefix("S="))?.parse().ok()
}

/// The queue entry and recipient that a base tells.
pub(crate) fn delivery_in(base: &str) -> Option<(QueueId, RecipientNumber)> {
    let middle = unique_in(base).split_once('.')?.1.strip_suffix(HOST)?.strip_suffix('.')?;
    let (queue_id, recipient) = middle.split_once('_')?;
    let (queue_id, recipient) = (queue_id.parse().ok()?, RecipientNumber(recipient.parse().ok()?));
    (unique_of_delivery(queue_id, recipient) == unique_in(base)).then_some((queue_id, recipient))
}

/// Divides a file name into base and info; none for what Maildir readers pass over.
pub(crate) fn split(name: &str) -> Option<(&str, &str)> {
    if name.is_empty() || name.starts_with('.') {
        return None;
    }
    Some(name.split_at(name.find(':').unwrap_or(name.len())))
}

/// The letters of an info; none for the experimental `:1,` and for what has no info.
fn letters(info: &str) -> &str {
    info.strip_prefix(":2,").unwrap_or_default()
}

/// `$Forwarded` is what the letter P says ("passed").
const FORWARDED: &str = "$Forwarded";

fn flag_of(letter: char) -> Option<Flag> {
    Some(match letter {
        'D' => Flag::Draft,
        'F' => Flag::Flagged,
        'P' => Flag::Keyword(Keyword::parse(FORWARDED).ok()?),
        'R' => Flag::Answered,
        'S' => Flag::Seen,
        'T' => Flag::Deleted,
        _ => return None,
    })
}

/// The flags that an info tells.
pub(crate) fn flags_in(info: &str) -> FlagSet {
    letters(info).chars().filter_map(flag_of).collect()
}

/// The info for these flags; letters of the former info that are none of ours are kept.
pub(crate) fn info(flags: &FlagSet, former: &str) -> String {
    let foreign = letters(former).chars().filter(|c| flag_of(*c).is_none());
    let ours = "DFPRST".chars().filter(|c| flag_of(*c).is_some_and(|f| flags.contains(&f)));
    let mut all: Vec<char> = foreign.chain(ours).collect();
    // Maildir readers expect the letters in the order of ASCII.
    all.sort_unstable();
    all.dedup();
    format!(":2,{}", all.into_iter().collect::<String>())
}

/// The keywords that no letter tells.
pub(crate) fn keywords_beside(flags: &FlagSet) -> Vec<Keyword> {
    let told = |keyword: &&Keyword| !keyword.as_str().eq_ignore_ascii_case(FORWARDED);
    flags.keywords().iter().filter(told).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(list: &[&str]) -> FlagSet {
        list.iter().map(|f| Flag::parse(f).unwrap()).collect()
    }

    #[test]
    fn a_delivery_is_known_by_its_name() {
        let queue_id = QueueId::new(Timestamp::from_millis(1_700_000_000_123), [1, 2, 3, 4]);
        let unique = unique_of_delivery(queue_id, RecipientNumber(12));
        assert!(unique.starts_with("1700000000.") && unique.ends_with("_12.postrider"));
        let base = base(&unique, Uid::MAX, 77, Timestamp::from_secs(1_700_000_000));
        assert_eq!(delivery_in(&base), Some((queue_id, RecipientNumber(12))));
        assert_eq!(uid_in(&base), Some(Uid::MAX));
        let append = unique_of_append(Timestamp::from_secs(5), [0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(append, "5.0000000000000001.postrider");
        for other in [append.as_str(), "1.M2P3.host,S=4", "", "postrider", "1.x_y.postrider"] {
            assert_eq!(delivery_in(other), None, "{other}");
        }
        assert!(is_ours(&base) && is_ours(&append));
        assert!(!is_ours("1.M2P3.host,S=4") && !is_ours("postrider"));
    }

    #[test]
    fn bases() {
        let uid = Uid::new(7).unwrap();
        let saved = Timestamp::from_secs;
        let unique = "1.M2P3.host,S=4,W=5,U=3,T=8";
        assert_eq!(base(unique, uid, 4, saved(1)), "1.M2P3.host,U=7,S=4");
        assert_eq!(base(unique, uid, 4, saved(2)), "1.M2P3.host,U=7,S=4,T=2");
        for (text, expected) in
            [("a,U=7", Some(7)), ("a,S=1,U=7,W=2", Some(7)), ("a,U=0", None), ("a,U=+7", None)]
        {
            assert_eq!(uid_in(text), expected.and_then(Uid::new), "{text}");
        }
        assert_eq!(uid_in("U=7"), None);
        assert_eq!(split("a,U=7:2,FS"), Some(("a,U=7", ":2,FS")));
        assert_eq!(split("a"), Some(("a", "")));
        assert_eq!(split(".nfs0001"), None);
    }

    #[test]
    fn names_that_are_too_long_are_cut() {
        let removed = ",R=1700000000:2,S";
        for length in [230, 235, 238, 255, 400] {
            let unique = format!("1700000000.{}", "가".repeat(length / 3));
            let name = format!("{unique},U=7{removed}");
            let fits = fitting(&name);
            assert!(fits.len() <= 255 && fits.ends_with(&format!(",U=7{removed}")), "{fits}");
            assert_eq!(fits == name, name.len() <= 255, "{length}");
            let other = fitting(&name.replacen("가,", "나,", 1)).into_owned();
            assert_ne!(fits, other);
            let base = base(&unique, Uid::MAX, u64::MAX, Timestamp::from_secs(5));
            assert!(base.len() < 230 && saved_in(&base) == Some(5), "{base}");
            assert_eq!(short(unique_in(&base)), unique_in(&base), "it is cut once");
        }
    }

    #[test]
    fn infos_that_are_too_long_are_cut() {
        let base = "1".repeat(205);
        for (own, expected) in [
            (format!(":2,{}", "a".repeat(47)), None),
            (format!(":2,FS{}", "a".repeat(46)), Some(":2,FS")),
            (format!(":30 {}.eml", "o".repeat(50)), Some(":2,")),
        ] {
            assert_eq!(fitting_info(&base, own.clone()), expected.unwrap_or(&own));
        }
    }

    #[test]
    fn when_a_message_was_saved() {
        for (base, expected) in [
            ("1700000000.x.postrider,U=7,S=4", Some(1_700_000_000)),
            ("1700000000.x.postrider,U=7,S=4,T=1700000009", Some(1_700_000_009)),
            ("1700000000.x.postrider,U=7,S=4,T=1700000009,W=5", Some(1_700_000_009)),
            ("253402300800.x,U=7", None),
            ("99999999999999999999.x,U=7", None),
            ("0.x", None),
            ("a,U=7", None),
            ("", None),
        ] {
            assert_eq!(saved_in(base), expected, "{base}");
        }
    }

    #[test]
    fn infos() {
        let all =
            flags(&["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Forwarded"]);
        assert_eq!(info(&all, ""), ":2,DFPRST");
        assert_eq!(flags_in(":2,DFPRST"), all);
        assert_eq!(info(&flags(&["\\Seen", "other"]), ":2,Tba"), ":2,Sab");
        assert_eq!(flags_in(":2,Sab"), flags(&["\\Seen"]));
        assert_eq!(flags_in(":1,S"), FlagSet::new());
        let beside = keywords_beside(&flags(&["$forwarded", "work", "\\Seen"]));
        assert_eq!(beside, [Keyword::parse("work").unwrap()]);
    }
}
