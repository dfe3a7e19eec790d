//! Fetches MTA-STS policies (RFC 8461 §3.3).

use std::{net::SocketAddr, time::Duration};

use agent_kit::Stop;
use https_client::{HttpsClient, HttpsError, Request, Target};
use mail_dns::Resolver;
use mail_types::Domain;
use smtp_client::Roots;
use tls_policy::{ResultKind, StsPolicy};

/// The largest policy, in octets.
const POLICY_MAX: usize = 64 * 1024;
/// How long a policy host may take. RFC 8461 §3.3 suggests a minute; mail waits for it.
const WITHIN: Duration = Duration::from_secs(20);

/// Why there is no policy, as it is reported, and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoPolicy {
    pub(super) kind: ResultKind,
    pub(super) reason: String,
}

/// Asks policy hosts.
pub(super) struct Fetcher {
    resolver: Resolver,
    /// None if no authorities are known.
    https: Option<HttpsClient>,
    port: u16,
}

impl Fetcher {
    pub(super) fn new(resolver: Resolver, roots: Option<&Roots>, port: u16, stop: &Stop) -> Self {
        let https = roots.and_then(|roots| HttpsClient::new(roots, stop.clone()).ok());
        Self { resolver, https, port }
    }

    /// The policy that the domain's policy host has now.
    pub(super) async fn fetch(&self, domain: &Domain) -> Result<StsPolicy, NoPolicy> {
        let failed = |reason: String| NoPolicy { kind: ResultKind::StsPolicyFetchError, reason };
        let host = Domain::parse(&format!("mta-sts.{domain}"))
            .map_err(|_| failed("the name of its policy host is too long".to_owned()))?;
        let target = Target::new(host, self.port, "/.well-known/mta-sts.txt")
            .map_err(|why| failed(why.to_string()))?;
        let request = Request { target, content: None, body_max: POLICY_MAX, within: WITHIN };
        let response = self.ask(request).await.map_err(|reason| match reason {
            Unasked::Tls(reason) => NoPolicy { kind: ResultKind::StsWebpkiInvalid, reason },
            Unasked::Other(reason) | Unasked::Unheard(reason) => failed(reason),
        })?;
        // RFC 8461 §3.3: no other status, and no redirection.
        if response.status != 200 {
            return Err(failed(format!("the policy host answered {}", response.status)));
        }
        let invalid = |reason: String| NoPolicy { kind: ResultKind::StsPolicyInvalid, reason };
        // RFC 8461 §3.2: where strangers may keep files, they rarely may keep plain text.
        if response.media_type.as_deref() != Some("text/plain") {
            let media_type = response.media_type.as_deref().unwrap_or("nothing");
            return Err(invalid(format!("the policy is no text/plain but {media_type:.100}")));
        }
        StsPolicy::parse(&response.body).map_err(|why| invalid(why.to_string()))
    }

    /// Sends a request to the host that it names.
    pub(super) async fn ask(&self, request: Request) -> Result<https_client::Response, Unasked> {
        let Some(https) = &self.https else {
            return Err(Unasked::Other("no authorities are known here".to_owned()));
        };
        let target = &request.target;
        let found = self.resolver.addresses(&target.host).await;
        let found = found.map_err(|problem| Unasked::Other(problem.to_string()))?;
        let at_port = |ip| SocketAddr::new(ip, target.port);
        let addresses: Vec<SocketAddr> = found.into_iter().map(at_port).collect();
        https.ask(request, &addresses).await.map_err(|error| match error {
            HttpsError::Tls(error) => Unasked::Tls(error.to_string()),
            HttpsError::Connect(_) => Unasked::Other(error.to_string()),
            _ => Unasked::Unheard(error.to_string()),
        })
    }
}

/// Why a request came to nothing, in words.
#[derive(Debug)]
pub(super) enum Unasked {
    /// The host has not proved who it is.
    Tls(String),
    /// It has not heard the request.
    Other(String),
    /// It may have heard it; what it answered is not known.
    Unheard(String),
}

impl std::fmt::Display for Unasked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Tls(reason) | Self::Other(reason) | Self::Unheard(reason)) = self;
        f.write_str(reason)
    }
}
