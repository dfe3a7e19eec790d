//! What messages are sorted and threaded by: base subject and references (RFC 5256 §2.1, §3).
//!
//! Pure values of one header. How threads are built of them is the business of whoever has many
//! messages. Senders control all of it; the work is linear in the length of the subject.

use crate::{
    Octets,
    header::{self, message_ids},
    text::decode_header,
};

/// A subject without what replies and forwards put around it (RFC 5256 §2.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BaseSubject {
    /// In UTF-8, with single spaces. May be empty. Its case is kept: whoever compares folds it.
    pub text: String,
    /// Something was removed that marks a reply or a forwarded message (RFC 5256 §3).
    pub is_reply_or_forward: bool,
}

impl BaseSubject {
    /// The base subject of a raw Subject value: folded, with encoded words, as it stands.
    pub fn of(raw: &[u8]) -> Self {
        // Step 1.
        let text = decode_header(raw);
        let words = text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
        let text = words.collect::<Vec<_>>().join(" ");

        let mut found = false;
        let mut rest = text.as_str();
        loop {
            // Steps 2 to 5, then 6.
            rest = without_trailers(rest, &mut found);
            rest = without_leaders(rest, &mut found);
            match without_forward(rest) {
                Some(inner) => {
                    found = true;
                    rest = inner;
                }
                None => break,
            }
        }
        Self { text: rest.to_owned(), is_reply_or_forward: found }
    }
}

/// What one message tells about its thread (RFC 5256 §3, REFERENCES).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ThreadKeys {
    /// The message's own id, normalised; `None` if it has no valid one.
    pub message_id: Option<Octets>,
    /// The ids of its ancestors, the oldest first, normalised.
    pub references: Vec<Octets>,
    /// Its base subject.
    pub subject: BaseSubject,
}

impl ThreadKeys {
    /// The keys of a message with this header.
    pub fn of(header: &[u8]) -> Self {
        // A field that was written twice is one: what the second has is further ancestors.
        let ids = |name| {
            let all = header::fields(header).filter(move |field| field.is(name));
            all.flat_map(|field| message_ids(field.value)).filter_map(|id| normalise_id(&id))
        };
        let mut references: Vec<Octets> = ids("References").collect();
        if references.is_empty() {
            // What follows the first id of In-Reply-To is often an address.
            references.extend(ids("In-Reply-To").next());
        }
        let subject = header::find(header, "Subject");
        Self {
            message_id: ids("Message-ID").next(),
            references,
            subject: subject.map(|field| BaseSubject::of(field.value)).unwrap_or_default(),
        }
    }
}

/// A message id without angle brackets and quoting, so that equal ids are equal octets; `None` if
/// it is not `left@right`.
pub fn normalise_id(id: &[u8]) -> Option<Octets> {
    let id = id.strip_prefix(b"<").unwrap_or(id);
    let id = id.strip_suffix(b">").unwrap_or(id);
    let at = memchr::memrchr(b'@', id)?;
    let (left, right) = id.split_at_checked(at)?;
    let left = match left {
        [b'"', inner @ .., b'"'] => unescaped(inner),
        _ => left.to_vec(),
    };
    if left.is_empty() || right.len() < 2 {
        return None;
    }
    Some([left.as_slice(), right].concat().into())
}

/// Without the backslashes of quoted pairs (RFC 5322 §3.2.1).
fn unescaped(quoted: &[u8]) -> Vec<u8> {
    let mut escaped = false;
    let keeps = |octet: &&u8| {
        escaped = **octet == b'\\' && !escaped;
        !escaped
    };
    quoted.iter().filter(keeps).copied().collect()
}

/// `subj-trailer = "(fwd)" / WSP`, as many as there are.
fn without_trailers<'a>(mut text: &'a str, found: &mut bool) -> &'a str {
    loop {
        text = text.trim_end_matches(' ');
        let Some(at) = text.len().checked_sub(5) else { return text };
        match text.split_at_checked(at) {
            Some((before, end)) if end.eq_ignore_ascii_case("(fwd)") => {
                *found = true;
                text = before;
            }
            _ => return text,
        }
    }
}

/// Steps 3 to 5: `subj-leader = (*subj-blob subj-refwd) / WSP`, and blobs that stand before
/// something else.
fn without_leaders<'a>(mut text: &'a str, found: &mut bool) -> &'a str {
    loop {
        text = text.trim_start_matches(' ');
        // All blobs are passed over once. Nothing else may be a blob and a `subj-refwd`, so taking
        // them one by one, as step 4 does, gives the same.
        let mut behind = text;
        let mut last = text;
        while let Some(rest) = without_blob(behind) {
            last = behind;
            behind = rest;
        }
        match without_refwd(behind) {
            Some(rest) => {
                *found = true;
                text = rest;
            }
            // Step 4 leaves a blob that nothing follows.
            None if behind.is_empty() => return last,
            None => return behind,
        }
    }
}

/// `subj-blob = "[" *BLOBCHAR "]" *WSP`; a BLOBCHAR is anything but brackets.
fn without_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    Some(inner.get(end..)?.strip_prefix(']')?.trim_start_matches(' '))
}

