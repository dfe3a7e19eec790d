//! What is different about the way to single destinations.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use mail_types::Domain;

use crate::{
    page::Page,
    reader::Reader,
    section::{Field, Section, sections, tables},
    value::quoted,
};

sections! {
    /// What is different about the way to a destination.
    pub struct Destination {
        /// The most conversations at once with its hosts, all together.
        pub concurrency: Option<u32> = None => "2",
        /// The port of its mail exchangers.
        pub port: Option<u16> = None => "2525",
        /// Our address towards it over IPv4.
        pub source_ipv4: Option<Ipv4Addr> = None => "\"192.0.2.8\"",
        /// Our address towards it over IPv6.
        pub source_ipv6: Option<Ipv6Addr> = None => "\"2001:db8::8\"",
    }

    /// Who this host is towards other servers over IPv4.
    pub struct OverIpv4 {
        /// Whether to use it.
        pub enabled: bool = true,
        /// The address to connect from, where the system's choice is not the right one.
        pub source: Option<Ipv4Addr> = None => "\"192.0.2.7\"",
        /// The name in EHLO, where it is not the host's: the one that this address points back to.
        pub hello: Option<Domain> = None => "\"out.example.org\"",
    }

    /// Who this host is towards other servers over IPv6.
    pub struct OverIpv6 {
        /// Whether to use it.
        pub enabled: bool = true,
        /// The address to connect from.
        pub source: Option<Ipv6Addr> = None => "\"2001:db8::7\"",
        /// The name in EHLO.
        pub hello: Option<Domain> = None => "\"out6.example.org\"",
    }
}

tables!(OverIpv4, OverIpv6);

/// The settings of each, by its name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Destinations {
    by_name: BTreeMap<Domain, Destination>,
}

impl Destinations {
    /// The settings for this domain, if it has some.
    pub fn of(&self, domain: &Domain) -> Option<&Destination> {
        self.by_name.get(domain)
    }
}

impl Field for Destinations {
    fn take(self, key: &'static str, reader: &mut Reader<'_>) -> Self {
        let Some(mut table) = reader.table(key) else { return self };
        let found = table.tables(|name, inner| {
            let destination = Destination::read(Destination::default(), inner);
            let domain = Domain::parse(name).map_err(|why| format!("is no domain: {why}"))?;
            if destination.concurrency == Some(0) {
                return Err("must have a concurrency of 1 or more".to_owned());
            }
            Ok((domain, destination))
        });
        Self { by_name: found.into_iter().collect() }
    }

    fn show_field(&self, docs: &[&str], key: &str, _sample: Option<&str>, page: &mut Page) {
        let key = format!("{key}.{}", quoted("example.net"));
        page.table(docs, &key, |page| Destination::default().show(page));
    }
}
