//! MTA-STS: the text that says that there is a policy, and the policy (RFC 8461 §3.1, §3.2).

use mail_types::{Malformed, MxPattern};

use crate::fields::{only_one, pairs, trim};

/// The longest that a policy may hold, in seconds.
const MAX_AGE_MAX: u32 = 31_557_600;
/// Most patterns of a policy.
const PATTERNS_MAX: usize = 500;

/// The id of the policy that a domain has now, from the texts at `_mta-sts` below it; nothing if it
/// has none.
///
/// `sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim]`
pub fn sts_id(texts: &[String]) -> Option<String> {
    let fields = pairs(only_one(texts, "v=STSv1")?)?;
    // RFC 8461 §3.2: of a field that stands there twice, the first counts.
    let (_, id) = fields.into_iter().find(|(name, _)| *name == "id")?;
    let good = id.len() <= 32 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    good.then(|| id.to_owned())
}

/// What a domain demands of whoever sends mail to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StsPolicy {
    /// What follows when a server does not do as the policy says.
    pub mode: Mode,
    /// For how many seconds it holds after it was fetched.
    pub max_age: u32,
    /// Its servers; none only if the mode is none.
    pub patterns: Vec<MxPattern>,
}

/// What follows when a server does not do as the policy says (RFC 8461 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It gets no mail.
    Enforce,
    /// The domain is told.
    Testing,
    /// Nothing: the domain has no policy any more.
    None,
}

impl Mode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

impl StsPolicy {
    /// Parses what the policy host serves. Lines end with CRLF or LF; unknown fields are passed
    /// over, and of those that may stand there once the first counts.
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        let text = str::from_utf8(text).map_err(|_| Malformed("the policy is no UTF-8 text"))?;
        let (mut version, mut mode, mut max_age) = (None, None, None);
        let mut patterns = Vec::new();
        for line in text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
            if trim(line).is_empty() {
                continue;
            }
            let (name, value) =
                line.split_once(':').ok_or(Malformed("a line of the policy has no colon"))?;
            let value = trim(value);
            match name {
                "version" => drop(version.get_or_insert(value)),
                "mode" => drop(mode.get_or_insert(value)),
                "max_age" => drop(max_age.get_or_insert(value)),
                "mx" if patterns.len() == PATTERNS_MAX => {
                    return Err(Malformed("the policy has too many mx lines"));
                }
                "mx" => patterns.push(MxPattern::parse(value)?),
                _ => {}
            }
        }
        if version != Some("STSv1") {
            return Err(Malformed("the policy is not of version STSv1"));
        }
        let mode = match mode {
            Some("enforce") => Mode::Enforce,
            Some("testing") => Mode::Testing,
            Some("none") => Mode::None,
            _ => return Err(Malformed("the policy has no known mode")),
        };
        if patterns.is_empty() && mode != Mode::None {
            return Err(Malformed("the policy names no mx"));
        }
        let max_age = max_age.and_then(seconds).ok_or(Malformed("the policy has no max_age"))?;
        Ok(Self { mode, max_age, patterns })
    }

    /// Its lines, as a report shows it (RFC 8460 §4.5), and as it can be parsed again.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {}", self.mode.as_str())];
        lines.extend(self.patterns.iter().map(|pattern| format!("mx: {pattern}")));
        lines.push(format!("max_age: {}", self.max_age));
        lines
    }
}

