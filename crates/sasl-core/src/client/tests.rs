//! Client against server, for every mechanism.

use proptest::prelude::*;

use super::*;
use crate::{
    Claim, CramSecret, DigestSecret, LastWord, PasswordVerifier, ScramVerifier, Service,
    server::{self, Preparation, Prepared, ServerStep},
};

const HOST: &str = "mail.example.org";

fn setting<'s>(exporter: Option<&'s [u8]>) -> Setting<'s> {
    Setting {
        service: Service::Smtp,
        host: HOST,
        bindings: Bindings { exporter, end_point: None },
        plus_announced: exporter.is_some(),
        certificate: Some(&[7; 32]),
    }
}

/// Judges a claim as somebody who knows the password does.
fn judge(claim: &Claim, name: &str, password: &Secret) -> Option<Option<LastWord>> {
    let prepared = crate::prepare(name);
    match claim {
        Claim::Password { authentication, password: said, .. } => (*authentication == prepared
            && *said == crate::prepare_secret(password))
        .then_some(None),
        Claim::Scram(claim) => {
            let verifier = ScramVerifier::new(claim.hash(), password, b"salt", 2);
            claim.check(&verifier).map(Some).filter(|_| claim.authentication == prepared)
        }
        Claim::Cram(claim) => claim.check(&CramSecret::new(password)).then_some(None),
        Claim::Digest(claim) => claim.check(&[DigestSecret::new(name, HOST, password)]).map(Some),
        Claim::External { certificate, .. } => (*certificate == [7; 32]).then_some(None),
        Claim::Apop(_) => None,
    }
}

/// Whether both sides came to the end, and with what claim; `known` is the server's password.
fn exchange(
    mechanism: Mechanism,
    credentials: &Credentials,
    known: &Secret,
    sides: [&Setting<'_>; 2],
) -> Option<Claim> {
    let [client_side, server_side] = sides;
    let mut client = Exchange::new(mechanism, credentials.clone(), [1; 18], client_side);
    let mut server = server::Exchange::new(mechanism);
    let mut response = client.initial_response(client_side);
    let mut proved = None;
    let mut step = server.step(response.as_ref().map(Secret::reveal), server_side);
    loop {
        step = match step {
            ServerStep::Challenge(challenge) => match client.step(&challenge, client_side) {
                ClientStep::Respond(next) => {
                    response = Some(next);
                    server.step(response.as_ref().map(Secret::reveal), server_side)
                }
                ClientStep::Cancel => return None,
            },
            ServerStep::Prepare(preparation) => {
                let salted = matches!(preparation, Preparation::Salted { .. });
                let salt = salted.then(|| (b"salt".to_vec(), 2));
                server.prepared(Prepared { nonce: [2; 18], salt }, server_side)
            }
            ServerStep::Verify(claim) => {
                let judged = judge(&claim, &credentials.name, known)?;
                proved = Some(claim);
                server.proven(judged)
            }
            ServerStep::Done => return proved.filter(|_| client.is_satisfied()),
            ServerStep::Failed(_) => return None,
        };
    }
}

/// What each mechanism is for: a client that could bind takes one that does.
fn client_side(mechanism: Mechanism) -> Setting<'static> {
    setting(mechanism.binds_channel().then_some(&[9; 32]))
}

fn credentials(name: &str, password: &str) -> Credentials {
    Credentials { name: name.into(), password: Secret::new(password) }
}

#[test]
fn both_sides_understand_each_other() {
    let tls = setting(Some(&[9; 32]));
    for mechanism in Mechanism::ALL {
        let known = credentials("tim", "tanstaaftanstaaf");
        let own = client_side(*mechanism);
        let claim = exchange(*mechanism, &known, &known.password, [&own, &tls]).unwrap();
        if *mechanism == Mechanism::External {
            assert_eq!((claim.authorization(), claim.authentication()), (Some("tim"), None));
            continue;
        }
        assert_eq!((claim.authorization(), claim.authentication()), (None, Some("tim")));
        let other = Secret::new("tanstaaf");
        assert!(exchange(*mechanism, &known, &other, [&own, &tls]).is_none(), "{mechanism}");
    }
}

/// RFC 5802 §6: whoever stands between two TLS sessions is found out.
#[test]
fn channel_binding() {
    let known = credentials("tim", "secret");
    let (one, two, none) = (setting(Some(&[1; 32])), setting(Some(&[2; 32])), setting(None));
    for mechanism in [Mechanism::ScramSha256Plus, Mechanism::ScramSha1Plus] {
        assert!(exchange(mechanism, &known, &known.password, [&one, &one]).is_some());
        assert!(exchange(mechanism, &known, &known.password, [&one, &two]).is_none());
        assert!(exchange(mechanism, &known, &known.password, [&none, &one]).is_none());
    }
    // The client could have bound, the server has offered it, and somebody has left it out.
    let plain = Mechanism::ScramSha256;
    assert!(exchange(plain, &known, &known.password, [&one, &one]).is_none());
    assert!(exchange(plain, &known, &known.password, [&none, &one]).is_some());
    assert!(exchange(plain, &known, &known.password, [&one, &none]).is_some());
}

