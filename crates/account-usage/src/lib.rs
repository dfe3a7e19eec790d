//! Bytes and messages per account, published and read.
