//! What clients say, and what comes of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;
use crate::{Bindings, Service};

const TLS: Setting<'static> = Setting {
    service: Service::Imap,
    host: "elwood.innosoft.com",
    bindings: Bindings { exporter: None, end_point: None },
    plus_announced: false,
    certificate: None,
};

/// `authzid|authcid|password`, `+challenge` or `!error`.
fn shown(step: ServerStep) -> String {
    match step {
        ServerStep::Challenge(text) => format!("+{}", String::from_utf8(text).unwrap()),
        ServerStep::Failed(error) => format!("!{error:?}"),
        ServerStep::Prepare(what) => format!("?{what:?}"),
        ServerStep::Done => "done".to_owned(),
        ServerStep::Verify(Claim::Password { authorization, authentication, password }) => {
            let password = String::from_utf8_lossy(password.reveal()).into_owned();
            format!("{}|{authentication}|{password}", authorization.unwrap_or_default())
        }
        ServerStep::Verify(claim) => {
            let (authorization, name) = (claim.authorization(), claim.authentication());
            format!("{}|{}", authorization.unwrap_or_default(), name.unwrap_or_default())
        }
    }
}

fn check_plain(message: &[u8], expected: &str) {
    let mut exchange = Exchange::new(Mechanism::Plain);
    assert_eq!(shown(exchange.step(Some(message), &TLS)), expected, "{message:?}");
    assert_eq!(shown(exchange.step(Some(message), &TLS)), "!Over");
}

#[test]
fn plain_messages() {
    // RFC 4616 §4.
    check_plain(b"\0tim\0tanstaaftanstaaf", "|tim|tanstaaftanstaaf");
    check_plain(b"Ursel\0Kurt\0xipj3plmq", "Ursel|Kurt|xipj3plmq");
    // RFC 4616 §2: UTF-8, 255 octets at least, nothing empty, no further NUL.
    check_plain("\0아리\0비밀".as_bytes(), "|아리|비밀");
    check_plain(b"\0a\0\xff", "!Malformed");
    let long = "x".repeat(255);
    check_plain(format!("{long}\0{long}\0{long}").as_bytes(), &format!("{long}|{long}|{long}"));
    let longer = "x".repeat(MAX_FIELD_OCTETS + 1);
    check_plain(format!("\0{longer}\0a").as_bytes(), "!TooLong");
    check_plain(format!("\0a\0{longer}").as_bytes(), "!TooLong");
    for bad in [&b""[..], b"\0", b"\0\0", b"a\0b", b"\0a\0", b"\0\0b", b"\0a\0b\0", b"\0a\0b\0c"] {
        check_plain(bad, "!Malformed");
    }
    // RFC 4013: prepared.
    check_plain("\0I\u{AD}X\0\u{2168}".as_bytes(), "|IX|IX");
}

/// Backslashes where the NULs belong are no credentials; the right token is.
#[test]
fn tokens_as_they_come_over_the_wire() {
    check_plain(&STANDARD.decode("XFVZRU9OR1x0ZXN0").unwrap(), "!Malformed");
    check_plain(&STANDARD.decode("AFVZRU9ORwB0ZXN0").unwrap(), "|UYEONG|test");
}

#[test]
fn plain_without_initial_response() {
    let mut exchange = Exchange::new(Mechanism::Plain);
    assert_eq!(shown(exchange.step(None, &TLS)), "+");
    assert_eq!(shown(exchange.step(Some(b"\0tim\0secret"), &TLS)), "|tim|secret");
    assert_eq!(shown(exchange.proven(None)), "done");
    assert_eq!(shown(exchange.proven(None)), "!Over");
}

#[test]
fn login() {
    let mut exchange = Exchange::new(Mechanism::Login);
    assert_eq!(shown(exchange.step(None, &TLS)), "+Username:");
    assert_eq!(shown(exchange.step(Some(b"tim"), &TLS)), "+Password:");
    assert_eq!(shown(exchange.step(Some(b"secret"), &TLS)), "|tim|secret");
    assert_eq!(shown(exchange.step(Some(b"secret"), &TLS)), "!Over");

    // Some clients send the name along with the command.
    let mut exchange = Exchange::new(Mechanism::Login);
    assert_eq!(shown(exchange.step(Some(b"tim"), &TLS)), "+Password:");
    // In whatever charset.
    assert_eq!(shown(exchange.step(Some(b"\xff"), &TLS)), "|tim|\u{FFFD}");

    let long = vec![b'x'; MAX_FIELD_OCTETS + 1];
    for (name, password, expected) in [
        (&b""[..], None, "!Malformed"),
        (b"\xff", None, "!Malformed"),
        (&long, None, "!TooLong"),
        (b"tim", Some(&b""[..]), "!Malformed"),
        (b"tim", Some(&long), "!TooLong"),
    ] {
        let mut exchange = Exchange::new(Mechanism::Login);
        let mut seen = exchange.step(Some(name), &TLS);
        if let Some(password) = password {
            seen = exchange.step(Some(password), &TLS);
        }
        assert_eq!(shown(seen), expected);
    }
}

fn prepared() -> Prepared {
    Prepared { nonce: [0; 18], salt: Some((b"salt".to_vec(), 4096)) }
}

