//! REFERENCES: replies below what they reply to. The steps are those of RFC 5256 §3.

use std::collections::BTreeMap;

use super::{DEPTH_MAX, Message, Node, Threads};

/// REFERENCES.
pub fn by_references(messages: &[Message]) -> Threads {
    let mut threads = pruned(messages, &Links::of(messages));
    // Step 4, and what the dummies' first children are for step 5.
    sort_siblings(messages, &mut threads);
    gather_subjects(messages, &mut threads);
    // Step 6.
    sort_siblings(messages, &mut threads);
    threads
}

/// Who is whose parent, after step 1. The nodes of the messages come first, in their order; those of
/// ids that no message has stand behind.
struct Links {
    parents: Vec<Option<usize>>,
    children: Vec<u32>,
}

impl Links {
    fn of(messages: &[Message]) -> Self {
        let mut by_id: BTreeMap<u64, usize> = BTreeMap::new();
        for (node, message) in messages.iter().enumerate() {
            // Of several with one id it belongs to the first.
            if let Some(id) = message.id {
                by_id.entry(id).or_insert(node);
            }
        }
        let count = messages.len();
        let mut links = Self { parents: vec![None; count], children: vec![0; count] };
        for (node, message) in messages.iter().enumerate() {
            let mut last = None;
            for id in &message.references {
                let there = *by_id.entry(*id).or_insert_with(|| links.add());
                // A: the link that there is may be better: this list may have been cut.
                if let Some(parent) = last
                    && links.parent(there).is_none()
                {
                    links.link(parent, there);
                }
                last = Some(there);
            }
            // B: what the message itself says of its parent holds.
            links.unlink(node);
            if let Some(parent) = last {
                links.link(parent, node);
            }
        }
        links
    }

    fn add(&mut self) -> usize {
        self.parents.push(None);
        self.children.push(0);
        self.parents.len() - 1
    }

    fn parent(&self, node: usize) -> Option<usize> {
        self.parents.get(node).copied().flatten()
    }

    fn count(&mut self, node: usize, change: fn(u32) -> u32) {
        if let Some(count) = self.children.get_mut(node) {
            *count = change(*count);
        }
    }

    /// Makes the link, if that makes no loop.
    fn link(&mut self, parent: usize, child: usize) {
        if self.is_above(child, parent) {
            return;
        }
        if let Some(slot) = self.parents.get_mut(child) {
            *slot = Some(parent);
            self.count(parent, |count| count.saturating_add(1));
        }
    }

    fn unlink(&mut self, child: usize) {
        if let Some(parent) = self.parents.get_mut(child).and_then(Option::take) {
            self.count(parent, |count| count.saturating_sub(1));
        }
    }

    /// Whether a node is the other one, or an ancestor of it as far as is looked.
    fn is_above(&self, node: usize, other: usize) -> bool {
        if node == other {
            return true;
        }
        // Without children it is above nobody: so it is in a thread that grows at its end.
        if self.children.get(node).is_none_or(|count| *count == 0) {
            return false;
        }
        let mut at = other;
        for _ in 0..DEPTH_MAX {
            match self.parent(at) {
                None => return false,
                Some(parent) if parent == node => return true,
                Some(parent) => at = parent,
            }
        }
        true
    }
}

/// Steps 2 and 3: a dummy's children go to the nearest message above it; at the top it stays if it
/// holds several together.
fn pruned(messages: &[Message], links: &Links) -> Threads {
    let mut threads = Threads::default();
    let node = |place| Node {
        number: messages.get(place).map(|message: &Message| message.number),
        children: Vec::new(),
    };
    threads.nodes = (0..links.parents.len()).map(node).collect();
    let mut kept: Vec<Option<usize>> = vec![None; links.parents.len()];
    for message in 0..messages.len() {
        match links.parent(message).map(|parent| nearest(parent, messages.len(), links, &mut kept))
        {
            None => threads.roots.push(message),
            Some(parent) => {
                let Some(node) = threads.nodes.get_mut(parent) else { continue };
                if node.number.is_none() && node.children.is_empty() {
                    threads.roots.push(parent);
                }
                node.children.push(message);
            }
        }
    }
    let lone = |root: &mut usize| {
        if let Some(Node { number: None, children }) = threads.nodes.get(*root)
            && let [only] = children.as_slice()
        {
            *root = *only;
        }
    };
    threads.roots.iter_mut().for_each(lone);
    threads
}

