//! From a host's security to the certificates that will do.

use agent_kit::tls::{ClientPolicy, ClientTls, Roots, TlsError};
use mail_types::{Domain, MxPattern};

use crate::{Host, Security};

/// What is trusted, made once for all hosts.
pub(crate) struct Trust {
    opportunistic: ClientPolicy,
    /// None if no authorities are known.
    verifying: Option<(ClientPolicy, Roots)>,
}

/// Why there can be no TLS with a host as it is wanted, in words.
#[derive(Debug)]
pub(crate) struct NoTrust(pub(crate) String);

impl Trust {
    pub(crate) fn new(roots: Option<&Roots>) -> Result<Self, TlsError> {
        let opportunistic = match roots {
            Some(roots) => ClientPolicy::noting(roots),
            None => ClientPolicy::opportunistic(),
        }?;
        let verifying = match roots {
            Some(roots) => Some((ClientPolicy::verifying(roots)?, roots.clone())),
            None => None,
        };
        Ok(Self { opportunistic, verifying })
    }

    /// Our side of TLS towards a host; nothing where it is not wanted.
    pub(crate) fn towards(&self, host: &Host) -> Result<Option<ClientTls>, NoTrust> {
        let tls = |policy: &ClientPolicy, name: &Domain| {
            // A host without a name that could stand in a certificate is asked by its address.
            let name = name.ip().map_or(name.to_string(), |ip| ip.to_string());
            policy.for_host(&name).map_err(|error| NoTrust(error.to_string()))
        };
        match &host.security {
            Security::Clear => Ok(None),
            // Without a name to ask for there is no TLS, which is no reason to send nothing.
            Security::Opportunistic => Ok(tls(&self.opportunistic, &host.name).ok()),
            Security::Never(why) => Err(NoTrust(why.clone())),
            Security::Encrypted => tls(&self.opportunistic, &host.name).map(Some),
            Security::Required | Security::FromStart => {
                tls(&self.verifying()?.0, &host.name).map(Some)
            }
            Security::MtaSts { patterns } => {
                admitted(host, patterns)?;
                tls(&self.verifying()?.0, &host.name).map(Some)
            }
            Security::DaneAndMtaSts { records, names, patterns } => {
                admitted(host, patterns)?;
                let roots = &self.verifying()?.1;
                let policy =
                    ClientPolicy::dane_and_verifying((records, names), (&host.name, roots))
                        .map_err(|error| NoTrust(error.to_string()))?;
                tls(&policy, names.first().unwrap_or(&host.name)).map(Some)
            }
            Security::Dane { records, names } => {
                let policy = ClientPolicy::dane(records, names);
                let policy = policy.map_err(|error| NoTrust(error.to_string()))?;
                // RFC 7672 §8.1: the TLSA base domain.
                tls(&policy, names.first().unwrap_or(&host.name)).map(Some)
            }
        }
    }

    fn verifying(&self) -> Result<&(ClientPolicy, Roots), NoTrust> {
        let unknown = || NoTrust("no authorities are known here to verify a certificate".into());
        self.verifying.as_ref().ok_or_else(unknown)
    }
}

/// RFC 8461 §4.1: only hosts that the policy names.
fn admitted(host: &Host, patterns: &[MxPattern]) -> Result<(), NoTrust> {
    match patterns.iter().any(|pattern| pattern.matches(&host.name)) {
        true => Ok(()),
        false => Err(NoTrust(format!("{} is no host of the domain's MTA-STS policy", host.name))),
    }
}
