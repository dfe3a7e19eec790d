//! The families of commands, a file each. Every method here takes one question and answers it.

mod append;
mod changes;
mod copy;
mod expunge;
mod fetch;
mod fetch_content;
mod fetch_decoded;
mod fetch_derived;
mod mailbox_id;
mod mailboxes;
mod missed;
mod quota;
mod search;
mod select;
mod sign_in;
mod sort;
mod store;

pub(crate) use append::Appending;
