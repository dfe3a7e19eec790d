//! Who may ask for the mail that waits for a domain (RFC 1985 §5.1).

use std::{collections::BTreeMap, net::IpAddr};

use mail_types::Domain;

use crate::{networks::Network, page::Page, reader::Reader, section::Field, value::Value as _};

/// The networks by domain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Etrn {
    by_domain: BTreeMap<Domain, Vec<Network>>,
}

impl Etrn {
    /// Whether nobody may ask for anything.
    pub fn is_empty(&self) -> bool {
        self.by_domain.is_empty()
    }

    /// Whether a client may ask for the mail of this domain: if it may for the domain itself, or
    /// for one above it.
    pub fn may_ask(&self, client: IpAddr, domain: &Domain) -> bool {
        let mut above = Some(domain.as_str());
        while let Some(name) = above {
            let found = Domain::parse(name).ok().and_then(|name| self.by_domain.get(&name));
            if found.is_some_and(|networks| networks.iter().any(|one| one.contains(client))) {
                return true;
            }
            above = name.split_once('.').map(|(_, rest)| rest);
        }
        false
    }
}

impl Field for Etrn {
    fn take(self, key: &'static str, reader: &mut Reader<'_>) -> Self {
        let Some(mut table) = reader.table(key) else { return self };
        let lines = table.lists::<Network, _>(|key| {
            Domain::parse(key).map_err(|why| format!("is no domain: {why}"))
        });
        Self { by_domain: lines.into_iter().collect() }
    }

    fn show_field(&self, docs: &[&str], key: &str, _sample: Option<&str>, page: &mut Page) {
        page.table(docs, key, |page| {
            let networks = vec!["192.0.2.25".to_owned(), "2001:db8:25::/64".to_owned()];
            page.example_line("\"example.com\"", &networks.render());
        });
    }
}
