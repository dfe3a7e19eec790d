//! Which command is legal when, and what may be said while it runs: one table.
//!
//! Only [`crate::server`] reads it: the legality before a command's arguments are parsed, the last
//! two columns before its tagged line, when news of the selected mailbox is told.

/// A command as it is named on the wire; `UID FETCH` is another than `FETCH`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Append,
    Authenticate,
    CancelUpdate,
    Capability,
    Check,
    Close,
    Compress,
    Copy,
    Create,
    Delete,
    DeleteAcl,
    Enable,
    Esearch,
    Examine,
    Expunge,
    Fetch,
    GenUrlAuth,
    GetAcl,
    GetMetadata,
    GetQuota,
    GetQuotaRoot,
    Id,
    Idle,
    Language,
    List,
    ListRights,
    Login,
    Logout,
    Lsub,
    Move,
    MyRights,
    Namespace,
    Noop,
    Notify,
    Rename,
    Replace,
    ResetKey,
    Search,
    Select,
    SetAcl,
    SetMetadata,
    SetQuota,
    Sort,
    StartTls,
    Status,
    Store,
    Subscribe,
    Thread,
    UidCopy,
    UidExpunge,
    UidFetch,
    UidMove,
    UidReplace,
    UidSearch,
    UidSort,
    UidStore,
    UidThread,
    Unauthenticate,
    Unselect,
    Unsubscribe,
    UrlFetch,
}

/// The states of a connection (RFC 3501 §3); Logout has no commands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    NotAuthenticated,
    Authenticated,
    Selected,
}

/// Sets of states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Legal {
    Any,
    NotAuthenticated,
    SignedIn,
    Selected,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) verb: Verb,
    pub(crate) name: &'static str,
    pub(crate) legal: Legal,
    /// Whether its numbers, or those of its responses, are sequence numbers, so that EXPUNGE would
    /// give them another meaning (RFC 9051 §7.5.1).
    pub(crate) sequence_numbers: bool,
    /// Whether EXPUNGE may be sent before its end (RFC 3501 §7.4.1). The standard lets it in the
    /// reply to UID FETCH and UID STORE; but Thunderbird overlooks it there, and shows the message
    /// for ever. NOOP and IDLE are never far.
    pub(crate) may_expunge: bool,
    /// Whether EXISTS may be sent before its end. The standard lets it always, and Thunderbird
    /// overlooks it likewise.
    pub(crate) may_exists: bool,
}

const fn rule(verb: Verb, name: &'static str, legal: Legal) -> Rule {
    Rule { verb, name, legal, sequence_numbers: false, may_expunge: true, may_exists: true }
}

impl Rule {
    const fn by_sequence_number(self) -> Self {
        Self { sequence_numbers: true, ..self }
    }

    const fn no_expunge(self) -> Self {
        Self { may_expunge: false, ..self }
    }

    const fn no_exists(self) -> Self {
        Self { may_exists: false, ..self }
    }

    /// Whether what is gone may be told before its end. As UIDs as soon as the standard lets it: who
    /// counts by mod-sequences must not hear of a later change first.
    pub(crate) fn may_tell_vanished(&self, as_uids: bool) -> bool {
        self.may_expunge || (as_uids && !self.sequence_numbers)
    }
}

