//! `postrider message`: what a person looks into a mail file with.
//!
//! - Every file is a message: nothing here fails on its content, only on reading or writing.
//! - What mime-core finds is shown, never parsed again; this knows how it is laid out for people
//!   ([`show`], [`tree`], [`parts`], [`lint`]) and scripts.
//! - Memory does not grow with attachments: a file is read in pieces, and read again where it must
//!   be. Standard input is kept whole, since it comes once.
//! - It knows no installation: no configuration, no accounts, no rights but those of who calls it.

pub(crate) mod extract;
mod fields;
pub(crate) mod lint;
pub(crate) mod opened;
pub(crate) mod parts;
mod placed;
pub(crate) mod show;
mod sizes;
pub(crate) mod source;
pub(crate) mod text;
pub(crate) mod tree;

#[cfg(test)]
mod tests;

pub(crate) use opened::Opened;
pub(crate) use source::Source;
