//! One file a story.

mod corpus;
mod crash;
mod message;
mod operator;
mod outward;
mod policy;
mod pop3_update;
mod two_servers;
mod users;
mod way;