#[test]
fn cram() {
    let mut exchange = Exchange::new(Mechanism::CramMd5);
    assert_eq!(shown(exchange.step(None, &TLS)), "?Nonce");
    assert_eq!(shown(exchange.prepared(prepared(), &TLS)), "+<0.0@elwood.innosoft.com>");
    let response = b"tim b913a602c7eda7a495b4e6e7334d3890";
    assert_eq!(shown(exchange.step(Some(response), &TLS)), "|tim");
    assert_eq!(shown(exchange.proven(None)), "done");
}

/// Two nonces make two timestamps, and each is a msg-id.
#[test]
fn timestamps() {
    let one = timestamp(&[1; 18], "h.example");
    assert_eq!(one, "<18519084246547628289.18519084246547628289@h.example>");
    assert_ne!(one, timestamp(&[2; 18], "h.example"));
}

/// RFC 2831 §4; curl and others want `charset` and `algorithm` bare.
#[test]
fn digest() {
    let mut exchange = Exchange::new(Mechanism::DigestMd5);
    assert_eq!(shown(exchange.step(Some(b"username=\"x\""), &TLS)), "?Nonce");
    let challenge = "+realm=\"elwood.innosoft.com\",nonce=\"AAAAAAAAAAAAAAAAAAAAAAAA\",\
                     qop=\"auth\",charset=utf-8,algorithm=md5-sess";
    assert_eq!(shown(exchange.prepared(prepared(), &TLS)), challenge);
    let response = b"username=\"chris\",nonce=\"AAAAAAAAAAAAAAAAAAAAAAAA\",nc=00000001,\
                     cnonce=\"x\",digest-uri=\"imap/h\",response=00,authzid=\"anna\"";
    assert_eq!(shown(exchange.step(Some(response), &TLS)), "anna|chris");
    let word = LastWord::new("rspauth=x".to_owned());
    assert_eq!(shown(exchange.proven(Some(word))), "+rspauth=x");
    assert_eq!(shown(exchange.step(Some(b""), &TLS)), "done");
}

#[test]
fn scram() {
    let first = |message: &[u8], mechanism, setting: &Setting<'_>| {
        let mut exchange = Exchange::new(mechanism);
        let step = shown(exchange.step(Some(message), setting));
        (exchange, step)
    };
    let sha_1 = Mechanism::ScramSha1;
    let (mut exchange, step) = first(b"n,a=x,n=user,r=abc", sha_1, &TLS);
    assert_eq!(step, "?Salted { hash: Sha1, name: \"user\" }");
    let challenge = "+r=abcAAAAAAAAAAAAAAAAAAAAAAAA,s=c2FsdA==,i=4096";
    assert_eq!(shown(exchange.prepared(prepared(), &TLS)), challenge);
    let last = b"c=bixhPXgs,r=abcAAAAAAAAAAAAAAAAAAAAAAAA,p=QQ==";
    assert_eq!(shown(exchange.step(Some(last), &TLS)), "x|user");

    // The last message has to repeat the header and the nonce.
    for (last, expected) in [
        ("c=biws,r=abcAAAAAAAAAAAAAAAAAAAAAAAA,p=QQ==", "!Binding"),
        ("c=bixhPXgs,r=abc,p=QQ==", "!Malformed"),
    ] {
        let (mut exchange, _) = first(b"n,a=x,n=user,r=abc", sha_1, &TLS);
        let _ = exchange.prepared(prepared(), &TLS);
        assert_eq!(shown(exchange.step(Some(last.as_bytes()), &TLS)), expected);
    }

    let bound =
        Setting { bindings: Bindings { exporter: Some(&[1]), end_point: Some(&[2]) }, ..TLS };
    let announced = Setting { plus_announced: true, ..bound };
    let plus = Mechanism::ScramSha1Plus;
    for (message, mechanism, setting, expected) in [
        ("p=tls-exporter,,n=u,r=a", plus, &bound, "?Salted { hash: Sha1, name: \"u\" }"),
        ("p=tls-server-end-point,,n=u,r=a", plus, &bound, "?Salted { hash: Sha1, name: \"u\" }"),
        ("p=tls-exporter,,n=u,r=a", plus, &TLS, "!Binding"),
        ("p=tls-unique,,n=u,r=a", plus, &bound, "!Binding"),
        ("n,,n=u,r=a", plus, &bound, "!Malformed"),
        ("y,,n=u,r=a", plus, &bound, "!Malformed"),
        ("p=tls-exporter,,n=u,r=a", sha_1, &bound, "!Malformed"),
        ("y,,n=u,r=a", sha_1, &bound, "?Salted { hash: Sha1, name: \"u\" }"),
        ("y,,n=u,r=a", sha_1, &announced, "!Binding"),
        ("n,,n=u,r=a", sha_1, &announced, "?Salted { hash: Sha1, name: \"u\" }"),
    ] {
        assert_eq!(first(message.as_bytes(), mechanism, setting).1, expected, "{message}");
    }
}

/// RFC 4422 §A.
#[test]
fn external() {
    let known = Setting { certificate: Some(&[7; 32]), ..TLS };
    for (message, setting, expected) in [
        (&b""[..], &known, "|"),
        (b"anna", &known, "anna|"),
        (b"a\0b", &known, "!Malformed"),
        (b"\xff", &known, "!Malformed"),
        (b"", &TLS, "!Binding"),
    ] {
        let mut exchange = Exchange::new(Mechanism::External);
        assert_eq!(shown(exchange.step(Some(message), setting)), expected);
    }
}
