//! What LIST and LSUB list (RFC 3501 §6.3.8, §6.3.9; RFC 5258 §3): from the facts about all
//! mailboxes of an account to the lines of a response.
//!
//! What an attacker controls is the patterns: matching is linear in name and pattern for each
//! wildcard, without backtracking over more than one.

use std::collections::BTreeMap;

use mail_types::MailboxName;

use crate::{
    command::{List, SpecialUse},
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
    let tree = Tree::of(names);
    let patterns = canonical(&list.reference, &list.patterns);
    let listed = |name: &&&str| patterns.iter().any(|pattern| matches(pattern, name));
    tree.0
        .iter()
        .filter(|(name, _)| listed(&name))
        .filter_map(|(name, node)| node.line(name, list))
        .collect()
}

/// The lines of an LSUB: `\Noselect` for a name that is not subscribed, but has one below it that
/// is, which the pattern itself does not reach (RFC 3501 §6.3.9).
pub fn lsub<'a>(names: &'a [Listed], reference: &str, pattern: &str) -> Vec<ListLine<'a>> {
    let pattern = format!("{reference}{pattern}");
    let tree = Tree::of(names);
    let listed = tree.0.iter().filter(|(name, _)| matches(&pattern, name));
    listed
        .filter_map(|(name, node)| {
            let subscribed = node.listed.is_some_and(|listed| listed.subscribed);
            let below = pattern.ends_with('%') && node.subscribed_below;
            let attributes = if subscribed { vec![] } else { vec!["\\Noselect"] };
            (subscribed || below).then_some(ListLine { attributes, name, child_info: vec![] })
        })
        .collect()
}

/// All names, those that only stand above others too, in their order.
struct Tree<'a>(BTreeMap<&'a str, Node<'a>>);

#[derive(Default)]
struct Node<'a> {
    listed: Option<&'a Listed>,
    children: bool,
    subscribed_below: bool,
    special_use_below: bool,
}

impl<'a> Tree<'a> {
    fn of(names: &'a [Listed]) -> Self {
        let mut nodes: BTreeMap<&'a str, Node<'a>> = BTreeMap::new();
        for listed in names {
            let name = listed.name.as_str();
            nodes.entry(name).or_default().listed = Some(listed);
            for (place, _) in name.match_indices(MailboxName::SEPARATOR) {
                let Some(above) = name.get(..place) else { continue };
                let node = nodes.entry(above).or_default();
                node.children |= listed.exists;
                node.subscribed_below |= listed.subscribed;
                node.special_use_below |= listed.exists && listed.special_use.is_some();
            }
        }
        Self(nodes)
    }
}

impl<'a> Node<'a> {
    /// The line of a name that matches a pattern, if it is to be listed: the table of RFC 5258
    /// §3.5, CHILDINFO.
    fn line(&self, name: &'a str, list: &List) -> Option<Line<'a>> {
        let exists = self.listed.is_some_and(|listed| listed.exists);
        let subscribed = self.listed.is_some_and(|listed| listed.subscribed);
        let special_use = self.listed.filter(|_| exists).and_then(|listed| listed.special_use);
        let selection = &list.selection;
        // A level above others that is no mailbox itself is listed as long as nothing is selected.
        let there = exists || self.children || selection.subscribed;
        let selected = there
            && (!selection.subscribed || subscribed)
            && (!selection.special_use || special_use.is_some());
        let mut child_info = vec![];
        if selection.recursive_match {
            if selection.subscribed && self.subscribed_below {
                child_info.push("SUBSCRIBED");
            }
            if selection.special_use && self.special_use_below {
                child_info.push("SPECIAL-USE");
            }
            let wanted = usize::from(selection.subscribed) + usize::from(selection.special_use);
            if child_info.len() < wanted {
                child_info.clear();
            }
        }
        if !selected && child_info.is_empty() {
            return None;
        }
        let mut attributes = vec![];
        if !exists {
            // RFC 5258 §3: implies \Noselect; a client that knows only RFC 3501 needs that.
            attributes.push(if list.extended { "\\NonExistent" } else { "\\Noselect" });
        }
        if list.returns.subscribed && subscribed {
            attributes.push("\\Subscribed");
        }
        attributes.push(if self.children { "\\HasChildren" } else { "\\HasNoChildren" });
        attributes.extend(special_use.map(SpecialUse::as_str));
        let status = self.listed.filter(|_| selected && exists).map(|listed| &listed.name);
        Some(Line { line: ListLine { attributes, name, child_info }, status })
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
