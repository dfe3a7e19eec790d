//! What LIST and LSUB list (RFC 3501 §6.3.8, §6.3.9; RFC 5258 §3): from the facts about all
//! mailboxes of an account to the lines of a response.
//!
//! What an attacker controls is the patterns: matching is linear in name and pattern for each
//! wildcard, without backtracking over more than one.

use std::collections::BTreeMap;

use mail_types::MailboxName;

use crate::{
    command::{List, ListSelection, SpecialUse},
    response::ListLine,
};

/// What is known of a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The name.
    pub name: MailboxName,
    /// There is such a mailbox; otherwise only a subscription.
    pub exists: bool,
    /// It is subscribed.
    pub subscribed: bool,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
}

/// A line of the response, and whether STATUS data may follow it (RFC 5819 §2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// The line.
    pub line: ListLine<'a>,
    /// The mailbox exists and meets the selection: its STATUS is wanted, if any is.
    pub status: Option<&'a MailboxName>,
}

/// The lines of a LIST. `names` has each name once; levels above a name that have no entry are
/// listed as what does not exist.
pub fn list<'a>(names: &'a [Listed], list: &List) -> Vec<Line<'a>> {
    // RFC 3501 §6.3.8: the empty pattern asks for the separator; RFC 5258 §3: but not here.
    if !list.extended && list.patterns.iter().all(String::is_empty) {
        let line = ListLine { attributes: vec!["\\Noselect"], name: "", child_info: vec![] };
        return vec![Line { line, status: None }];
    }
    let patterns = canonical(&list.reference, &list.patterns);
    let reached = |name: &str| patterns.iter().any(|pattern| matches(pattern, name));
    let selected = |listed: &Listed| meets(listed, list.selection);
    let tree = Tree::of(names, selected, reached);
    tree.0
        .iter()
        .filter(|(name, _)| reached(name))
        .filter_map(|(name, node)| node.line(name, list))
        .collect()
}

/// Whether a name meets the selection; without one, every mailbox does.
fn meets(listed: &Listed, selection: ListSelection) -> bool {
    // RFC 5258 §3.1: subscribed names need not exist.
    (selection.subscribed && listed.subscribed || !selection.subscribed && listed.exists)
        && (!selection.special_use || listed.exists && listed.special_use.is_some())
}

/// The lines of an LSUB: `\Noselect` for a name that is not subscribed, but has one below it that
/// is, which the pattern itself does not reach (RFC 3501 §6.3.9).
pub fn lsub<'a>(names: &'a [Listed], reference: &str, pattern: &str) -> Vec<ListLine<'a>> {
    let pattern = format!("{reference}{pattern}");
    let reached = |name: &str| matches(&pattern, name);
    let tree = Tree::of(names, |listed| listed.subscribed, reached);
    tree.0
        .iter()
        .filter(|(name, _)| reached(name))
        .filter_map(|(name, node)| {
            let subscribed = node.listed.is_some_and(|listed| listed.subscribed);
            let attributes = if subscribed { vec![] } else { vec!["\\Noselect"] };
            let line = ListLine { attributes, name, child_info: vec![] };
            (subscribed || node.selected_below == Below::OutOfReach).then_some(line)
        })
        .collect()
}

/// All names, those that only stand above others too, in their order.
struct Tree<'a>(BTreeMap<&'a str, Node<'a>>);

#[derive(Default)]
struct Node<'a> {
    listed: Option<&'a Listed>,
    children: bool,
    selected_below: Below,
}

/// Whether there is a name below that is selected.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Below {
    #[default]
    None,
    /// All of those are reached by the patterns, so that they are told themselves.
    Told,
    /// One at least is not.
    OutOfReach,
}

impl<'a> Tree<'a> {
    fn of(
        names: &'a [Listed],
        selected: impl Fn(&Listed) -> bool,
        reached: impl Fn(&str) -> bool,
    ) -> Self {
        let mut nodes: BTreeMap<&'a str, Node<'a>> = BTreeMap::new();
        for listed in names {
            let name = listed.name.as_str();
            nodes.entry(name).or_default().listed = Some(listed);
            let below = match (selected(listed), reached(name)) {
                (false, _) => Below::None,
                (true, true) => Below::Told,
                (true, false) => Below::OutOfReach,
            };
            for (place, _) in name.match_indices(MailboxName::SEPARATOR) {
                let Some(above) = name.get(..place) else { continue };
                let node = nodes.entry(above).or_default();
                node.children |= listed.exists;
                node.selected_below = node.selected_below.max(below);
            }
        }
        Self(nodes)
    }
}

