//! SASL exchanges, both sides: whatever the peer says, no panic, and nobody is let in or believed who
//! has proved nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_types::Secret;
use sasl_core::{
    Bindings, Claim, CramSecret, DigestSecret, Mechanism, PasswordVerifier, ScramVerifier, Service,
    Setting,
    client::{Credentials, Exchange},
    server::{self, Prepared, ServerStep},
};

const SETTING: Setting<'static> = Setting {
    service: Service::Imap,
    host: "mail.example.org",
    bindings: Bindings { exporter: Some(&[9; 32]), end_point: Some(&[8; 32]) },
    plus_announced: true,
    certificate: None,
};

fuzz_target!(|octets: &[u8]| {
    // The first octet says which mechanism, the octet 255 ends a message.
    let Some((choice, octets)) = octets.split_first() else { return };
    let mechanisms = Mechanism::ALL;
    let mechanism = mechanisms[usize::from(*choice) % mechanisms.len()];
    let messages: Vec<&[u8]> = octets.split(|octet| *octet == 0xff).collect();

    let mut server = server::Exchange::new(mechanism);
    for message in &messages {
        let mut step = server.step(Some(message), &SETTING);
        if let ServerStep::Prepare(_) = step {
            let salt = Some((b"salt".to_vec(), 4096));
            step = server.prepared(Prepared { nonce: [7; 18], salt }, &SETTING);
        }
        if let ServerStep::Verify(claim) = step {
            let secret = Secret::new("a secret that nobody guesses");
            match claim {
                Claim::Scram(claim) => {
                    let verifier = ScramVerifier::decoy(claim.hash(), &[1; 16]);
                    assert!(claim.check(&verifier).is_none());
                }
                Claim::Cram(claim) => assert!(!claim.check(&CramSecret::new(&secret))),
                Claim::Digest(claim) => {
                    let (name, realm) = (claim.authentication.clone(), claim.realm.clone());
                    let known = DigestSecret::new(&name, &realm, &secret);
                    assert!(claim.check(&[known]).is_none());
                }
                Claim::External { .. } => panic!("there is no certificate"),
                _ => {}
            }
        }
    }

    let credentials = Credentials { name: "tim".into(), password: Secret::new("secret") };
    let mut client = Exchange::new(mechanism, credentials, [3; 18], &SETTING);
    let _ = client.initial_response(&SETTING);
    for message in &messages {
        let _ = client.step(message, &SETTING);
    }
    let proves = mechanism.scram_hash().is_some() || mechanism == Mechanism::DigestMd5;
    assert!(!proves || !client.is_satisfied());

    // What stands in tables and imported files.
    if let Ok(text) = std::str::from_utf8(octets) {
        if let Ok(verifier) = ScramVerifier::parse(text) {
            assert_eq!(ScramVerifier::parse(&verifier.to_string()), Ok(verifier));
        }
        if let Ok(verifier) = PasswordVerifier::import(text) {
            assert!(PasswordVerifier::parse(&verifier.to_string()).is_ok());
        }
    }
});
