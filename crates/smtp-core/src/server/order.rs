//! Which command is legal when.

use crate::command::Verb;

/// Where the conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No HELO or EHLO yet.
    Fresh,
    /// Greeted, no transaction.
    Idle,
    /// After MAIL, no recipient accepted.
    Sender,
    /// At least one recipient accepted.
    Recipients,
    /// Between two chunks of content (RFC 3030 §2).
    Chunks,
}

/// Why a command is not legal now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfOrder {
    /// HELO or EHLO has to come first.
    NoHello,
    /// EHLO has to come first: HELO knows no extensions.
    NoExtensions,
    /// MAIL has to come first.
    NoSender,
    /// A recipient has to be accepted first.
    NoRecipient,
    /// The command cannot stand in a transaction.
    TransactionOpen,
    /// Content has begun with BDAT and has to end with it.
    ChunksBegun,
    /// STARTTLS came already.
    TlsStands,
    /// AUTH succeeded already.
    SignedIn,
}

/// The table. Handlers start after this check.
pub(crate) fn check(verb: Verb, stage: Stage) -> Result<(), OutOfOrder> {
    use OutOfOrder as Not;
    use Stage as In;
    use Verb as V;
    match (verb, stage) {
        // RFC 5321 §4.1.4: at any time; the greeting ends a transaction.
        (V::Helo | V::Ehlo | V::Lhlo | V::Rset | V::Noop | V::Quit, _) => Ok(()),
        (V::Vrfy | V::Expn | V::Help | V::Foreign, _) => Ok(()),
        // A proxy speaks of its client before that one speaks.
        (V::Xclient, In::Fresh | In::Idle) => Ok(()),
        (V::Xclient, _) => Err(Not::TransactionOpen),
        // RFC 5321 §4.1.4: a session that sends mail begins with a greeting.
        (_, In::Fresh) => Err(Not::NoHello),
        // RFC 5321 §4.1.4: MAIL when no transaction is in progress.
        (V::Mail, In::Idle) => Ok(()),
        (V::Mail, _) => Err(Not::TransactionOpen),
        // RFC 5321 §4.1.4: RCPT after MAIL; RFC 3030 §2: not once BDAT has begun.
        (V::Rcpt, In::Sender | In::Recipients) => Ok(()),
        (V::Rcpt | V::Data, In::Chunks) => Err(Not::ChunksBegun),
        (V::Rcpt | V::Data | V::Bdat, In::Idle) => Err(Not::NoSender),
        // RFC 5321 §3.3: not without a recipient.
        (V::Data | V::Bdat, In::Sender) => Err(Not::NoRecipient),
        (V::Data, In::Recipients) => Ok(()),
        // RFC 3030 §2: the first chunk, and each that follows it.
        (V::Bdat, In::Recipients | In::Chunks) => Ok(()),
        // RFC 3207 §4.2 starts over after TLS; RFC 4954 §4 and RFC 1985 §5 forbid the others in a
        // transaction.
        (V::StartTls | V::Auth | V::Etrn, In::Idle) => Ok(()),
        (V::StartTls | V::Auth | V::Etrn, _) => Err(Not::TransactionOpen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_as_a_picture() {
        let verbs = [
            Verb::Helo,
            Verb::Ehlo,
            Verb::Lhlo,
            Verb::Mail,
            Verb::Rcpt,
            Verb::Data,
            Verb::Bdat,
            Verb::Rset,
            Verb::Noop,
            Verb::Quit,
            Verb::Vrfy,
            Verb::Expn,
            Verb::Help,
            Verb::StartTls,
            Verb::Auth,
            Verb::Etrn,
            Verb::Xclient,
            Verb::Foreign,
        ];
        let picture = [
            // hello, mail rcpt data bdat, rset noop quit, vrfy expn help, tls auth etrn, xclient, 502
            (Stage::Fresh, "+++ .... +++ +++ ... ++"),
            (Stage::Idle, "+++ +... +++ +++ +++ ++"),
            (Stage::Sender, "+++ .+.. +++ +++ ... .+"),
            (Stage::Recipients, "+++ .+++ +++ +++ ... .+"),
            (Stage::Chunks, "+++ ...+ +++ +++ ... .+"),
        ];
        for (stage, row) in picture {
            let seen: String = verbs
                .iter()
                .map(|verb| if check(*verb, stage).is_ok() { '+' } else { '.' })
                .collect();
            assert_eq!(seen, row.replace(' ', ""), "{stage:?}");
        }
    }
}
