//! Which command is legal when.

use crate::{command::Verb, response::PeerError};

/// Where the session stands (RFC 1939 §3). UPDATE is not among them: no command comes in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// AUTHORIZATION.
    Authorization,
    /// AUTHORIZATION, right after USER.
    Named,
    /// TRANSACTION.
    Transaction,
}

/// The table. Handlers start after this check.
pub(crate) fn check(verb: Verb, stage: Stage) -> Result<(), PeerError> {
    use Stage as In;
    use Verb as V;
    match (verb, stage) {
        // RFC 1939 §4 and §6, RFC 2449 §5: in all states.
        (V::Quit | V::Capa, _) => Ok(()),
        // RFC 6856 §3.1: in both; §2: in AUTHORIZATION only.
        (V::Lang, _) => Ok(()),
        (V::Utf8, In::Authorization | In::Named) => Ok(()),
        // RFC 1939 §7, RFC 5034 §4: AUTHORIZATION only; RFC 2595 §4 likewise.
        (V::User | V::Apop | V::Auth | V::Stls, In::Authorization | In::Named) => Ok(()),
        // RFC 1939 §7: immediately after a successful USER.
        (V::Pass, In::Named) => Ok(()),
        (V::Pass, In::Authorization) => Err(PeerError::NoName),
        (V::User | V::Pass | V::Apop | V::Auth | V::Stls | V::Utf8, In::Transaction) => {
            Err(PeerError::SignedIn)
        }
        // RFC 1939 §5 and §7.
        (V::Stat | V::List | V::Retr | V::Dele | V::Noop | V::Rset, In::Transaction) => Ok(()),
        (V::Top | V::Uidl, In::Transaction) => Ok(()),
        (_, In::Authorization | In::Named) => Err(PeerError::NotSignedIn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_as_a_picture() {
        let verbs = [
            Verb::Quit,
            Verb::Capa,
            Verb::User,
            Verb::Pass,
            Verb::Auth,
            Verb::Stls,
            Verb::Stat,
            Verb::Uidl,
            Verb::Noop,
            Verb::Lang,
            Verb::Utf8,
        ];
        let picture = [
            (Stage::Authorization, "+++.++...++"),
            (Stage::Named, "++++++...++"),
            (Stage::Transaction, "++....++++."),
        ];
        for (stage, row) in picture {
            let seen: String = verbs
                .iter()
                .map(|verb| if check(*verb, stage).is_ok() { '+' } else { '.' })
                .collect();
            assert_eq!(seen, row, "{stage:?}");
        }
    }
}
