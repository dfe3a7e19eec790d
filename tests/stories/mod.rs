//! One file a story.

mod corpus;
mod crash;
mod disks;
mod message;
mod operator;
mod outward;
mod outward_crash;
mod policy;
mod pop3_update;
mod two_servers;
mod users;
mod way;
