//! Address lists (RFC 5322 §3.4, §4.4; groups in From by RFC 6854; UTF-8 by RFC 6532).

use mail_types::Address;

use crate::Octets;

/// One element of an address list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AddressItem {
    /// An address.
    Mailbox(Mailbox),
    /// A group begins: its name.
    GroupStart(Octets),
    /// The group ends.
    GroupEnd,
}

/// An address with what stands around it. Quoting is removed, encoded words are not decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mailbox {
    /// The display name; failing that, a comment behind the address.
    pub name: Option<Octets>,
    /// The source route of obsolete syntax, `@a,@b` (RFC 5322 §4.4).
    pub route: Option<Octets>,
    /// What stands before the `@`.
    pub local: Octets,
    /// What stands behind it; `None` if there is no `@`.
    pub domain: Option<Octets>,
}

impl Mailbox {
    /// As a valid address, if it is one.
    pub fn address(&self) -> Option<Address> {
        todo!()
    }
}

/// Parses the value of an address field. Whatever it is, there is an answer; what makes no sense is
/// a mailbox without a domain.
pub fn parse_list(_value: &[u8]) -> Vec<AddressItem> {
    todo!()
}

/// The valid addresses of a list, groups opened.
pub fn addresses(items: &[AddressItem]) -> impl Iterator<Item = Address> + '_ {
    items.iter().filter_map(|item| match item {
        AddressItem::Mailbox(mailbox) => mailbox.address(),
        AddressItem::GroupStart(_) | AddressItem::GroupEnd => None,
    })
}
