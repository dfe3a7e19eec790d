//! Whom local programs write as.

use std::collections::BTreeMap;

use mail_types::Address;

use crate::{page::Page, reader::Reader, section::Field, value::quoted};

/// The address of each local user, by uid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sendmail {
    addresses: BTreeMap<u32, Address>,
}

impl Sendmail {
    /// The address that this user writes as, if one is set.
    pub fn address(&self, uid: u32) -> Option<&Address> {
        self.addresses.get(&uid)
    }
}

impl Field for Sendmail {
    fn take(self, key: &'static str, reader: &mut Reader<'_>) -> Self {
        let Some(mut table) = reader.table(key) else { return self };
        let lines = table.entries(|key, text| {
            let uid = key.parse::<u32>().map_err(|_| "is no uid: write the number".to_owned())?;
            let address = Address::parse(text).map_err(|why| format!("{text:?}: {why}"))?;
            Ok((uid, address))
        });
        Self { addresses: lines.into_iter().collect() }
    }

    fn show_field(&self, docs: &[&str], key: &str, _sample: Option<&str>, page: &mut Page) {
        page.table(docs, key, |page| page.example_line("1000", &quoted("alice@example.org")));
    }
}
