//! MX, addresses and their security status, from a resolver.
