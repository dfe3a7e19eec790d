//! The store as its users see it, its disk as other tools see it, and both after every stop.

mod crash;
mod foreign;
mod operations;
mod rebuild;
mod sharing;
mod world;
