//! What is announced, and when: one table. A line stands here when all of it works.

use sasl_core::Mechanism;

use crate::server::MessageLimit;

/// What a client's connection is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Circumstances<'m> {
    /// It is signed in.
    pub signed_in: bool,
    /// STARTTLS can be done here and now.
    pub starttls: bool,
    /// A password may be sent here and now.
    pub passwords: bool,
    /// What AUTHENTICATE takes here and now, the preferred first.
    pub mechanisms: &'m [Mechanism],
    /// `UTF8=ACCEPT` is offered.
    pub utf8_accept: bool,
    /// `UIDONLY` is offered.
    pub uid_only: bool,
    /// Mailboxes can be shared, and single messages by URL.
    pub sharing: bool,
    /// It is compressed already.
    pub compressed: bool,
    /// How many messages one command works on.
    pub message_limit: MessageLimit,
    /// The octets that a message may have.
    pub append_max: u64,
}

/// When a line is announced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    SignedIn,
    StartTls,
    NoPasswords,
    Uncompressed,
    Sharing,
    Utf8,
    UidOnly,
}

/// What `LITERAL-` lets a client do is part of `LITERAL+`, and both must not stand here
/// (RFC 7888 §5).
const TABLE: &[(&str, When)] = &[
    ("IMAP4rev1", When::Always),               // RFC 3501
    ("IMAP4rev2", When::Always),               // RFC 9051
    ("LITERAL+", When::Always),                // RFC 7888
    ("SASL-IR", When::Always),                 // RFC 4959
    ("ID", When::Always),                      // RFC 2971
    ("ENABLE", When::Always),                  // RFC 5161
    ("LANGUAGE", When::Always),                // RFC 5255 §3
    ("STARTTLS", When::StartTls),              // RFC 3501 §6.2.1
    ("LOGINDISABLED", When::NoPasswords),      // RFC 3501 §6.2.3
    ("COMPRESS=DEFLATE", When::Uncompressed),  // RFC 4978
    ("IDLE", When::SignedIn),                  // RFC 2177
    ("NAMESPACE", When::SignedIn),             // RFC 2342
    ("UNSELECT", When::SignedIn),              // RFC 3691
    ("UIDPLUS", When::SignedIn),               // RFC 4315
    ("MOVE", When::SignedIn),                  // RFC 6851
    ("MULTIAPPEND", When::SignedIn),           // RFC 3502
    ("REPLACE", When::SignedIn),               // RFC 8508
    ("CATENATE", When::SignedIn),              // RFC 4469
    ("CHILDREN", When::SignedIn),              // RFC 5258 §4
    ("LIST-EXTENDED", When::SignedIn),         // RFC 5258
    ("LIST-STATUS", When::SignedIn),           // RFC 5819
    ("SPECIAL-USE", When::SignedIn),           // RFC 6154
    ("CREATE-SPECIAL-USE", When::SignedIn),    // RFC 6154 §3
    ("STATUS=SIZE", When::SignedIn),           // RFC 8438
    ("SAVEDATE", When::SignedIn),              // RFC 8514
    ("OBJECTID", When::SignedIn),              // RFC 8474
    ("PREVIEW", When::SignedIn),               // RFC 8970
    ("PARTIAL", When::SignedIn),               // RFC 9394
    ("INPROGRESS", When::SignedIn),            // RFC 9585
    ("UNAUTHENTICATE", When::Uncompressed),    // RFC 8437
    ("ESEARCH", When::SignedIn),               // RFC 4731
    ("MULTISEARCH", When::SignedIn),           // RFC 7377
    ("SEARCHRES", When::SignedIn),             // RFC 5182
    ("WITHIN", When::SignedIn),                // RFC 5032
    ("BINARY", When::SignedIn),                // RFC 3516
    ("SORT", When::SignedIn),                  // RFC 5256
    ("SORT=DISPLAY", When::SignedIn),          // RFC 5957
    ("ESORT", When::SignedIn),                 // RFC 5267 §3
    ("CONTEXT=SEARCH", When::SignedIn),        // RFC 5267 §4
    ("CONTEXT=SORT", When::SignedIn),          // RFC 5267 §4
    ("THREAD=ORDEREDSUBJECT", When::SignedIn), // RFC 5256
    ("THREAD=REFERENCES", When::SignedIn),     // RFC 5256
    ("I18NLEVEL=1", When::SignedIn),           // RFC 5255 §4.3
    ("UTF8=ACCEPT", When::Utf8),               // RFC 9755
    ("UIDONLY", When::UidOnly),                // RFC 9586
    ("CONDSTORE", When::SignedIn),             // RFC 7162 §3.1
    ("QRESYNC", When::SignedIn),               // RFC 7162 §3.2
    ("QUOTA", When::SignedIn),                 // RFC 9208
    ("QUOTA=RES-STORAGE", When::SignedIn),     // RFC 9208 §5.1
    ("QUOTA=RES-MESSAGE", When::SignedIn),     // RFC 9208 §5.2
    ("METADATA", When::SignedIn),              // RFC 5464
    ("LIST-METADATA", When::SignedIn),         // RFC 9590
    ("NOTIFY", When::SignedIn),                // RFC 5465
    ("ACL", When::Sharing),                    // RFC 4314
    ("RIGHTS=texk", When::Sharing),            // RFC 4314 §2.2
    ("LIST-MYRIGHTS", When::Sharing),          // RFC 8440
    ("URLAUTH", When::Sharing),                // RFC 4467
];

