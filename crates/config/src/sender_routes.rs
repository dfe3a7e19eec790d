//! Other ways for the mail of single senders.

use std::collections::BTreeMap;

use mail_types::Address;

use crate::{page::Page, reader::Reader, routes::Route, section::Field, value::quoted};

/// The ways by sender.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SenderRoutes {
    /// By `account:` and an address, an address, or `@` and a domain; folded.
    by_sender: BTreeMap<String, Route>,
}

impl SenderRoutes {
    /// Whether the account that submitted a message can matter.
    pub fn has_accounts(&self) -> bool {
        self.by_sender.keys().any(|key| key.starts_with(ACCOUNT))
    }

    /// The name of the way for mail of this account with this reverse-path. The account comes
    /// before the address, and that before its domain.
    pub fn of(&self, account: Option<&Address>, reverse_path: Option<&Address>) -> Option<&str> {
        let account = account.map(|account| format!("{ACCOUNT}{}", account.folded()));
        let address = reverse_path.map(Address::folded);
        let domain = reverse_path.map(|address| format!("@{}", address.domain()));
        let keys = [account, address, domain].into_iter().flatten();
        let mut found = keys.filter_map(|key| self.by_sender.get_key_value(&key));
        found.next().map(|(key, _)| key.as_str())
    }

    /// The way of this name.
    pub fn named(&self, name: &str) -> Option<&Route> {
        self.by_sender.get(name)
    }

    pub(crate) fn routes(&self) -> impl Iterator<Item = &Route> {
        self.by_sender.values()
    }
}

const ACCOUNT: &str = "account:";

impl Field for SenderRoutes {
    fn take(self, key: &'static str, reader: &mut Reader<'_>) -> Self {
        let Some(mut table) = reader.table(key) else { return self };
        let lines = table.entries(|key, text| {
            let route = Route::parse(text)?;
            if !matches!(route, Route::Mx | Route::Host(_) | Route::Via(_)) {
                return Err("must be \"mx\", a host with its port, or \"via:\" and a smarthost: \
                            what is held, dropped or goes by LMTP is said by domain"
                    .to_owned());
            }
            Ok((sender(key)?, route))
        });
        Self { by_sender: lines.into_iter().collect() }
    }

    fn show_field(&self, docs: &[&str], key: &str, _sample: Option<&str>, page: &mut Page) {
        page.table(docs, key, |page| {
            page.example_line("\"alice@example.org\"", &quoted("via:alice-at-example-net"));
            page.example_line("\"@example.org\"", &quoted("smart.example.net:587"));
            page.example_line("\"account:bob@example.org\"", &quoted("mx"));
        });
    }
}

/// The key as it is looked for.
fn sender(key: &str) -> Result<String, String> {
    let no = |why| {
        format!(
            "is neither an address, nor \"@\" and a domain, nor \"account:\" and an address: {why}"
        )
    };
    if let Some(domain) = key.strip_prefix('@') {
        return mail_types::Domain::parse(domain).map(|domain| format!("@{domain}")).map_err(no);
    }
    let (account, address) = match key.strip_prefix(ACCOUNT) {
        Some(address) => (ACCOUNT, address),
        None => ("", key),
    };
    Address::parse(address).map(|address| format!("{account}{}", address.folded())).map_err(no)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rule_counts() {
        let keys = ["@example.org", "Alice@Example.org", "account:bob@example.org"];
        let by_sender = keys.iter().map(|key| (sender(key).unwrap(), Route::Mx)).collect();
        let routes = SenderRoutes { by_sender };
        let address = |text: &str| (!text.is_empty()).then(|| Address::parse(text).unwrap());
        for (account, reverse_path, expected) in [
            ("", "alice@example.org", Some("alice@example.org")),
            ("", "carol@EXAMPLE.ORG", Some("@example.org")),
            ("bob@example.org", "alice@example.org", Some("account:bob@example.org")),
            ("bob@example.org", "", Some("account:bob@example.org")),
            ("carol@example.org", "x@example.net", None),
            ("", "", None),
        ] {
            let found = routes.of(address(account).as_ref(), address(reverse_path).as_ref());
            assert_eq!(found, expected, "{account} {reverse_path}");
        }
        assert!(routes.has_accounts());
        for bad in ["alice", "@", "account:", "*"] {
            assert!(sender(bad).is_err(), "{bad}");
        }
    }
}
