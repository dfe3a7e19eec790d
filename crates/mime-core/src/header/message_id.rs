//! Message-ID lists: Message-ID, In-Reply-To, References (RFC 5322 §3.6.4).

use crate::Octets;

/// The message ids in a field's value, with their angle brackets, without white space and comments.
/// What stands between ids is passed over.
pub fn message_ids(_value: &[u8]) -> Vec<Octets> {
    todo!()
}
