//! The text format of Prometheus (version 0.0.4): families with their help and type, and below each
//! its samples. Pure.

use std::fmt::Write as _;

use super::{
    families::{Count, Family, Gauge},
    whole,
};

/// The page of one agent.
pub(super) struct Page {
    agent: &'static str,
    text: String,
    /// The family whose samples were written last: it is introduced once.
    last: Option<Family>,
}

impl Page {
    pub(super) fn of(agent: &'static str) -> Self {
        Self { agent, text: String::new(), last: None }
    }

    pub(super) fn count(&mut self, what: Count, value: u64) {
        let (family, label) = what.series();
        self.sample(family, label, whole(value));
    }

    pub(super) fn gauge(&mut self, what: Gauge, value: f64) {
        let (family, label) = what.series();
        self.sample(family, label, value);
    }

    /// Writes a sample. Those of a family follow each other.
    pub(super) fn sample(&mut self, family: Family, label: &str, value: f64) {
        let Family { name, kind, help, label: label_name } = family;
        if self.last != Some(family) {
            // Writing to a String cannot fail.
            let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            self.last = Some(family);
        }
        let agent = self.agent;
        let _ = match label_name {
            Some(of) => writeln!(self.text, "{name}{{agent=\"{agent}\",{of}=\"{label}\"}} {value}"),
            None => writeln!(self.text, "{name}{{agent=\"{agent}\"}} {value}"),
        };
    }

    pub(super) fn text(self) -> String {
        self.text
    }
}

/// Makes one page of several: a family that several have is introduced once, and its samples stand
/// together.
pub(super) fn merged(pages: &[String]) -> String {
    // In the order in which they come first: introduction, samples.
    let mut families: Vec<(&str, String, String)> = Vec::new();
    for page in pages {
        let mut current = None;
        for line in page.lines() {
            let introduces = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE "));
            if let Some(introduced) = introduces {
                let name = introduced.split(' ').next().unwrap_or_default();
                let place = families.iter().position(|(known, _, _)| *known == name);
                let is_new = place.is_none();
                current = place.or_else(|| {
                    families.push((name, String::new(), String::new()));
                    families.len().checked_sub(1)
                });
                let incomplete = |introduction: &str| !introduction.contains("# TYPE ");
                if let Some((_, introduction, samples)) =
                    current.and_then(|at| families.get_mut(at))
                    && (is_new || incomplete(introduction) && samples.is_empty())
                {
                    *introduction += line;
                    introduction.push('\n');
                }
            } else if let Some((_, _, samples)) = current.and_then(|at| families.get_mut(at)) {
                *samples += line;
                samples.push('\n');
            }
        }
    }
    families.iter().map(|(_, introduction, samples)| format!("{introduction}{samples}")).collect()
}

/// What promtool checks of a page, and more: every family is introduced once and before its samples,
/// these stand together, each series is there once, counters end in `_total`.
#[cfg(test)]
pub(super) fn check(page: &str) {
    use std::collections::HashSet;

    let (mut introduced, mut series) = (HashSet::new(), HashSet::new());
    let (mut family, mut help) = (String::new(), String::new());
    assert!(page.ends_with('\n'));
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').unwrap();
            assert!(!text.is_empty() && introduced.insert(name.to_owned()), "{line}");
            help = name.to_owned();
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, help, "its help stands before");
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            family = name.to_owned();
            continue;
        }
        let (name, rest) = line.split_once('{').expect(line);
        assert_eq!(name, family, "samples follow their family");
        let (labels, value) = rest.split_once("} ").expect(line);
        assert!(series.insert((name.to_owned(), labels.to_owned())), "twice: {line}");
        assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{line}");
        for label in labels.split(',') {
            let (name, value) = label.split_once('=').expect(line);
            assert!(name.bytes().all(|letter| letter.is_ascii_lowercase()), "{line}");
            let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let plain = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
            assert!(inner.is_some_and(|inner| inner.bytes().all(plain)), "{line}");
        }
    }
    assert!(!series.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::families::{MEMORY, UP};

    #[test]
    fn a_family_is_introduced_once() {
        let mut page = Page::of("imap-server");
        page.count(Count::SignInOk, 7);
        page.count(Count::SignInFailed, 0);
        page.sample(MEMORY, "", 1.5);
        let text = page.text();
        check(&text);
        assert_eq!(
            text,
            "# HELP postrider_sign_ins_total Sign-ins, by what came of them.\n\
             # TYPE postrider_sign_ins_total counter\n\
             postrider_sign_ins_total{agent=\"imap-server\",result=\"ok\"} 7\n\
             postrider_sign_ins_total{agent=\"imap-server\",result=\"failed\"} 0\n\
             # HELP process_resident_memory_bytes Memory that the process has.\n\
             # TYPE process_resident_memory_bytes gauge\n\
             process_resident_memory_bytes{agent=\"imap-server\"} 1.5\n"
        );
    }

    #[test]
    fn pages_are_merged_by_family() {
        let page = |agent| {
            let mut page = Page::of(agent);
            page.sample(UP, "", 1.0);
            page.count(Count::SignInOk, 7);
            page.count(Count::SignInFailed, 0);
            page.text()
        };
        let merged = merged(&[page("imap-server"), page("pop3-server"), String::new()]);
        check(&merged);
        assert_eq!(merged.lines().filter(|line| line.starts_with("# TYPE")).count(), 2);
        assert_eq!(merged.lines().filter(|line| !line.starts_with('#')).count(), 6);
    }

    #[test]
    fn every_series_is_another() {
        let mut page = Page::of("smtp-relay");
        Count::ALL.into_iter().for_each(|what| page.count(what, 0));
        Gauge::ALL.into_iter().for_each(|what| page.gauge(what, 0.0));
        check(&page.text());
    }
}