/// `subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"`
fn without_refwd(text: &str) -> Option<&str> {
    let rest = ["fwd", "re", "fw"].into_iter().find_map(|word| strip_prefix(text, word))?;
    let rest = rest.trim_start_matches(' ');
    without_blob(rest).unwrap_or(rest).strip_prefix(':')
}

/// `subj-fwd = "[fwd:" subject "]"`
fn without_forward(text: &str) -> Option<&str> {
    strip_prefix(text, "[fwd:")?.strip_suffix(']')
}

/// Literals of ABNF match in any case (RFC 5234 §2.3).
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(subject: &str, expected: &str, is_reply_or_forward: bool) {
        let found = BaseSubject::of(subject.as_bytes());
        let expected = BaseSubject { text: expected.to_owned(), is_reply_or_forward };
        assert_eq!(found, expected, "{subject:?}");
    }

    #[test]
    fn step_1_decodes_and_unfolds() {
        check("a\r\n \t b   c", "a b c", false);
        check("=?EUC-KR?B?vsiz58fPvLy/5C4=?=", "안녕하세요.", false);
        check("Re: =?UTF-8?Q?Re=3A_caf=C3=A9?=", "café", true);
        check("=?UTF-8?Q?a=0D=0Ab?=", "a b", false);
        check("", "", false);
    }

    #[test]
    fn step_2_removes_trailers() {
        check("a (fwd)", "a", true);
        check("a (FWD) (Fwd)  ", "a", true);
        check("a(fwd)", "a", true);
        check("(fwd)", "", true);
        check("a (fwd) b", "a (fwd) b", false);
        check("é(fwd", "é(fwd", false);
    }

    #[test]
    fn steps_3_to_5_remove_leaders_and_blobs() {
        for subject in ["Re: a", "RE : a", "re:a", "Fw: a", "FWD: a", "Re: Fwd: RE:a", "Re[2]: a"] {
            check(subject, "a", true);
        }
        check("[list] Re: a", "a", true);
        check("[list] [x]  Re [2] : a", "a", true);
        check("Re: [list] a", "a", true);
        check("[list] a", "a", false);
        check("[list]", "[list]", false);
        check("[x] [list]", "[list]", false);
        check("Re: [list]", "[list]", true);
        check("[a[b] c", "[a[b] c", false);
        check("Reply: a", "Reply: a", false);
        check("re a", "re a", false);
        check("Re:", "", true);
        check("AW: a", "AW: a", false);
    }

    #[test]
    fn step_6_unwraps_forwards() {
        check("[fwd: a]", "a", true);
        check("Re: [Fwd: Re: [x] a (fwd)]", "a", true);
        check("[fwd: [fwd: a]]", "a", true);
        check("[fwd: a] b", "b", false);
        check("[fwd: a", "[fwd: a", false);
        check("[fwd:]", "", true);
    }

    #[test]
    fn no_subject_takes_quadratic_time() {
        for hostile in ["[a]", "[fwd:", "re:", "(fwd)", "[", "re[", "=?utf-8?q?[a]?= "] {
            let _ = BaseSubject::of(hostile.repeat(100_000).as_bytes());
        }
    }

    proptest::proptest! {
        #[test]
        fn a_base_subject_is_its_own(subject in "(re|fwd|fw|\\(fwd\\)|\\[fwd:|\\[a\\]|[ :\\[\\]a가]){0,12}") {
            let base = BaseSubject::of(subject.as_bytes());
            let again = BaseSubject::of(base.text.as_bytes());
            proptest::prop_assert_eq!(again.text, base.text);
            proptest::prop_assert!(!again.is_reply_or_forward);
        }
    }

    #[test]
    fn ids_are_compared_without_quoting() {
        let check = |id: &str, expected: Option<&str>| {
            let found = normalise_id(id.as_bytes());
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{id:?}");
        };
        // The example of RFC 5256 §3.
        check("<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>", Some("01KF8JCEOCBS0045PS@xxx.yyy.com"));
        check("<01KF8JCEOCBS0045PS@xxx.yyy.com>", Some("01KF8JCEOCBS0045PS@xxx.yyy.com"));
        check("<\"a\\\"b\\\\\"@c>", Some("a\"b\\@c"));
        check("<a@b@c>", Some("a@b@c"));
        for bad in ["<a>", "<@b>", "<a@>", "<\"\"@b>", "<>", ""] {
            check(bad, None);
        }
    }

    #[test]
    fn keys_of_headers() {
        let check = |header: &str, id: Option<&str>, references: &[&str]| {
            let keys = ThreadKeys::of(header.as_bytes());
            let text = |id: &Octets| String::from_utf8_lossy(id).into_owned();
            assert_eq!(keys.message_id.as_ref().map(text).as_deref(), id, "{header:?}");
            assert_eq!(keys.references.iter().map(text).collect::<Vec<_>>(), references);
        };
        check("Message-ID: <a@b>\r\nReferences: <c@d>\r\n <e@f>\r\n", Some("a@b"), &["c@d", "e@f"]);
        check("References: <c@d>\r\nIn-Reply-To: <e@f>\r\n", None, &["c@d"]);
        check("References: <a@b>\r\nX: y\r\nReferences: <c@d>\r\n", None, &["a@b", "c@d"]);
        check("References: none\r\nIn-Reply-To: <e@f> <g@h>\r\n", None, &["e@f"]);
        check("Message-ID: a@b\r\n", None, &[]);
    }
}
