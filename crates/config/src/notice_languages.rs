//! The languages of notices to single people and domains.

use std::{collections::BTreeMap, path::Path};

use mail_types::{Address, Domain};
use toml::de::DeValue;

use crate::{
    page::Page,
    reader::Reader,
    section::Field,
    value::{Value, quoted},
    words::NoticeLanguage,
};

/// Languages by address and by domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoticeLanguages {
    /// Folded.
    by_address: BTreeMap<String, NoticeLanguage>,
    by_domain: BTreeMap<Domain, NoticeLanguage>,
}

impl NoticeLanguages {
    /// The language of whoever has this address, if it is said: his own before his domain's.
    pub fn of(&self, address: &Address) -> Option<NoticeLanguage> {
        let own = self.by_address.get(&address.folded());
        own.or_else(|| self.by_domain.get(address.domain())).copied()
    }
}

/// Whose language a line says.
enum Whose {
    Address(Address),
    Domain(Domain),
}

impl Field for NoticeLanguages {
    fn take(mut self, key: &'static str, reader: &mut Reader<'_>) -> Self {
        let Some(mut table) = reader.table(key) else { return self };
        let lines = table.entries(|key, text| {
            let whose = if key.contains('@') {
                Whose::Address(Address::parse(key).map_err(|why| format!("is no address: {why}"))?)
            } else {
                let why = |why| format!("is neither a domain nor an address: {why}");
                Whose::Domain(Domain::parse(key).map_err(why)?)
            };
            Ok((whose, NoticeLanguage::read(&DeValue::String(text.into()), Path::new(""))?))
        });
        for (whose, language) in lines {
            let _ = match whose {
                Whose::Address(address) => self.by_address.insert(address.folded(), language),
                Whose::Domain(domain) => self.by_domain.insert(domain, language),
            };
        }
        self
    }

    fn show_field(&self, docs: &[&str], key: &str, _sample: Option<&str>, page: &mut Page) {
        page.table(docs, key, |page| {
            page.example_line("\"example.net\"", &quoted(NoticeLanguage::Korean.as_str()));
            page.example_line("\"alice@example.org\"", &quoted(NoticeLanguage::Both.as_str()));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn ones_own_language_comes_before_ones_domains() {
        let text = "hostname = \"mail.example.org\"\n[submission]\nlisten_tls = []\n\
                    [imap]\nlisten_tls = []\n[pop3]\nlisten_tls = []\n[notices.languages]\n\
                    \"example.net\" = \"ko\"\n\"Alice@Example.net\" = \"ko+en\"\n";
        let config = Config::parse(text, Path::new("/")).unwrap();
        for (address, expected) in [
            ("bob@example.net", Some(NoticeLanguage::Korean)),
            ("alice@example.net", Some(NoticeLanguage::Both)),
            ("alice@example.org", None),
            ("bob@sub.example.net", None),
        ] {
            let address = Address::parse(address).unwrap();
            assert_eq!(config.notices.languages.of(&address), expected, "{address}");
        }
        for line in ["\"a b@example.net\" = \"ko\"", "\"..\" = \"ko\"", "\"a.test\" = \"kr\""] {
            let wrong = format!("{}\n{line}\n", text.split_once("\"example.net\"").unwrap().0);
            assert!(Config::parse(&wrong, Path::new("/")).is_err(), "{line}");
        }
    }
}
