//! The agent over real sockets, with a real directory and a real mail store.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

#[path = "imap_server/acl.rs"]
mod acl;
#[path = "imap_server/append.rs"]
mod append;
#[path = "imap_server/catenate.rs"]
mod catenate;
#[path = "imap_server/client.rs"]
mod client;
#[path = "imap_server/condstore.rs"]
mod condstore;
#[path = "imap_server/contexts.rs"]
mod contexts;
#[path = "imap_server/fetch.rs"]
mod fetch;
#[path = "imap_server/house.rs"]
mod house;
#[path = "imap_server/language.rs"]
mod language;
#[path = "imap_server/large.rs"]
mod large;
#[path = "imap_server/live.rs"]
mod live;
#[path = "imap_server/message_limit.rs"]
mod message_limit;
#[path = "imap_server/metadata.rs"]
mod metadata;
#[path = "imap_server/model/mod.rs"]
mod model;
#[path = "imap_server/modes.rs"]
mod modes;
#[path = "imap_server/multi_search.rs"]
mod multi_search;
#[path = "imap_server/names.rs"]
mod names;
#[path = "imap_server/notify.rs"]
mod notify;
#[path = "imap_server/objects.rs"]
mod objects;
#[path = "imap_server/qresync.rs"]
mod qresync;
#[path = "imap_server/quota.rs"]
mod quota;
#[path = "imap_server/replace.rs"]
mod replace;
#[path = "imap_server/rev2.rs"]
mod rev2;
#[path = "imap_server/search.rs"]
mod search;
#[path = "imap_server/sharing.rs"]
mod sharing;
#[path = "imap_server/sort.rs"]
mod sort;
#[path = "imap_server/trace.rs"]
mod trace;
#[path = "imap_server/urls.rs"]
mod urls;
