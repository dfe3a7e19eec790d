//! SMTP as a machine: both sides of the conversation, no sockets.
