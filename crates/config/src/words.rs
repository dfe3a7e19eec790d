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
