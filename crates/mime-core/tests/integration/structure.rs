//! Structures of small messages: the RFCs' examples and the rules.