#[test]
fn plain_is_the_example_of_rfc_4616_section_4() {
    let tls = setting(None);
    let credentials = credentials("tim", "tanstaaftanstaaf");
    let mut exchange = Exchange::new(Mechanism::Plain, credentials, [0; 18], &tls);
    let first = exchange.initial_response(&tls).unwrap();
    assert_eq!(first.reveal(), b"\0tim\0tanstaaftanstaaf");
    assert!(exchange.is_satisfied());
    assert!(matches!(exchange.step(b"", &tls), ClientStep::Cancel));
}

#[test]
fn the_best_mechanism_is_chosen() {
    let bound = Bindings { exporter: Some(&[1; 32]), end_point: None };
    for (announced, tls, bindings, expected) in [
        ("PLAIN LOGIN", true, Bindings::default(), Some(Mechanism::Plain)),
        ("PLAIN LOGIN", false, Bindings::default(), None),
        ("plain cram-md5", false, Bindings::default(), Some(Mechanism::CramMd5)),
        ("PLAIN SCRAM-SHA-256", true, Bindings::default(), Some(Mechanism::ScramSha256)),
        ("SCRAM-SHA-1-PLUS SCRAM-SHA-256", true, bound, Some(Mechanism::ScramSha1Plus)),
        ("SCRAM-SHA-1-PLUS LOGIN", true, Bindings::default(), Some(Mechanism::Login)),
        ("EXTERNAL GSSAPI", true, bound, None),
    ] {
        let chosen = Mechanism::choose(announced.split(' '), tls, bindings);
        assert_eq!(chosen, expected, "{announced}");
    }
}

proptest! {
    /// Whatever the name and the password are, both sides mean the same by them.
    #[test]
    fn any_name_and_password(name in "[^\0\r\n]{1,20}", password in "[^\0]{1,80}", which in 0..9_usize) {
        let mechanism = Mechanism::ALL[which];
        let tls = setting(Some(&[9; 32]));
        let known = credentials(&name, &password);
        let own = client_side(mechanism);
        let claim = exchange(mechanism, &known, &known.password, [&own, &tls]);
        prop_assert!(claim.is_some(), "{mechanism}");
    }

    /// A server can say what it wants: no panic, and no satisfaction without proof.
    #[test]
    fn any_challenges(challenges in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4), which in 0..9_usize) {
        let mechanism = Mechanism::ALL[which];
        let tls = setting(Some(&[9; 32]));
        let mut client = Exchange::new(mechanism, credentials("tim", "secret"), [1; 18], &tls);
        let _ = client.initial_response(&tls);
        for challenge in &challenges {
            let _ = client.step(challenge, &tls);
        }
        let proves = mechanism.scram_hash().is_some() || mechanism == Mechanism::DigestMd5;
        prop_assert!(!proves || !client.is_satisfied());
    }

    /// A client can say what it wants: no panic, and nothing is claimed by accident.
    #[test]
    fn any_responses(responses in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..4), which in 0..9_usize) {
        let mechanism = Mechanism::ALL[which];
        let tls = setting(Some(&[9; 32]));
        let mut server = server::Exchange::new(mechanism);
        for response in &responses {
            match server.step(Some(response), &tls) {
                ServerStep::Prepare(_) => {
                    let salt = Some((vec![1; 16], 4096));
                    let _ = server.prepared(Prepared { nonce: [2; 18], salt }, &tls);
                }
                ServerStep::Verify(Claim::Scram(claim)) => {
                    let verifier = ScramVerifier::decoy(claim.hash(), &[0; 16]);
                    prop_assert!(claim.check(&verifier).is_none());
                }
                _ => {}
            }
        }
    }
}

/// The verifier that PLAIN needs takes the password as SCRAM's does.
#[test]
fn preparation_is_the_same_everywhere() {
    let (typed, prepared) = (Secret::new("\u{2168}"), Secret::new("IX"));
    assert_eq!(CramSecret::new(&typed), CramSecret::new(&prepared));
    let hash = crate::ScramHash::Sha1;
    let scram = |password| ScramVerifier::new(hash, password, b"salt", 2);
    assert_eq!(scram(&typed), scram(&prepared));
    let cost = crate::Cost::LOWEST;
    assert!(PasswordVerifier::new(&typed, [1; 16], cost).unwrap().verify(&prepared));
}
