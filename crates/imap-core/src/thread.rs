//! Threads of messages (RFC 5256 §3, THREAD): from what each message tells of itself to the
//! response.
//!
//! Pure. What an attacker controls is all that messages tell: work is bounded by their number and
//! by [`DEPTH_MAX`], and nothing here calls itself.

mod references;
mod render;

pub use references::by_references;

/// No loop is looked for deeper than this: a message that would get so many ancestors above one
/// that has children of its own begins a thread instead.
const DEPTH_MAX: usize = 2000;

/// What a message tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// What stands for it in the response.
    pub number: u32,
    /// When it was sent.
    pub sent: i64,
    /// Its base subject, in the form in which it is compared.
    pub subject: String,
    /// The subject is marked as that of a reply or a forwarded message.
    pub is_reply_or_forward: bool,
    /// What stands for its Message-ID.
    pub id: Option<u64>,
    /// What stands for the ids of its ancestors, the oldest first.
    pub references: Vec<u64>,
}

/// Messages in threads.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Threads {
    nodes: Vec<Node>,
    roots: Vec<usize>,
}

/// A message in its thread, or what stands for one that is not there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Node {
    number: Option<u32>,
    children: Vec<usize>,
}

/// ORDEREDSUBJECT: messages of one subject are a thread, whose first message is the parent of all
/// others.
pub fn by_subject(messages: &[Message]) -> Threads {
    let mut order: Vec<usize> = (0..messages.len()).collect();
    let key = |place: &usize| messages.get(*place).map(|m| (m.subject.as_str(), m.sent, m.number));
    order.sort_unstable_by_key(key);
    let mut threads = Threads::default();
    threads
        .nodes
        .extend(messages.iter().map(|m| Node { number: Some(m.number), children: Vec::new() }));
    let mut last: Option<(usize, &str)> = None;
    for place in order {
        let Some(message) = messages.get(place) else { continue };
        match last {
            Some((root, subject)) if subject == message.subject => {
                if let Some(node) = threads.nodes.get_mut(root) {
                    node.children.push(place);
                }
            }
            _ => {
                threads.roots.push(place);
                last = Some((place, &message.subject));
            }
        }
    }
    let sent = |root: &usize| messages.get(*root).map(|m| (m.sent, m.number));
    threads.roots.sort_unstable_by_key(sent);
    threads
}

#[cfg(test)]
mod tests;
