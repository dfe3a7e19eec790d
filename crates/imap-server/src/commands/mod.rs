//! The families of commands, a file each. Every method here takes one question and answers it.

mod acl;
mod append;
mod catenate;
mod changes;
mod contexts;
mod copy;
mod copy_across;
mod expunge;
mod fetch;
mod fetch_content;
mod fetch_decoded;
mod fetch_derived;
mod fetch_facts;
mod list;
mod mailbox_id;
mod mailboxes;
mod metadata;
mod missed;
mod multi_search;
mod notify;
mod quota;
mod search;
mod select;
mod sign_in;
mod sort;
mod status;
mod store;
mod url_fetch;
mod urls;

pub(crate) use append::Appending;
