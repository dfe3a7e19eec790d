//! How each type of value is read and rendered.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use mail_types::{Address, Domain, MailboxName};
use toml::de::DeValue;

use crate::units::{self, ByteSize, Percent};

/// A value behind a key.
pub(crate) trait Value: Sized {
    /// From TOML; the error is read after the key and says what belongs there.
    fn read(value: &DeValue<'_>, folder: &Path) -> Result<Self, String>;

    /// To TOML, on one line.
    fn render(&self) -> String;
}

/// A text as a TOML basic string.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

impl Value for bool {
    fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| "must be true or false".to_owned())
    }

    fn render(&self) -> String {
        self.to_string()
    }
}

impl Value for String {
    fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
        let text = value.as_str().filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| "must be a text in quotes".to_owned())
    }

    fn render(&self) -> String {
        quoted(self)
    }
}

/// Numbers are read as `i64` is; the type's own range is named in the error.
macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Value for $number {
            fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
                value
                    .as_integer()
                    .and_then(|integer| Self::from_str_radix(integer.as_str(), integer.radix()).ok())
                    .ok_or_else(|| format!("must be a whole number from {} to {}", Self::MIN, Self::MAX))
            }

            fn render(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

numbers!(u16, u32);

impl Value for f64 {
    fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
        let text = match value {
            DeValue::Float(float) => float.as_str(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            _ => "",
        };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err("must be a number such as 1.5".to_owned()),
        }
    }

    fn render(&self) -> String {
        format!("{self:?}")
    }
}

impl Value for Duration {
    fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
        value
            .as_str()
            .and_then(units::parse_duration)
            .ok_or_else(|| "must be a duration such as \"90s\", \"5m\" or \"1h 30m\"".to_owned())
    }

    fn render(&self) -> String {
        quoted(&units::render_duration(*self))
    }
}

impl Value for ByteSize {
    fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
        let size = match value {
            DeValue::Integer(integer) if integer.radix() == 10 => {
                units::parse_size(integer.as_str())
            }
            value => value.as_str().and_then(units::parse_size),
        };
        size.ok_or_else(|| "must be a size such as \"32 KiB\" or \"50 MiB\"".to_owned())
    }

    fn render(&self) -> String {
        quoted(&self.to_string())
    }
}

impl Value for Percent {
    fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
        let number = value.as_integer().and_then(|integer| integer.as_str().parse().ok());
        let percent = number.filter(|number| (1..=100).contains(number)).map(Self);
        percent.ok_or_else(|| "must be a whole number from 1 to 100, in percent".to_owned())
    }

    fn render(&self) -> String {
        self.0.to_string()
    }
}

impl Value for Domain {
    fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
        let text = value.as_str().ok_or("must be a host name such as \"mail.example.org\"")?;
        Self::parse(text).map_err(|why| format!("{text:?} is no domain: {why}"))
    }

    fn render(&self) -> String {
        quoted(self.as_str())
    }
}

impl Value for Address {
    fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
        let text = value.as_str().ok_or("must be an address such as \"alice@example.org\"")?;
        Self::parse(text).map_err(|why| format!("{text:?} is no address: {why}"))
    }

    fn render(&self) -> String {
        quoted(&self.to_string())
    }
}

impl Value for MailboxName {
    fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
        let text = value.as_str().ok_or("must be a mailbox such as \"INBOX\" or \"Lists/rust\"")?;
        Self::parse(text).map_err(|why| format!("{text:?} is no mailbox: {why}"))
    }

    fn render(&self) -> String {
        quoted(self.as_str())
    }
}

impl Value for PathBuf {
    fn read(value: &DeValue<'_>, folder: &Path) -> Result<Self, String> {
        match value.as_str() {
            // By components: "." and doubled slashes would be shown wherever the path is.
            Some(text) if !text.is_empty() => Ok(folder.join(text).components().collect()),
            _ => Err("must be a path such as \"/etc/postrider/certificate.pem\"".to_owned()),
        }
    }

    fn render(&self) -> String {
        quoted(&self.to_string_lossy())
    }
}

impl Value for SocketAddr {
    fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
        let text = value.as_str().unwrap_or_default();
        text.parse().map_err(|_| {
            let cure =
                "must be an IP address with its port, such as \"0.0.0.0:143\" or \"[::]:143\"";
            if text.parse::<std::net::IpAddr>().is_ok() {
                format!("{cure}; {text:?} lacks the port")
            } else {
                cure.to_owned()
            }
        })
    }

    fn render(&self) -> String {
        quoted(&self.to_string())
    }
}

macro_rules! addresses {
    ($($kind:ty: $sample:literal),*) => {$(
        impl Value for $kind {
            fn read(value: &DeValue<'_>, _folder: &Path) -> Result<Self, String> {
                let address = value.as_str().and_then(|text| text.parse().ok());
                address.ok_or_else(|| format!("must be an address such as \"{}\"", $sample))
            }

            fn render(&self) -> String {
                quoted(&self.to_string())
            }
        }
    )*};
}

addresses!(Ipv4Addr: "192.0.2.7", Ipv6Addr: "2001:db8::7");

impl<V: Value> Value for Vec<V> {
    fn read(value: &DeValue<'_>, folder: &Path) -> Result<Self, String> {
        // A single value is a list of one: nobody should stumble over brackets.
        match value.as_array() {
            Some(array) => array.iter().map(|item| V::read(item.get_ref(), folder)).collect(),
            None => V::read(value, folder).map(|item| vec![item]),
        }
    }

    fn render(&self) -> String {
        let items: Vec<String> = self.iter().map(Value::render).collect();
        format!("[{}]", items.join(", "))
    }
}
