//! Hosts of the routes that want more than other MTAs do.

use std::collections::BTreeMap;

use mail_types::Domain;

use crate::{
    page::Page,
    reader::Reader,
    section::{Field, Section},
    sections::Smarthost,
    value::quoted,
};

/// The settings of each, by its name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Smarthosts {
    by_name: BTreeMap<Domain, Smarthost>,
}

impl Smarthosts {
    /// The settings of this host, if it has some.
    pub fn of(&self, host: &Domain) -> Option<&Smarthost> {
        self.by_name.get(host)
    }
}

impl Field for Smarthosts {
    fn take(self, key: &'static str, reader: &mut Reader<'_>) -> Self {
        let Some(mut table) = reader.table(key) else { return self };
        let found = table.tables(|name, inner| {
            let smarthost = Smarthost::read(Smarthost::default(), inner);
            let host = Domain::parse(name).map_err(|why| format!("is no host: {why}"))?;
            smarthost.check()?;
            Ok((host, smarthost))
        });
        Self { by_name: found.into_iter().collect() }
    }

    fn show_field(&self, docs: &[&str], key: &str, _sample: Option<&str>, page: &mut Page) {
        let key = format!("{key}.{}", quoted("smart.example.net"));
        page.table(docs, &key, |page| Smarthost::default().show(page));
    }
}

impl Smarthost {
    /// What no field can judge alone.
    fn check(&self) -> Result<(), String> {
        if self.user.is_some() != self.password_file.is_some() {
            return Err("must have both user and password_file, or neither".to_owned());
        }
        if self.user.is_some() && !self.tls.proves_the_host() {
            let known = "with \"starttls\" or \"tls\" the host proves first who it is";
            return Err(format!(
                "must not be sent a password with tls = {}: {known}",
                self.tls.as_str()
            ));
        }
        Ok(())
    }
}