/// The nearest message from a node upwards; if there is none, the topmost dummy. What is found is
/// noted for all dummies on the way.
fn nearest(node: usize, messages: usize, links: &Links, kept: &mut [Option<usize>]) -> usize {
    let (mut at, mut way) = (node, Vec::new());
    let found = loop {
        if at < messages {
            break at;
        }
        if let Some(Some(found)) = kept.get(at) {
            break *found;
        }
        way.push(at);
        match links.parent(at) {
            Some(parent) => at = parent,
            None => break at,
        }
    };
    for dummy in way {
        if let Some(slot) = kept.get_mut(dummy) {
            *slot = Some(found);
        }
    }
    found
}

/// Sorts all siblings by the sent date; a dummy counts as its first child. Dummies stand at the top
/// only, so that no order among their children depends on another.
fn sort_siblings(messages: &[Message], threads: &mut Threads) {
    let sent = |node: usize| messages.get(node).map(|message| (message.sent, message.number));
    for node in &mut threads.nodes {
        node.children.sort_unstable_by_key(|child| sent(*child));
    }
    let Threads { nodes, roots } = threads;
    roots.sort_by_cached_key(|root| sent(first(nodes, *root)));
}

/// The message, or the first child of a dummy.
fn first(nodes: &[Node], node: usize) -> usize {
    match nodes.get(node) {
        Some(Node { number: None, children }) => children.first().copied().unwrap_or(node),
        _ => node,
    }
}

/// Step 5: threads of one subject become one.
fn gather_subjects(messages: &[Message], threads: &mut Threads) {
    let mut table: BTreeMap<&str, usize> = BTreeMap::new();
    let is_dummy = |threads: &Threads, node: usize| {
        threads.nodes.get(node).is_some_and(|node| node.number.is_none())
    };
    let is_reply = |node: usize| messages.get(node).is_some_and(|m| m.is_reply_or_forward);
    // The roots, each with its subject.
    let roots: Vec<(usize, &str)> = std::mem::take(&mut threads.roots)
        .into_iter()
        .map(|root| {
            let message = messages.get(first(&threads.nodes, root));
            (root, message.map_or("", |message| message.subject.as_str()))
        })
        .collect();
    for (root, subject) in roots.iter().filter(|(_, subject)| !subject.is_empty()) {
        let there = *table.entry(subject).or_insert(*root);
        let better = is_dummy(threads, *root) || is_reply(there) && !is_reply(*root);
        if there != *root && !is_dummy(threads, there) && better {
            table.insert(subject, *root);
        }
    }
    let mut left: Vec<usize> = Vec::with_capacity(roots.len());
    for (root, subject) in roots {
        let there = table.get(subject).copied().filter(|there| *there != root);
        let Some(there) = there else {
            left.push(root);
            continue;
        };
        match (is_dummy(threads, there), is_dummy(threads, root)) {
            (true, true) => {
                let more =
                    threads.nodes.get_mut(root).map(|node| std::mem::take(&mut node.children));
                threads.adopt(there, more.unwrap_or_default());
            }
            (true, false) => threads.adopt(there, vec![root]),
            (false, false) if is_reply(root) && !is_reply(there) => {
                threads.adopt(there, vec![root]);
            }
            (false, _) => {
                // Both below a new dummy, which takes the place of the one in the table.
                threads.nodes.push(Node { number: None, children: vec![there, root] });
                let dummy = threads.nodes.len() - 1;
                table.insert(subject, dummy);
                left.push(dummy);
            }
        }
    }
    // What went below a dummy of step 5 is no root any more, whichever of the two came first.
    let below =
        |nodes: &[Node], dummy: usize| nodes.get(dummy).map_or(vec![], |n| n.children.clone());
    let mut gone: Vec<usize> = left
        .iter()
        .filter(|root| is_dummy(threads, **root))
        .flat_map(|root| below(&threads.nodes, *root))
        .collect();
    gone.sort_unstable();
    left.retain(|root| gone.binary_search(root).is_err());
    threads.roots = left;
}

impl Threads {
    fn adopt(&mut self, parent: usize, mut children: Vec<usize>) {
        if let Some(node) = self.nodes.get_mut(parent) {
            node.children.append(&mut children);
        }
    }
}
