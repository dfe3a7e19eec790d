//! What TLS must be, by policy: with the right certificate, with a wrong one, and without any.

use std::{net::SocketAddr, sync::Arc};

use mail_types::{Domain, MxPattern, TlsaRecord};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use smtp_client::{Credentials, Host, Roots, Security};

use crate::house::{DIALOGUE, converse, converse_and_tell, outcome, server, tls_server, to};

const OFFERS: &str = "S: 220 hi
C: EHLO client.example.org
S: 250-mx
S: 250 STARTTLS
C: STARTTLS
S: 220 go ahead";

/// [`DIALOGUE`] once TLS stands: without another greeting.
fn secured() -> &'static str {
    DIALOGUE.split_once('\n').unwrap().1
}

const NO_TLS: &str = "S: 220 hi
C: EHLO client.example.org
S: 250 mx
C: QUIT
S: 221 bye";

/// A server's certificate, and the authority that has issued it.
struct Identity {
    config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
    authority: CertificateDer<'static>,
    roots: Roots,
}

fn identity(name: &str) -> Identity {
    let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.pem()).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
    let authority = authority.der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.clone(), authority.clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let roots = Roots::from_pem_file(file.path()).unwrap();
    Identity { config: Arc::new(config), certificate, authority, roots }
}

/// What came of one message to a server with STARTTLS and this certificate: the report or the
/// problem, whether the certificate was verified, and the name that was asked for.
async fn meets(
    security: Security,
    server: &Identity,
    roots: Option<&Roots>,
) -> (String, Option<String>) {
    let (address, task) = tls_server(server.config.clone(), OFFERS, secured()).await;
    let (end, reports) = converse(&host(security, address), roots.cloned(), 1).await;
    let said = match reports.first() {
        Some(report) => {
            assert!(outcome(report).starts_with("delivered"), "{report:?}");
            let verified = report.tls.as_ref().is_some_and(|tls| tls.verified);
            if verified { "verified" } else { "any" }.to_owned()
        }
        None => end.get(..5).unwrap_or_default().to_owned(),
    };
    if said == "4.7.5" && end.contains("policy") || end.contains("no authorities") {
        // Nobody has connected.
        task.abort();
        return (said, None);
    }
    (said, task.await.unwrap())
}

fn host(security: Security, address: SocketAddr) -> Host {
    Host { security, ..to(vec![address]) }
}

fn names(names: &[&str]) -> Vec<Domain> {
    names.iter().map(|name| Domain::parse(name).unwrap()).collect()
}

fn digest_of(usage: u8, certificate: &CertificateDer<'_>) -> TlsaRecord {
    TlsaRecord { usage, selector: 0, matching: 1, data: Sha256::digest(certificate).to_vec() }
}

fn dane(record: TlsaRecord, of: &[&str]) -> Security {
    Security::Dane { records: vec![record], names: names(of) }
}

fn mta_sts(pattern: &str) -> Security {
    Security::MtaSts { patterns: vec![MxPattern::parse(pattern).unwrap()] }
}