/// The table, by name.
#[rustfmt::skip]
pub(crate) const RULES: &[Rule] = &[
    rule(Verb::Append, "APPEND", Legal::SignedIn),                   // RFC 3501 §6.3.11
    rule(Verb::Authenticate, "AUTHENTICATE", Legal::NotAuthenticated), // RFC 3501 §6.2.2
    rule(Verb::CancelUpdate, "CANCELUPDATE", Legal::Selected),       // RFC 5267 §4.3.5
    rule(Verb::Capability, "CAPABILITY", Legal::Any),                // RFC 3501 §6.1.1
    rule(Verb::Check, "CHECK", Legal::Selected),                     // RFC 3501 §6.4.1
    rule(Verb::Close, "CLOSE", Legal::Selected),                     // RFC 3501 §6.4.2
    rule(Verb::Compress, "COMPRESS", Legal::SignedIn),               // RFC 4978 §3
    rule(Verb::Copy, "COPY", Legal::Selected).by_sequence_number(),  // RFC 3501 §6.4.7
    rule(Verb::Create, "CREATE", Legal::SignedIn),                   // RFC 3501 §6.3.3
    rule(Verb::Delete, "DELETE", Legal::SignedIn),                   // RFC 3501 §6.3.4
    rule(Verb::DeleteAcl, "DELETEACL", Legal::SignedIn),             // RFC 4314 §3.2
    rule(Verb::Enable, "ENABLE", Legal::SignedIn),                   // RFC 5161 §3.1
    rule(Verb::Esearch, "ESEARCH", Legal::SignedIn),                 // RFC 7377 §2
    rule(Verb::Examine, "EXAMINE", Legal::SignedIn),                 // RFC 3501 §6.3.2
    rule(Verb::Expunge, "EXPUNGE", Legal::Selected),                 // RFC 3501 §6.4.3
    rule(Verb::Fetch, "FETCH", Legal::Selected)                      // RFC 3501 §6.4.5
        .by_sequence_number().no_expunge().no_exists(),
    rule(Verb::GenUrlAuth, "GENURLAUTH", Legal::SignedIn),           // RFC 4467 §7
    rule(Verb::GetAcl, "GETACL", Legal::SignedIn),                   // RFC 4314 §3.3
    rule(Verb::GetMetadata, "GETMETADATA", Legal::SignedIn),         // RFC 5464 §4.2
    rule(Verb::GetQuota, "GETQUOTA", Legal::SignedIn),               // RFC 9208 §4.1.1
    rule(Verb::GetQuotaRoot, "GETQUOTAROOT", Legal::SignedIn),       // RFC 9208 §4.1.2
    rule(Verb::Id, "ID", Legal::Any),                                // RFC 2971 §3.1
    rule(Verb::Idle, "IDLE", Legal::SignedIn),                       // RFC 2177 §3
    rule(Verb::Language, "LANGUAGE", Legal::Any),                    // RFC 5255 §3.2
    rule(Verb::List, "LIST", Legal::SignedIn),                       // RFC 3501 §6.3.8
    rule(Verb::ListRights, "LISTRIGHTS", Legal::SignedIn),           // RFC 4314 §3.4
    rule(Verb::Login, "LOGIN", Legal::NotAuthenticated),             // RFC 3501 §6.2.3
    rule(Verb::Logout, "LOGOUT", Legal::Any),                        // RFC 3501 §6.1.3
    rule(Verb::Lsub, "LSUB", Legal::SignedIn),                       // RFC 3501 §6.3.9
    rule(Verb::Move, "MOVE", Legal::Selected).by_sequence_number(),  // RFC 6851 §3.1
    rule(Verb::MyRights, "MYRIGHTS", Legal::SignedIn),               // RFC 4314 §3.5
    rule(Verb::Namespace, "NAMESPACE", Legal::SignedIn),             // RFC 2342 §5
    rule(Verb::Noop, "NOOP", Legal::Any),                            // RFC 3501 §6.1.2
    rule(Verb::Notify, "NOTIFY", Legal::SignedIn),                   // RFC 5465 §3.1
    rule(Verb::Rename, "RENAME", Legal::SignedIn),                   // RFC 3501 §6.3.5
    rule(Verb::Replace, "REPLACE", Legal::Selected)                  // RFC 8508 §3.2
        .by_sequence_number(),
    rule(Verb::ResetKey, "RESETKEY", Legal::SignedIn),               // RFC 4467 §7
    rule(Verb::Search, "SEARCH", Legal::Selected)                    // RFC 3501 §6.4.4
        .by_sequence_number().no_expunge(),
    rule(Verb::Select, "SELECT", Legal::SignedIn),                   // RFC 3501 §6.3.1
    rule(Verb::SetAcl, "SETACL", Legal::SignedIn),                   // RFC 4314 §3.1
    rule(Verb::SetMetadata, "SETMETADATA", Legal::SignedIn),         // RFC 5464 §4.3
    rule(Verb::SetQuota, "SETQUOTA", Legal::SignedIn),               // RFC 9208 §4.1.3
    rule(Verb::Sort, "SORT", Legal::Selected)                        // RFC 5256 §3
        .by_sequence_number().no_expunge(),
    rule(Verb::StartTls, "STARTTLS", Legal::NotAuthenticated),       // RFC 3501 §6.2.1
    rule(Verb::Status, "STATUS", Legal::SignedIn),                   // RFC 3501 §6.3.10
    rule(Verb::Store, "STORE", Legal::Selected)                      // RFC 3501 §6.4.6
        .by_sequence_number().no_expunge().no_exists(),
    rule(Verb::Subscribe, "SUBSCRIBE", Legal::SignedIn),             // RFC 3501 §6.3.6
    rule(Verb::Thread, "THREAD", Legal::Selected)                    // RFC 5256 §3
        .by_sequence_number().no_expunge(),
    rule(Verb::UidCopy, "UID COPY", Legal::Selected),                // RFC 3501 §6.4.8
    rule(Verb::UidExpunge, "UID EXPUNGE", Legal::Selected),          // RFC 4315 §2.1
    rule(Verb::UidFetch, "UID FETCH", Legal::Selected)               // RFC 3501 §6.4.8
        .no_expunge().no_exists(),
    rule(Verb::UidMove, "UID MOVE", Legal::Selected),                // RFC 6851 §3.2
    rule(Verb::UidReplace, "UID REPLACE", Legal::Selected),          // RFC 8508 §3.3
    rule(Verb::UidSearch, "UID SEARCH", Legal::Selected),            // RFC 3501 §6.4.8
    rule(Verb::UidSort, "UID SORT", Legal::Selected),                // RFC 5256 §3
    rule(Verb::UidStore, "UID STORE", Legal::Selected)               // RFC 3501 §6.4.8
        .no_expunge().no_exists(),
    rule(Verb::UidThread, "UID THREAD", Legal::Selected),            // RFC 5256 §3
    rule(Verb::Unauthenticate, "UNAUTHENTICATE", Legal::SignedIn),   // RFC 8437 §3
    rule(Verb::Unselect, "UNSELECT", Legal::Selected),               // RFC 3691 §2
    rule(Verb::Unsubscribe, "UNSUBSCRIBE", Legal::SignedIn),         // RFC 3501 §6.3.7
    rule(Verb::UrlFetch, "URLFETCH", Legal::SignedIn),               // RFC 4467 §7
];