impl<'a> Node<'a> {
    /// The line of a name that a pattern reaches, if it is to be listed.
    fn line(&self, name: &'a str, list: &List) -> Option<Line<'a>> {
        let exists = self.listed.is_some_and(|listed| listed.exists);
        let selected = self.listed.is_some_and(|listed| meets(listed, list.selection));
        if !selected && !self.is_told_for_others(list) {
            return None;
        }
        let mut attributes = vec![];
        if !exists {
            // RFC 5258 §3: it implies \Noselect, which is all that RFC 3501 has for it.
            attributes.push(if list.extended { "\\NonExistent" } else { "\\Noselect" });
        }
        if list.returns.subscribed && self.listed.is_some_and(|listed| listed.subscribed) {
            attributes.push("\\Subscribed");
        }
        attributes.push(if self.children { "\\HasChildren" } else { "\\HasNoChildren" });
        let special_use = self.listed.filter(|_| exists).and_then(|listed| listed.special_use);
        attributes.extend(special_use.map(SpecialUse::as_str));
        let status = self.listed.filter(|_| selected && exists).map(|listed| &listed.name);
        let line = ListLine { attributes, name, child_info: self.child_info(list.selection) };
        Some(Line { line, status })
    }

    /// Whether a name that is not selected is told because of one below it: by CHILDINFO, but
    /// not where that would be redundant (RFC 5258 §3.5); or as a level that is no mailbox
    /// itself, so that clients can build their tree.
    fn is_told_for_others(&self, list: &List) -> bool {
        let nothing_selected = list.selection == ListSelection::default();
        match self.selected_below {
            Below::None => false,
            Below::Told => nothing_selected && !list.extended,
            Below::OutOfReach => nothing_selected || list.selection.recursive_match,
        }
    }

    /// RFC 5258 §3.5: the selection that a name below meets, whether it is told itself or not.
    fn child_info(&self, selection: ListSelection) -> Vec<&'static str> {
        if !selection.recursive_match || self.selected_below == Below::None {
            return vec![];
        }
        let options =
            [(selection.subscribed, "SUBSCRIBED"), (selection.special_use, "SPECIAL-USE")];
        options.into_iter().filter(|(chosen, _)| *chosen).map(|(_, option)| option).collect()
    }
}

/// The patterns with the reference before them (RFC 5258 §3 "canonical LIST pattern"); the empty
/// one among several asks for nothing.
fn canonical(reference: &str, patterns: &[String]) -> Vec<String> {
    let patterns = patterns.iter().filter(|pattern| !pattern.is_empty());
    patterns.map(|pattern| format!("{reference}{pattern}")).collect()
}

/// Whether a name matches: `*` is any characters, `%` any but the separator (RFC 3501 §6.3.8).
/// `INBOX` counts in any case (RFC 3501 §5.1).
fn matches(pattern: &str, name: &str) -> bool {
    let spelled: String;
    let pattern = match pattern.split_at_checked(5) {
        Some((first, rest))
            if first.eq_ignore_ascii_case("INBOX")
                && (rest.is_empty() || rest.starts_with([MailboxName::SEPARATOR, '*', '%'])) =>
        {
            spelled = format!("INBOX{rest}");
            &spelled
        }
        _ => pattern,
    };
    glob(pattern.as_bytes(), name.as_bytes())
}

/// Matching by the set of places in the pattern that could be reached: never more work than the
/// product of both lengths.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let separator = u8::try_from(MailboxName::SEPARATOR).unwrap_or(b'/');
    let mut reached = vec![false; pattern.len() + 1];
    let skip_wildcards = |reached: &mut Vec<bool>| {
        for (place, octet) in pattern.iter().enumerate() {
            if matches!(octet, b'*' | b'%')
                && reached.get(place) == Some(&true)
                && let Some(next) = reached.get_mut(place + 1)
            {
                *next = true;
            }
        }
    };
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    skip_wildcards(&mut reached);
    for octet in name {
        let mut next = vec![false; pattern.len() + 1];
        for (place, wanted) in pattern.iter().enumerate() {
            if reached.get(place) != Some(&true) {
                continue;
            }
            let stays = *wanted == b'*' || *wanted == b'%' && *octet != separator;
            let target = if stays { place } else { place + 1 };
            let fits = stays || !matches!(wanted, b'*' | b'%') && wanted == octet;
            if fits && let Some(target) = next.get_mut(target) {
                *target = true;
            }
        }
        skip_wildcards(&mut next);
        reached = next;
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests;
