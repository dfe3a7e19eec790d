//! Examples of the standards that are values, not messages (those are in `tests/corpus/rfc`), and
//! what the typed access says of those that are.

use std::{fs, path::PathBuf};

use mime_core::{
    body_structure::Param,
    elsewhere::{ExternalBody, Partial},
    header::{
        self,
        address::addresses,
        content::{parse_disposition, parse_media_type},
        message_ids, origin,
        params::param_text,
    },
    structure::Structure,
    thread::{BaseSubject, ThreadKeys},
};

use crate::corpus::slice;

fn example(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/rfc");
    fs::read(folder.join(name)).unwrap()
}

fn shown(params: &[Param]) -> Vec<String> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    params.iter().map(|param| format!("{}={}", text(&param.name), text(&param.value))).collect()
}

#[test]
fn media_types() {
    let check = |value: &str, kind: &str, expected: &[&str]| {
        let found = parse_media_type(value.as_bytes()).unwrap();
        let (main, sub) = kind.split_once('/').unwrap();
        assert!(found.is(main, sub), "{value}");
        assert_eq!(shown(&found.params), expected, "{value}");
    };
    // RFC 2045 §5.1.
    let one = ["charset=us-ascii"];
    check("text/plain; charset=us-ascii (Plain text)", "text/plain", &one);
    check("text/plain; charset=\"us-ascii\"", "text/plain", &one);
    check("TEXT/PLAIN; charset=us-ascii", "text/plain", &one);
    // RFC 2046 §5.1.1: the second is not valid, for the colon must be quoted.
    check(
        "multipart/mixed; boundary=gc0p4Jq0M2Yt08j34c0p",
        "multipart/mixed",
        &["boundary=gc0p4Jq0M2Yt08j34c0p"],
    );
    for boundary in ["gc0pJq0M:08jU534c0p", "\"gc0pJq0M:08jU534c0p\""] {
        check(
            &format!("multipart/mixed; boundary={boundary}"),
            "multipart/mixed",
            &["boundary=gc0pJq0M:08jU534c0p"],
        );
    }
}

/// RFC 2183 §3.
#[test]
fn dispositions() {
    let check = |value: &str, kind: &str, expected: &[&str]| {
        let found = parse_disposition(value.as_bytes()).unwrap();
        assert_eq!(&*found.kind, kind.as_bytes(), "{value}");
        assert_eq!(shown(&found.params), expected, "{value}");
    };
    check("inline", "inline", &[]);
    check(
        "attachment; filename=genome.jpeg;\r\n modification-date=\"Wed, 12 Feb 1997 16:29:51 -0500\"",
        "attachment",
        &["filename=genome.jpeg", "modification-date=Wed, 12 Feb 1997 16:29:51 -0500"],
    );
}

/// RFC 2231 §3 and §4.1.
#[test]
fn parameter_values() {
    let check = |value: &str, name: &str, expected: &str| {
        let found = parse_media_type(value.as_bytes()).unwrap();
        assert_eq!(param_text(&found.params, name).unwrap().value.text, expected);
    };
    check(
        "message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
        "url",
        "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar",
    );
    check(
        "application/x-stuff\r\n title*0*=us-ascii'en'This%20is%20even%20more%20;\r\n title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n title*2=\"isn't it!\"",
        "title",
        "This is even more ***fun*** isn't it!",
    );
}

/// RFC 5322 appendix A.2 to A.6.
#[test]
fn threads_resent_and_trace_fields() {
    let reply = example("5322-a-2-c.eml");
    let keys = ThreadKeys::of(&reply);
    assert_eq!(keys.message_id.as_deref(), Some(&b"abcd.1234@local.machine.test"[..]));
    assert_eq!(
        keys.references.iter().map(|id| &**id).collect::<Vec<_>>(),
        [&b"1234@local.machine.example"[..], b"3456@example.net"]
    );
    assert_eq!(keys.subject, BaseSubject::of(b"Re: Saying Hello"));

    let resent = origin::resent(&example("5322-a-3-b.eml"));
    assert_eq!(resent.len(), 1);
    let to: Vec<_> = addresses(&resent[0].to).map(|address| address.to_string()).collect();
    assert_eq!(to, ["j-brown@other.example"]);
    assert_eq!(resent[0].message_id.as_deref(), Some(&b"<78910@example.net>"[..]));
    assert_eq!(resent[0].date.unwrap().render(), "Mon, 24 Nov 1997 14:22:01 -0800");

    let trace: Vec<_> = origin::received(&example("5322-a-4.eml"))
        .map(|field| (field.clause("by").unwrap().to_vec(), field.date.unwrap().render()))
        .collect();
    assert_eq!(
        trace,
        [
            (b"example.net".to_vec(), "Fri, 21 Nov 1997 10:05:43 -0600".to_owned()),
            (b"x.y.test".to_vec(), "Fri, 21 Nov 1997 10:01:22 -0600".to_owned()),
        ]
    );

    let obsolete = example("5322-a-6-3.eml");
    let id = header::find(&obsolete, "Message-ID").unwrap();
    assert_eq!(message_ids(id.value), [b"<1234@local.machine.example>".as_slice().into()]);
}

/// RFC 2046 §5.2.2.2 and §5.2.3.7.
#[test]
fn what_lies_elsewhere() {
    for (name, number) in [("2046-5-2-2-a.eml", 1), ("2046-5-2-2-b.eml", 2)] {
        let structure = Structure::of(&example(name));
        let found = Partial::of(&structure.body.root.media_type).unwrap();
        assert_eq!(
            (&*found.id, found.number, found.total),
            (&b"ABC@host.com"[..], number, Some(2))
        );
    }
    let message = example("2046-5-2-3-7.eml");
    let structure = Structure::of(&message);
    let found: Vec<_> = structure
        .body
        .root
        .children()
        .iter()
        .map(|part| ExternalBody::of(part, slice(&message, part.body.clone())).unwrap())
        .collect();
    let types: Vec<_> = found.iter().map(|body| body.access_type.as_str()).collect();
    assert_eq!(types, ["anon-ftp", "local-file", "mail-server"]);
    for body in &found {
        assert!(body.media_type.as_ref().unwrap().is("application", "postscript"));
        assert_eq!(body.content_id.as_deref(), Some(&b"<id42@guppylake.bellcore.com>"[..]));
        assert_eq!(body.expiration.as_deref(), Some("Fri, 14 Jun 1991 19:13:14 -0400 (EDT)"));
    }
}
