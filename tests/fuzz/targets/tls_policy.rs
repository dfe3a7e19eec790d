//! The texts by which domains publish what TLS with their servers must be, and where they want
//! reports: no panic, every list within its limit, and what was understood says the same when it is
//! written down and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_policy::{Mode, ReportUri, Results, StsPolicy, report_uris, sts_id};

fuzz_target!(|octets: &[u8]| {
    if let Ok(policy) = StsPolicy::parse(octets) {
        assert!(policy.patterns.len() <= 500);
        assert!(!policy.patterns.is_empty() || policy.mode == Mode::None);
        let again = StsPolicy::parse(policy.lines().join("\n").as_bytes());
        assert_eq!(again.as_ref(), Ok(&policy));
    }
    // Texts of the DNS, one a line.
    let texts: Vec<String> = octets
        .split(|octet| *octet == b'\n')
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect();
    if let Some(id) = sts_id(&texts) {
        assert!((1..=32).contains(&id.len()) && id.bytes().all(|one| one.is_ascii_alphanumeric()));
    }
    let uris = report_uris(&texts);
    assert!(uris.len() <= 5);
    for uri in uris {
        let text = match uri {
            ReportUri::Mail(address) => address.to_string(),
            ReportUri::Post(uri) => uri,
        };
        assert!(!text.contains(['\r', '\n']), "{text:?}");
    }
    if let Some(results) = Results::from_json(octets) {
        assert_eq!(Results::from_json(&results.to_json()), Some(results));
    }
});
