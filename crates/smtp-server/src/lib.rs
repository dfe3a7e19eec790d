//! What submission, the relay's inbound half and LMTP share beyond the protocol.
