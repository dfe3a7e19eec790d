//! POP3 as a machine: bytes in, steps out.
