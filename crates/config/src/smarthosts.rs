//! Hosts of the routes that want more than other MTAs do.

use std::{collections::BTreeMap, path::PathBuf};

use mail_types::Domain;

use crate::{
    page::Page,
    reader::Reader,
    routes::HostPort,
    section::{Field, Section},
    sections::Smarthost,
    value::quoted,
};

/// The settings of each: by the host's name, or by any name if they say which host they are for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Smarthosts {
    of_hosts: BTreeMap<Domain, Smarthost>,
    named: BTreeMap<String, (HostPort, Smarthost)>,
}

impl Smarthosts {
    /// The settings of this host, if it has some.
    pub fn of(&self, host: &Domain) -> Option<&Smarthost> {
        self.of_hosts.get(host)
    }

    /// The host and the settings of this name, for routes such as `via:NAME`.
    pub fn named(&self, name: &str) -> Option<(&HostPort, &Smarthost)> {
        self.named.get(name).map(|(host, smarthost)| (host, smarthost))
    }

    /// The files with passwords for any of them.
    pub fn password_files(&self) -> Vec<PathBuf> {
        let named = self.named.values().map(|(_, smarthost)| smarthost);
        let all = self.of_hosts.values().chain(named);
        all.filter_map(|smarthost| smarthost.password_file.clone()).collect()
    }
}

enum Known {
    Host(Domain, Smarthost),
    Named(String, HostPort, Smarthost),
}

impl Field for Smarthosts {
    fn take(self, key: &'static str, reader: &mut Reader<'_>) -> Self {
        let Some(mut table) = reader.table(key) else { return self };
        let found = table.tables(|name, inner| {
            let smarthost = Smarthost::read(Smarthost::default(), inner);
            smarthost.check()?;
            let Some(host) = &smarthost.host else {
                let host = Domain::parse(name).map_err(|why| format!("is no host: {why}"))?;
                return Ok(Known::Host(host, smarthost));
            };
            let host = HostPort::parse(host)
                .ok_or("must have a host with its port, such as \"smart.example.net:587\"")?;
            Ok(Known::Named(name.to_owned(), host, smarthost))
        });
        let mut all = Self::default();
        for known in found {
            match known {
                Known::Host(host, smarthost) => drop(all.of_hosts.insert(host, smarthost)),
                Known::Named(name, host, smarthost) => {
                    all.named.insert(name, (host, smarthost));
                }
            }
        }
        all
    }

    fn show_field(&self, docs: &[&str], key: &str, _sample: Option<&str>, page: &mut Page) {
        let key = format!("{key}.{}", quoted("alice-at-example-net"));
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
