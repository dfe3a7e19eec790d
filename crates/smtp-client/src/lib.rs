//! Outward SMTP: given addresses and a TLS policy, one conversation with one host.
