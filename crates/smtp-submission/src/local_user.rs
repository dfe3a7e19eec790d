//! Whom a program of this machine writes as, by the user it runs as.

use config::Config;
use mail_types::{Address, Domain, LocalPart};

/// Where the system lists its users.
const PASSWD: &str = "/etc/passwd";

/// The address of a user: the configured one, or user name at host name.
pub(crate) fn address(uid: u32, config: &Config) -> Option<Address> {
    if let Some(address) = config.sendmail.address(uid) {
        return Some(address.clone());
    }
    // Read each time: rarely wanted, short, and changed without us.
    let passwd = std::fs::read_to_string(PASSWD).unwrap_or_default();
    at_host(uid, &passwd, &config.hostname)
}

fn at_host(uid: u32, passwd: &str, host: &Domain) -> Option<Address> {
    let name = user_name(uid, passwd).map_or_else(|| format!("uid{uid}"), str::to_owned);
    Some(Address::new(LocalPart::from_content(&name).ok()?, host.clone()))
}

/// The name in the line of this uid: `name:password:uid:...`.
fn user_name(uid: u32, passwd: &str) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(uid) && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_addresses() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n#:\nwww-data:x:33:33::/var/www:/bin/false\n";
        let host = Domain::parse("mail.example.org").unwrap();
        let address = |uid| at_host(uid, passwd, &host).map(|address| address.to_string());
        assert_eq!(address(0).as_deref(), Some("root@mail.example.org"));
        assert_eq!(address(33).as_deref(), Some("www-data@mail.example.org"));
        assert_eq!(address(1000).as_deref(), Some("uid1000@mail.example.org"));
    }
}
