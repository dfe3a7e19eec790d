//! Domains, accounts, addresses, credentials, and the route of an address.