#[tokio::test]
async fn policies_and_certificates() {
    let (good, stranger) = (identity("mx.example.net"), identity("mx.example.net"));
    let elsewhere = identity("elsewhere.example");
    let (own, none) = (Some(&good.roots), None);
    let mx = Some("mx.example.net".to_owned());
    let meets = |security, server, roots| meets(security, server, roots);
    let fine = |what: &str| (what.to_owned(), mx.clone());
    let refused = ("4.7.5".to_owned(), None);
    // RFC 7435 §3: any certificate; whether it was good is told.
    assert_eq!(meets(Security::Opportunistic, &good, own).await, fine("verified"));
    assert_eq!(meets(Security::Opportunistic, &stranger, own).await, fine("any"));
    assert_eq!(meets(Security::Opportunistic, &good, none).await, fine("any"));
    // One that is valid for the name.
    assert_eq!(meets(Security::Required, &good, own).await, fine("verified"));
    assert_eq!(meets(Security::Required, &stranger, own).await, refused);
    assert_eq!(meets(Security::Required, &elsewhere, Some(&elsewhere.roots)).await, refused);
    assert_eq!(meets(Security::Required, &good, none).await, refused);
    // RFC 8461 §4.1, §4.2
    assert_eq!(meets(mta_sts("*.example.net"), &good, own).await, fine("verified"));
    assert_eq!(meets(mta_sts("*.example.net"), &stranger, own).await, refused);
    assert_eq!(meets(mta_sts("example.net"), &good, own).await, refused);
    // RFC 7672 §3.1.1, §3.2.2: no authorities are asked.
    let by_key = dane(digest_of(3, &good.certificate), &["mx.example.net"]);
    assert_eq!(meets(by_key.clone(), &good, none).await, fine("verified"));
    assert_eq!(meets(by_key, &stranger, own).await, refused);
    let base = ["tlsa.example.net", "mx.example.net"];
    let by_anchor = dane(digest_of(2, &good.authority), &base);
    let asked = Some("tlsa.example.net".to_owned());
    assert_eq!(meets(by_anchor, &good, none).await, ("verified".to_owned(), asked), "§8.1");
    let wrong_name = dane(digest_of(2, &good.authority), &["tlsa.example.net"]);
    assert_eq!(meets(wrong_name, &good, none).await, refused);
    // RFC 7672 §2.2: records that can't be used ask for TLS, and no more.
    let unusable = dane(digest_of(1, &good.certificate), &["mx.example.net"]);
    assert_eq!(meets(unusable, &stranger, none).await, fine("any"));
    // TLS, and nothing else.
    assert_eq!(meets(Security::Encrypted, &stranger, own).await, fine("any"));
}

/// A policy and records at once (RFC 8461 §2).
#[tokio::test]
async fn dane_and_mta_sts_hold_together() {
    let (good, stranger) = (identity("mx.example.net"), identity("mx.example.net"));
    let both = |record, pattern: &str| Security::DaneAndMtaSts {
        records: vec![record],
        names: names(&["mx.example.net"]),
        patterns: vec![MxPattern::parse(pattern).unwrap()],
    };
    let (own, theirs) = (Some(&good.roots), Some(&stranger.roots));
    let (of_good, of_stranger) = (&good.certificate, &stranger.certificate);
    for (security, server, roots, expected) in [
        (both(digest_of(3, of_good), "*.example.net"), &good, own, "verified"),
        (both(digest_of(3, of_good), "example.net"), &good, own, "4.7.5"),
        (both(digest_of(3, of_stranger), "*.example.net"), &good, own, "4.7.5"),
        (both(digest_of(3, of_good), "*.example.net"), &good, theirs, "4.7.5"),
        (both(digest_of(3, of_good), "*.example.net"), &good, None, "4.7.5"),
        // Records that can't be used leave what the policy demands.
        (both(digest_of(1, of_good), "*.example.net"), &good, own, "verified"),
        (both(digest_of(1, of_good), "*.example.net"), &good, theirs, "4.7.5"),
    ] {
        let what = format!("{security:?}");
        assert_eq!(meets(security, server, roots).await.0, expected, "{what}");
    }
}

