//! One file a story.

mod backup;
mod corpus;
mod crash;
mod disks;
mod import;
mod mailboxes;
mod message;
mod operator;
mod outward;
mod outward_crash;
mod policy;
mod pop3_update;
mod queue;
mod two_servers;
mod users;
mod way;
