//! From a host's security to the certificates that will do.

use agent_kit::tls::{ClientPolicy, ClientTls, Roots, TlsError};
use mail_types::Domain;

use crate::{Host, Security};

/// What is trusted, made once for all hosts.
pub(crate) struct Trust {
    opportunistic: ClientPolicy,
    /// None if no authorities are known.
    verifying: Option<ClientPolicy>,
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
        let verifying = roots.map(ClientPolicy::verifying).transpose()?;
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
            Security::Required | Security::FromStart => {
                tls(self.verifying()?, &host.name).map(Some)
            }
            Security::MtaSts { patterns } => {
                if !patterns.iter().any(|pattern| pattern.matches(&host.name)) {
                    let text = format!("{} is no host of the domain's MTA-STS policy", host.name);
                    return Err(NoTrust(text));
                }
                tls(self.verifying()?, &host.name).map(Some)
            }
            Security::Dane { records, names } => {
                let policy = ClientPolicy::dane(records, names);
                let policy = policy.map_err(|error| NoTrust(error.to_string()))?;
                // RFC 7672 §8.1: the TLSA base domain.
                tls(&policy, names.first().unwrap_or(&host.name)).map(Some)
            }
        }
    }

    fn verifying(&self) -> Result<&ClientPolicy, NoTrust> {
        let unknown = || NoTrust("no authorities are known here to verify a certificate".into());
        self.verifying.as_ref().ok_or_else(unknown)
    }
}