#[tokio::test]
async fn what_tls_came_to_is_told_once_a_connection() {
    let (good, stranger) = (identity("mx.example.net"), identity("mx.example.net"));
    let elsewhere = identity("elsewhere.example");
    let own = Some(&good.roots);
    let record = || digest_of(3, &good.certificate);
    for (security, server, roots, expected) in [
        (Security::Opportunistic, &good, own, "verified"),
        (Security::Opportunistic, &stranger, own, "Some(Untrusted)"),
        (Security::Opportunistic, &elsewhere, Some(&elsewhere.roots), "Some(WrongName)"),
        (Security::Required, &elsewhere, Some(&elsewhere.roots), "failed: WrongName"),
        (dane(record(), &["mx.example.net"]), &stranger, own, "failed: Unmatched"),
    ] {
        let what = format!("{security:?}");
        let (address, task) = tls_server(server.config.clone(), OFFERS, secured()).await;
        let (_, _, tls) = converse_and_tell(&host(security, address), roots.cloned(), 2).await;
        assert_eq!(tls, [expected], "{what}");
        task.abort();
    }
    for (security, expected) in [
        (Security::Required, Some("NotOffered")),
        (Security::Encrypted, Some("NotOffered")),
        (Security::Clear, None),
    ] {
        let script: &[&str] = if expected.is_some() { &[NO_TLS] } else { &[DIALOGUE] };
        let (address, server) = server(Box::leak(script.into())).await;
        let of = host(security, address);
        let (_, _, tls) = converse_and_tell(&of, own.cloned(), 1).await;
        assert_eq!(tls.first().map(String::as_str), expected);
        server.await.unwrap();
    }
    let never = host(Security::Never("no answer".to_owned()), "127.0.0.1:9".parse().unwrap());
    let (end, _, tls) = converse_and_tell(&never, None, 1).await;
    assert!(end.starts_with("4.7.5 no answer"), "{end}");
    assert_eq!(tls, ["nowhere: Hopeless(\"no answer\")"]);
}

#[tokio::test]
async fn without_tls_only_where_it_may_be_missing() {
    let good = identity("mx.example.net");
    for security in [
        Security::Required,
        mta_sts("mx.example.net"),
        dane(digest_of(3, &good.certificate), &["mx.example.net"]),
        dane(digest_of(0, &good.certificate), &["mx.example.net"]),
    ] {
        let (address, server) = server(&[NO_TLS]).await;
        let (end, reports) = converse(&host(security, address), Some(good.roots.clone()), 1).await;
        assert!(end.starts_with("4.7.4 the server offers no TLS") && reports.is_empty(), "{end}");
        server.await.unwrap();
    }
    let (address, server) = server(&[DIALOGUE]).await;
    let (end, reports) = converse(&host(Security::Clear, address), None, 1).await;
    assert_eq!((end.as_str(), reports.len()), ("peace", 1));
    server.await.unwrap();
}

#[tokio::test]
async fn tls_from_the_start() {
    // RFC 8314 §3.3
    const UNDER: &str = "S: 220 hi
C: EHLO client.example.org
S: 250-mx
S: 250 AUTH PLAIN
C: AUTH PLAIN AHRpbQB0YW5zdGFhZg==
S: 235 2.7.0 in
C: MAIL FROM:<a@example.org>
S: 250 ok
C: RCPT TO:<b@example.net>
S: 250 ok
C: DATA
S: 354 go
C: hello
C: .
S: 250 2.0.0 taken
C: QUIT
S: 221 bye";
    let (good, stranger) = (identity("mx.example.net"), identity("mx.example.net"));
    let password = mail_types::Secret::new("tanstaaf");
    let credentials = Some(Credentials { name: "tim".to_owned(), password });
    let (address, task) = tls_server(good.config.clone(), "", UNDER).await;
    let host =
        |address| Host { credentials: credentials.clone(), ..host(Security::FromStart, address) };
    let (end, reports) = converse(&host(address), Some(good.roots.clone()), 1).await;
    assert_eq!((end.as_str(), reports.len()), ("peace", 1));
    assert!(reports[0].tls.as_ref().unwrap().verified);
    assert!(task.await.unwrap().is_some());

    let (address, task) = tls_server(stranger.config.clone(), "", UNDER).await;
    let (end, reports) = converse(&host(address), Some(good.roots.clone()), 1).await;
    assert!(end.starts_with("4.7.5") && reports.is_empty(), "{end}");
    assert!(task.await.unwrap().is_none());
}
