//! Which annotations a client asks for, of those that there are (RFC 5464 §4.2).

use mail_types::AnnotationName;

use crate::command::Depth;

/// What GETMETADATA is answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// Entries and their values, each once.
    pub values: Vec<(&'a AnnotationName, Option<&'a [u8]>)>,
    /// The octets of the largest value that is larger than wanted (RFC 5464 §4.2.1).
    pub long: Option<u64>,
}

/// Chooses from the annotations that there are, each with its name and value. An entry that is
/// named but not there has no value, unless others are meant with it and some are there.
pub fn choose<'a>(
    there: &'a [(AnnotationName, Vec<u8>)],
    entries: &'a [AnnotationName],
    max_size: Option<u32>,
    depth: Depth,
) -> Chosen<'a> {
    let mut chosen = Chosen { values: Vec::new(), long: None };
    for entry in entries {
        let mut found = false;
        for (name, value) in there {
            if !name.levels_below(entry).is_some_and(|levels| depth.reaches(levels)) {
                continue;
            }
            found = true;
            let size = value.len() as u64;
            if max_size.is_some_and(|max| size > u64::from(max)) {
                chosen.long = chosen.long.max(Some(size));
            } else if chosen.values.iter().all(|(known, _)| *known != name) {
                chosen.values.push((name, Some(value)));
            }
        }
        if !found && chosen.values.iter().all(|(known, _)| *known != entry) {
            chosen.values.push((entry, None));
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_depth_and_size() {
        let name = |text: &str| AnnotationName::parse(text).unwrap();
        let there = [
            ("/private/filters/values/boss", 9),
            ("/private/filters/values/small", 12),
            ("/private/filters/values/small/x", 1),
            ("/shared/comment", 2199),
        ]
        .map(|(text, size)| (name(text), vec![b'x'; size]));
        let check = |entries: &[&str], max_size, depth, expected: &str| {
            let entries: Vec<_> = entries.iter().map(|text| name(text)).collect();
            let chosen = choose(&there, &entries, max_size, depth);
            let values = chosen.values.iter().map(|(name, value)| {
                let leaf = name.as_str().rsplit('/').next().unwrap();
                format!("{leaf}={}", value.map_or("NIL".to_owned(), |v| v.len().to_string()))
            });
            let told = values.collect::<Vec<_>>().join(" ");
            assert_eq!(format!("{told} {:?}", chosen.long), expected);
        };
        let values = "/private/filters/values";
        check(&["/shared/comment"], None, Depth::Itself, "comment=2199 None");
        // RFC 5464 §4.2.1.
        check(&["/shared/comment"], Some(1024), Depth::Itself, " Some(2199)");
        check(&["/shared/comment"], Some(2199), Depth::Itself, "comment=2199 None");
        check(&[values], None, Depth::Itself, "values=NIL None");
        // RFC 5464 §4.2.2.
        check(&[values], None, Depth::Children, "boss=9 small=12 None");
        check(&[values], Some(9), Depth::All, "boss=9 x=1 Some(12)");
        check(&["/private", values], Some(1), Depth::All, "x=1 Some(12)");
        check(&["/shared/a", "/shared/A"], None, Depth::All, "a=NIL None");
    }
}
