//! One file a story.

mod corpus;
mod crash;
mod operator;
mod two_servers;
mod users;
mod way;
