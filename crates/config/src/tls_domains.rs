//! What TLS with the servers of single domains must be.

use std::{collections::BTreeMap, path::Path};

use mail_types::Domain;
use toml::de::DeValue;

use crate::{
    page::Page,
    reader::Reader,
    section::Field,
    value::{Value, quoted},
    words::DomainTls,
};

/// The demands by domain, with one for all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsDomains {
    by_domain: BTreeMap<Domain, DomainTls>,
    otherwise: DomainTls,
}

impl TlsDomains {
    /// What is demanded of the servers of this domain.
    pub fn of(&self, domain: &Domain) -> DomainTls {
        self.by_domain.get(domain).copied().unwrap_or(self.otherwise)
    }
}

impl Default for TlsDomains {
    fn default() -> Self {
        Self { by_domain: BTreeMap::new(), otherwise: DomainTls::AsPublished }
    }
}

impl Field for TlsDomains {
    fn take(mut self, key: &'static str, reader: &mut Reader<'_>) -> Self {
        let Some(mut table) = reader.table(key) else { return self };
        let lines = table.entries(|key, text| {
            let domain = match key {
                "*" => None,
                name => Some(
                    Domain::parse(name)
                        .map_err(|why| format!("is neither a domain nor \"*\": {why}"))?,
                ),
            };
            Ok((domain, DomainTls::read(&DeValue::String(text.into()), Path::new(""))?))
        });
        for (domain, tls) in lines {
            match domain {
                Some(domain) => drop(self.by_domain.insert(domain, tls)),
                None => self.otherwise = tls,
            }
        }
        self
    }

    fn show_field(&self, docs: &[&str], key: &str, _sample: Option<&str>, page: &mut Page) {
        page.table(docs, key, |page| {
            page.example_line("\"*\"", &quoted(DomainTls::AsPublished.as_str()));
            page.example_line("\"example.net\"", &quoted(DomainTls::Verified.as_str()));
            page.example_line("\"example.edu\"", &quoted(DomainTls::Opportunistic.as_str()));
        });
    }
}
