//! Which mechanisms are offered when.

use crate::{Bindings, Mechanism, Setting};

/// What a server offers. What has no verifier anywhere is not among it: who fills it sees to that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offers {
    /// The mechanisms, under TLS; in any order.
    pub mechanisms: Vec<Mechanism>,
    /// Whether those that do not show the password to the wire are offered without TLS as well.
    pub challenges_in_clear: bool,
    /// Whether all is offered without TLS to programs of this machine.
    pub all_on_loopback: bool,
}

/// How well a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// By TLS.
    Tls,
    /// Not at all, but it does not leave the machine.
    Loopback,
    /// Not at all.
    None,
}

impl Offers {
    /// PLAIN and LOGIN.
    pub fn passwords() -> Self {
        Self { mechanisms: vec![Mechanism::Plain, Mechanism::Login], ..Self::default() }
    }

    /// What is announced here, in the order of preference.
    pub fn announced(&self, protection: Protection, setting: &Setting<'_>) -> Vec<Mechanism> {
        let known = |mechanism: &Mechanism| self.mechanisms.contains(mechanism);
        let fits = |mechanism: &Mechanism| match mechanism {
            Mechanism::External => setting.certificate.is_some(),
            bound if bound.binds_channel() => setting.bindings.allow_plus(),
            _ => self.allowed(*mechanism, protection),
        };
        Mechanism::ALL.iter().copied().filter(known).filter(fits).collect()
    }

    /// Whether a mechanism with channel binding is announced where there are these
    /// ([`Setting::plus_announced`]).
    pub fn bind(&self, bindings: Bindings<'_>) -> bool {
        bindings.allow_plus() && self.mechanisms.iter().any(|it| it.binds_channel())
    }

    /// Whether a password itself may cross the wire here, by whatever command.
    pub fn allow_passwords(&self, protection: Protection) -> bool {
        self.mechanisms.iter().any(|it| it.reveals_password() && self.allowed(*it, protection))
    }

    /// Whether protocols with challenges of their own (APOP) may use them here.
    pub fn allow_challenges(&self, protection: Protection) -> bool {
        match protection {
            Protection::Tls => true,
            Protection::Loopback => self.all_on_loopback || self.challenges_in_clear,
            Protection::None => self.challenges_in_clear,
        }
    }

    /// RFC 8314 §3.3: TLS comes first.
    fn allowed(&self, mechanism: Mechanism, protection: Protection) -> bool {
        if mechanism.reveals_password() {
            protection == Protection::Tls
                || (protection == Protection::Loopback && self.all_on_loopback)
        } else {
            self.allow_challenges(protection)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Service;

    #[test]
    fn what_is_announced_where() {
        let plain = Setting {
            service: Service::Smtp,
            host: "h",
            bindings: Bindings::default(),
            plus_announced: false,
            certificate: None,
        };
        let bindings = Bindings { exporter: Some(&[1; 32]), end_point: None };
        let bound = Setting { bindings, certificate: Some(&[1; 32]), ..plain };
        let all = Offers { mechanisms: Mechanism::ALL.to_vec(), ..Offers::default() };
        let lax = Offers { challenges_in_clear: true, ..all.clone() };
        let local = Offers { all_on_loopback: true, ..all.clone() };
        let challenges = "SCRAM-SHA-256 SCRAM-SHA-1 DIGEST-MD5 CRAM-MD5";
        let every = format!("{challenges} PLAIN LOGIN");
        let whole = "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 EXTERNAL \
                     DIGEST-MD5 CRAM-MD5 PLAIN LOGIN";
        for (offers, protection, setting, expected) in [
            (&all, Protection::Tls, &bound, whole),
            (&all, Protection::Tls, &plain, every.as_str()),
            (&all, Protection::None, &plain, ""),
            (&all, Protection::Loopback, &plain, ""),
            (&lax, Protection::None, &plain, challenges),
            (&lax, Protection::Loopback, &plain, challenges),
            (&local, Protection::Loopback, &plain, every.as_str()),
            (&local, Protection::None, &plain, ""),
            (&Offers::passwords(), Protection::Tls, &bound, "PLAIN LOGIN"),
        ] {
            let names: Vec<_> =
                offers.announced(protection, setting).iter().map(|m| m.name()).collect();
            assert_eq!(names.join(" "), expected, "{protection:?}");
            let passwords = expected.contains("PLAIN");
            assert_eq!(offers.allow_passwords(protection), passwords, "{protection:?}");
        }
    }
}
