//! Settings that are one of a few words.

use std::path::Path;

use toml::de::DeValue;

use crate::value::{Value, quoted};

macro_rules! words {
    ($( $(#[$about:meta])* $name:ident { $( $(#[$doc:meta])* $variant:ident = $word:literal, )* } )*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $( $(#[$doc])* $variant, )*
        }

        impl $name {
            /// The word for it in the configuration.
            pub fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )*
                }
            }
        }

        impl Value for $name {
            fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
                match value.as_str() {
                    $( Some($word) => Ok(Self::$variant), )*
                    _ => Err(format!("must be one of {}", [$( quoted($word) ),*].join(", "))),
                }
            }

            fn render(&self) -> String {
                quoted(self.as_str())
            }
        }
    )*};
}

words! {
    /// What becomes of a CR or LF that stands alone in a message.
    BareLineEnds {
        /// The message is refused.
        Refuse = "refuse",
        /// It is taken for CRLF.
        Repair = "repair",
    }

    /// What becomes of mail for a relayed domain whose server cannot be asked for the recipient.
    Unreachable {
        /// It is taken.
        Accept = "accept",
        /// The client is to try again later.
        Defer = "defer",
    }

    /// The language of notices.
    NoticeLanguage {
        /// English.
        English = "en",
        /// Korean.
        Korean = "ko",
        /// Both, one after the other.
        Both = "ko+en",
    }

    /// What becomes of a message that a POP3 client deletes.
    Pop3Deleted {
        /// It is gone.
        Remove = "remove",
        /// It is moved into the mailbox for deleted messages.
        Trash = "trash",
    }

    /// What TLS with a host of the routes must be.
    HostTls {
        /// As between all servers: where it is offered, with any certificate.
        Opportunistic = "opportunistic",
        /// STARTTLS, with a certificate that is valid for the host's name.
        StartTls = "starttls",
        /// TLS from the start (port 465), with a certificate that is valid for the host's name.
        FromStart = "tls",
        /// None at all.
        None = "none",
    }

    /// What TLS with the servers of a domain must be, on top of what the domain itself demands.
    DomainTls {
        /// Nothing on top.
        AsPublished = "as-published",
        /// None at all, whatever the domain demands.
        None = "none",
        /// Where it is offered, with any certificate, whatever the domain demands.
        Opportunistic = "opportunistic",
        /// TLS, with any certificate.
        Required = "required",
        /// TLS, with a certificate that is valid for the server's name.
        Verified = "verified",
        /// TLS, with a certificate that TLSA records speak of (RFC 7672 §6).
        Dane = "dane",
    }

    /// Whose word counts that an answer is proved by DNSSEC.
    DnssecWord {
        /// That of resolvers on this machine, if there are no others.
        Loopback = "loopback",
        /// That of the configured ones, wherever they are.
        Servers = "servers",
        /// Nobody's.
        Off = "off",
    }

    /// With whom a mailbox can be shared.
    ImapSharing {
        /// With nobody.
        Off = "off",
        /// With accounts, one by one.
        Accounts = "accounts",
        /// With accounts, and with all of them at once.
        Everyone = "everyone",
    }

    /// An IMAP capability that is not offered to everybody.
    ImapCapability {
        /// RFC 9755.
        Utf8Accept = "UTF8=ACCEPT",
        /// RFC 9586.
        UidOnly = "UIDONLY",
    }

    /// A way to sign in.
    SignInMechanism {
        /// RFC 7677, with and without channel binding.
        ScramSha256 = "SCRAM-SHA-256",
        /// RFC 5802, with and without channel binding.
        ScramSha1 = "SCRAM-SHA-1",
        /// By a client certificate.
        External = "EXTERNAL",
        /// RFC 2831.
        DigestMd5 = "DIGEST-MD5",
        /// RFC 2195.
        CramMd5 = "CRAM-MD5",
        /// POP3's own (RFC 1939 §7).
        Apop = "APOP",
        /// The password itself (RFC 4616), IMAP's LOGIN, POP3's USER and PASS.
        Plain = "PLAIN",
        /// The same for older clients.
        Login = "LOGIN",
    }

    /// How much is logged; each level includes those before it.
    LogLevel {
        /// Someone must act.
        Error = "error",
        /// Something is degraded.
        Warn = "warn",
        /// The life of each message.
        Info = "info",
        /// Decisions.
        Debug = "debug",
        /// The wire, without secrets.
        Trace = "trace",
    }

    /// How log lines look.
    LogFormat {
        /// Text, with colours on a terminal.
        Auto = "auto",
        /// Text without colours.
        Text = "text",
        /// A JSON object a line.
        Json = "json",
    }
}

impl HostTls {
    /// Whether the host proves who it is before anything is told.
    pub fn proves_the_host(self) -> bool {
        matches!(self, Self::StartTls | Self::FromStart)
    }
}