/// The list, as it stands behind `CAPABILITY` (RFC 3501 §7.2.1).
pub fn list(circumstances: Circumstances<'_>) -> String {
    let announced = |when| match when {
        When::Always => true,
        When::SignedIn => circumstances.signed_in,
        When::StartTls => circumstances.starttls,
        When::UidOnly => circumstances.signed_in && circumstances.uid_only,
        When::Sharing => circumstances.signed_in && circumstances.sharing,
        When::Utf8 => circumstances.signed_in && circumstances.utf8_accept,
        When::Uncompressed => circumstances.signed_in && !circumstances.compressed,
        When::NoPasswords => !circumstances.signed_in && !circumstances.passwords,
    };
    let mut list: Vec<String> = TABLE
        .iter()
        .filter(|(_, when)| announced(*when))
        .map(|(name, _)| (*name).to_owned())
        .collect();
    if circumstances.signed_in {
        // RFC 7889 §3.1: the same for all mailboxes.
        list.push(format!("APPENDLIMIT={}", circumstances.append_max));
        // RFC 9738 §3: one of the two.
        match circumstances.message_limit {
            MessageLimit::All(limit) => list.push(format!("MESSAGELIMIT={limit}")),
            MessageLimit::Saving(limit) => list.push(format!("SAVELIMIT={limit}")),
            MessageLimit::Unlimited => {}
        }
    } else {
        list.extend(circumstances.mechanisms.iter().map(|m| format!("AUTH={m}")));
    }
    list.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_circumstances() {
        let check = |signed_in, starttls, passwords, expected: &str| {
            let mechanisms: &[_] =
                if passwords { &[Mechanism::Plain, Mechanism::Login] } else { &[] };
            let circumstances = Circumstances {
                signed_in,
                starttls,
                passwords,
                mechanisms,
                utf8_accept: false,
                uid_only: false,
                sharing: false,
                compressed: false,
                message_limit: MessageLimit::Unlimited,
                append_max: 1000,
            };
            assert_eq!(list(circumstances), expected);
            let with_utf8 = list(Circumstances { utf8_accept: true, ..circumstances });
            assert_eq!(with_utf8.contains(" UTF8=ACCEPT"), signed_in);
            let by_uid = list(Circumstances { uid_only: true, ..circumstances });
            assert_eq!(by_uid.contains(" UIDONLY"), signed_in);
            let shared = list(Circumstances { sharing: true, ..circumstances });
            assert_eq!(shared.contains(" ACL RIGHTS=texk LIST-MYRIGHTS URLAUTH"), signed_in);
            for (limit, name) in [
                (MessageLimit::All(5), " MESSAGELIMIT=5"),
                (MessageLimit::Saving(6), " SAVELIMIT=6"),
            ] {
                let limited = list(Circumstances { message_limit: limit, ..circumstances });
                let added = if signed_in { name } else { "" };
                assert_eq!(limited, format!("{expected}{added}"));
            }
            let compressed = list(Circumstances { compressed: true, ..circumstances });
            assert_eq!(
                compressed,
                expected.replace(" COMPRESS=DEFLATE", "").replace(" UNAUTHENTICATE", "")
            );
        };
        check(
            false,
            true,
            false,
            "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE LANGUAGE STARTTLS LOGINDISABLED",
        );
        check(
            false,
            false,
            true,
            "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE LANGUAGE AUTH=PLAIN AUTH=LOGIN",
        );
        check(
            true,
            false,
            true,
            "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE LANGUAGE COMPRESS=DEFLATE IDLE NAMESPACE UNSELECT UIDPLUS MOVE MULTIAPPEND REPLACE CATENATE CHILDREN \
             LIST-EXTENDED LIST-STATUS SPECIAL-USE CREATE-SPECIAL-USE STATUS=SIZE SAVEDATE OBJECTID PREVIEW PARTIAL INPROGRESS UNAUTHENTICATE ESEARCH MULTISEARCH SEARCHRES WITHIN BINARY SORT SORT=DISPLAY ESORT \
             CONTEXT=SEARCH CONTEXT=SORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES I18NLEVEL=1 CONDSTORE QRESYNC \
             QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE METADATA LIST-METADATA NOTIFY APPENDLIMIT=1000",
        );
    }
}