/// The command of this name, in any case (RFC 3501 §9). `UID` and the word behind it stand with
/// one space between.
pub(crate) fn rule_named(name: &[u8]) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name.as_bytes().eq_ignore_ascii_case(name))
}

impl Verb {
    /// Its line of the table.
    pub(crate) fn rule(self) -> &'static Rule {
        static NONE: Rule = rule(Verb::Noop, "NOOP", Legal::Any);
        RULES.iter().find(|rule| rule.verb == self).unwrap_or(&NONE)
    }
}

impl Legal {
    /// Whether a state is in the set; if not, why not, in words for the client.
    pub(crate) fn check(self, state: State) -> Result<(), &'static str> {
        match (self, state) {
            (Self::Any, _)
            | (Self::NotAuthenticated, State::NotAuthenticated)
            | (Self::SignedIn, State::Authenticated | State::Selected)
            | (Self::Selected, State::Selected) => Ok(()),
            (Self::NotAuthenticated, _) => Err("Already signed in"),
            (Self::SignedIn | Self::Selected, State::NotAuthenticated) => Err("Sign in first"),
            (Self::Selected, State::Authenticated) => Err("Select a mailbox first"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_one_line_under_its_name() {
        for (place, rule) in RULES.iter().enumerate() {
            assert_eq!(rule.verb.rule().name, rule.name);
            assert_eq!(
                rule_named(rule.name.to_ascii_lowercase().as_bytes()).unwrap().verb,
                rule.verb
            );
            assert!(RULES[..place].iter().all(|other| other.name < rule.name), "{}", rule.name);
        }
    }

    #[test]
    fn no_number_changes_its_meaning_under_way() {
        // RFC 3501 §7.4.1: not in FETCH, STORE and SEARCH; RFC 3501 §5.5 counts COPY apart.
        // RFC 5256 §3: nor in SORT and THREAD.
        let silent = |qresync| -> Vec<_> {
            RULES.iter().filter(|r| !r.may_tell_vanished(qresync)).map(|r| r.name).collect()
        };
        assert_eq!(silent(true), ["FETCH", "SEARCH", "SORT", "STORE", "THREAD"]);
        let other = ["FETCH", "SEARCH", "SORT", "STORE", "THREAD", "UID FETCH", "UID STORE"];
        assert_eq!(silent(false), other);
    }

    #[test]
    fn states() {
        use State::*;
        let legal = |set: Legal| {
            [NotAuthenticated, Authenticated, Selected].map(|state| set.check(state).is_ok())
        };
        assert_eq!(legal(Legal::Any), [true, true, true]);
        assert_eq!(legal(Legal::NotAuthenticated), [true, false, false]);
        assert_eq!(legal(Legal::SignedIn), [false, true, true]);
        assert_eq!(legal(Legal::Selected), [false, false, true]);
    }
}
