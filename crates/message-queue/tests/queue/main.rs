//! The queue from outside: one executable, a module a subject.

mod story;

mod crash;
mod flow;
mod kill;
mod operator;
mod quarantine;
mod sharing;
