//! One reply of a name server, read from the name that was asked to the records that answer it.
//! Pure.
//!
//! What a stranger controls: all of it. Records of other names and other types are no answer,
//! wherever they stand; aliases are followed once each.

use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

/// Most aliases (CNAME) on the way to an answer, over all replies that it takes.
pub(crate) const MAX_ALIASES: usize = 10;

/// What a reply says of a name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Walk {
    /// Where its aliases lead.
    pub(crate) end: Name,
    /// How many aliases that took.
    pub(crate) aliases: usize,
    /// The records of the type there; none if the reply stops before.
    pub(crate) records: Vec<RData>,
    /// For how many seconds all of that may be believed.
    pub(crate) ttl: u32,
}

/// More aliases than anybody needs, or a circle of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyAliases;

/// Follows `asked` through the answers (RFC 1034 §3.6.2).
pub(crate) fn walk(
    asked: &Name,
    kind: RecordType,
    answers: &[Record],
) -> Result<Walk, TooManyAliases> {
    let mut walk = Walk { end: asked.clone(), aliases: 0, records: Vec::new(), ttl: u32::MAX };
    loop {
        let here = || answers.iter().filter(|record| record.name == walk.end);
        let found: Vec<&Record> = here().filter(|record| record.record_type() == kind).collect();
        if !found.is_empty() {
            let least = found.iter().map(|record| lifetime(record)).min();
            walk.ttl = walk.ttl.min(least.unwrap_or(0));
            walk.records = found.into_iter().map(|record| record.data.clone()).collect();
            return Ok(walk);
        }
        let alias = here().find_map(|record| match &record.data {
            RData::CNAME(target) => Some((target.0.clone(), lifetime(record))),
            _ => None,
        });
        let Some((target, ttl)) = alias else { return Ok(walk) };
        walk.aliases += 1;
        if walk.aliases > MAX_ALIASES {
            return Err(TooManyAliases);
        }
        walk.ttl = walk.ttl.min(ttl);
        walk.end = target;
    }
}

/// RFC 2181 §8: with the highest bit set it is none.
fn lifetime(record: &Record) -> u32 {
    if record.ttl > i32::MAX.unsigned_abs() { 0 } else { record.ttl }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use hickory_resolver::proto::rr::rdata::{A, CNAME};

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_str(&format!("{text}.")).unwrap()
    }

    /// `a CNAME b 60, b A 192.0.2.1 30` to records.
    fn records(text: &str) -> Vec<Record> {
        let one = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let data = match words[1] {
                "CNAME" => RData::CNAME(CNAME(name(words[2]))),
                _ => RData::A(A(words[2].parse().unwrap())),
            };
            Record::from_rdata(name(words[0]), words[3].parse().unwrap(), data)
        };
        text.split(", ").filter(|line| !line.is_empty()).map(one).collect()
    }

    fn walked(answers: &str) -> String {
        match walk(&name("a"), RecordType::A, &records(answers)) {
            Ok(walk) => {
                format!("{} {} {} {}", walk.end, walk.aliases, walk.records.len(), walk.ttl)
            }
            Err(TooManyAliases) => "too many".to_owned(),
        }
    }

    #[test]
    fn names_are_followed_and_nothing_else_is_an_answer() {
        for (answers, expected) in [
            ("a A 192.0.2.1 60, a A 192.0.2.2 30", "a. 0 2 30"),
            ("a CNAME b 60, b A 192.0.2.1 300", "b. 1 1 60"),
            ("b A 192.0.2.1 300, a CNAME b 600", "b. 1 1 300"),
            ("a CNAME b 60", "b. 1 0 60"),
            ("b A 192.0.2.1 60", "a. 0 0 4294967295"),
            ("a A 192.0.2.1 60, b A 192.0.2.2 1", "a. 0 1 60"),
            ("a CNAME a 60", "too many"),
            ("a CNAME b 60, b CNAME a 60", "too many"),
            ("a A 192.0.2.1 2147483648", "a. 0 1 0"),
        ] {
            assert_eq!(walked(answers), expected, "{answers}");
        }
    }
}
