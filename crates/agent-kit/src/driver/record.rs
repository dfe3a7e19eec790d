//! A listener at the driver's elbow, for traces.

/// Hears all that is said on a connection, in clear, from when it was put there
/// ([`super::Talk::record`]) to the end. It is called in the middle of the conversation, so it must
/// not take long.
pub trait Record: Send {
    /// The peer has said this.
    fn heard(&mut self, octets: &[u8]);

    /// This is said to the peer.
    fn said(&mut self, octets: &[u8]);
}