/// `1*10(DIGIT)`, cut to what a policy may hold at most.
fn seconds(text: &str) -> Option<u32> {
    let good = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u64 = text.parse().ok().filter(|_| good)?;
    u32::try_from(seconds.min(MAX_AGE_MAX.into())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_dns() {
        // RFC 8461 §3.1
        for (texts, expected) in [
            (vec!["v=STSv1; id=20160831085700Z;"], Some("20160831085700Z")),
            (vec!["v=STSv1;id=a"], Some("a")),
            (vec!["v=STSv1; x-y.z=what ever; id=a; id=b"], Some("a")),
            (vec!["v=spf1 -all", "v=STSv1; id=a;"], Some("a")),
            (vec!["v=STSv1; id=a;", "v=STSv1; id=b;"], None),
            (vec!["v=STSv1; id=;"], None),
            (vec!["v=STSv1; id=a-b;"], None),
            (vec!["v=STSv1; id=012345678901234567890123456789012;"], None),
            (vec!["v=STSv1"], None),
            (vec!["v=STSv1;"], None),
            (vec!["v=STSv1; ID=a;"], None),
            (vec!["v=STSv1; id=a; ;"], None),
            (vec!["v=STSv1; id=a; y"], None),
            (vec!["v=STSv2; id=a;"], None),
            (vec!["v=stsv1; id=a;"], None),
            (vec![" v=STSv1; id=a;"], None),
            (vec![], None),
        ] {
            let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
            assert_eq!(sts_id(&texts).as_deref(), expected, "{texts:?}");
        }
    }

    fn parsed(text: &str) -> Option<String> {
        StsPolicy::parse(text.as_bytes()).ok().map(|policy| policy.lines().join("|"))
    }

    #[test]
    fn policies() {
        // RFC 8461 §3.2
        let example = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\n\
                       mx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n";
        let expected = "version: STSv1|mode: enforce|mx: mail.example.com|mx: *.example.net|\
                        mx: backupmx.example.com|max_age: 604800";
        assert_eq!(parsed(example).as_deref(), Some(expected));
        assert_eq!(parsed(&example.replace("\r\n", "\n")).as_deref(), Some(expected));
        assert_eq!(parsed(&example.replace("\r\n", " \t\n")).as_deref(), Some(expected));
        assert_eq!(parsed(example.trim_end()).as_deref(), Some(expected));
        let again = expected.replace('|', "\n");
        assert_eq!(parsed(&again).as_deref(), Some(expected), "what is shown can be parsed");
        for (text, expected) in [
            (
                "mode:none\nmax_age:86400\nversion:STSv1",
                Some("version: STSv1|mode: none|max_age: 86400"),
            ),
            (
                "version: STSv1\nmode: none\nmode: enforce\nmax_age: 1\nmax_age: 2\nwhat: ever",
                Some("version: STSv1|mode: none|max_age: 1"),
            ),
            (
                "version: STSv1\nmode: none\nmax_age: 9999999999",
                Some("version: STSv1|mode: none|max_age: 31557600"),
            ),
            ("version: STSv1\nmode: none\nmax_age: 99999999999", None),
            ("version: STSv1\nmode: none\nmax_age: -1", None),
            ("version: STSv1\nmode: none", None),
            ("version: STSv1\nmode: enforce\nmax_age: 1", None),
            ("version: STSv1\nmode: Enforce\nmx: a.test\nmax_age: 1", None),
            ("version: STSv2\nmode: none\nmax_age: 1", None),
            ("mode: none\nmax_age: 1", None),
            ("version: STSv1\nmode: testing\nmx: m*.a.test\nmax_age: 1", None),
            ("version: STSv1\nmode: testing\nmx: [192.0.2.1]\nmax_age: 1", None),
            ("<html>\nversion: STSv1\nmode: none\nmax_age: 1", None),
            ("", None),
        ] {
            assert_eq!(parsed(text).as_deref(), expected, "{text:?}");
        }
        assert!(StsPolicy::parse(b"version: STSv1\nmode: none\nmax_age: 1\nx: \xff").is_err());
        let many = format!(
            "version: STSv1\nmode: testing\nmax_age: 1\n{}",
            "mx: a.test\n".repeat(PATTERNS_MAX + 1)
        );
        assert_eq!(parsed(&many), None);
    }

    #[test]
    fn whatever_is_served_is_understood_in_one_way_or_not_at_all() {
        // Pieces of policies in any order, the same in every run.
        const PIECES: &[&str] = &[
            "version: STSv1",
            "version:STSv1 ",
            "mode: enforce",
            "mode: none",
            "mode: testing",
            "mx: a.test",
            "mx: *.b.test",
            "mx: *",
            "max_age: 10",
            "max_age: 99999999999",
            "\n",
            "\n",
            "\n",
            "\n",
            "\r\n",
            "\r",
            ":",
            " ",
            "\t",
            "\0",
            "\u{fc}",
            "x",
            "v=STSv1; id=1;",
            ";",
            "=",
        ];
        let (mut state, mut policies, mut ids) = (0x9e37_79b9_7f4a_7c15_u64, 0, 0);
        let mut below = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % limit as u64).unwrap()
        };
        for _ in 0..50_000 {
            let mut text = String::new();
            if below(2) == 0 {
                text.push_str("version: STSv1\nmode: enforce\nmx: c.test\nmax_age: 1");
            }
            for _ in 0..below(8) {
                text.push_str(PIECES[below(PIECES.len())]);
            }
            if let Ok(policy) = StsPolicy::parse(text.as_bytes()) {
                policies += 1;
                let again = StsPolicy::parse(policy.lines().join("\n").as_bytes());
                assert_eq!(again.as_ref(), Ok(&policy), "{text:?}");
                assert!(!policy.patterns.is_empty() || policy.mode == Mode::None, "{text:?}");
            }
            ids += usize::from(sts_id(std::slice::from_ref(&text)).is_some());
        }
        assert!(policies > 1_000 && ids > 10, "{policies} policies, {ids} ids");
    }
}
