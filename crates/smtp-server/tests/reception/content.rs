//! What becomes of content on its way into the queue.

use mail_types::BodyKind;
use message_queue::Consumes;
use smtp_core::server::BareLineEnds;
use smtp_server::Fixups;

use crate::house::House;

/// A transaction with BDAT.
fn binary(recipient: &str, content: &[u8]) -> Vec<u8> {
    let mut input = format!(
        "EHLO client.example\r\nMAIL FROM:<a@example.com> BODY=BINARYMIME\r\n\
         RCPT TO:<{recipient}>\r\nBDAT {} LAST\r\n",
        content.len()
    )
    .into_bytes();
    input.extend_from_slice(content);
    input.extend_from_slice(b"QUIT\r\n");
    input
}

const PICTURE: &[u8] = b"Subject: a\r\nMIME-Version: 1.0\r\nContent-Type: image/x\r\n\
    Content-Transfer-Encoding: binary\r\n\r\n\0\r\n.\r\n\xff\n";

#[tokio::test]
async fn binary_content_is_queued_as_lines() {
    let house = House::build().await;
    let said = house.say(&binary("b@example.org", PICTURE)).await;
    assert!(said.contains("250-BINARYMIME\r\n"), "{said}");
    assert!(said.contains("250 2.0.0 Queued as "), "{said}");
    let queued = house.queued(Consumes::Local, agent_kit::now()).await;
    assert_eq!(
        queued[0].message(),
        "Subject: a\r\nMIME-Version: 1.0\r\nContent-Type: image/x\r\n\
         Content-Transfer-Encoding: base64\r\n\r\nAA0KLg0K/wo=\r\n",
        "RFC 3030 §3"
    );
    assert_eq!(queued[0].lease.entry.body, BodyKind::SevenBit);
}

#[tokio::test]
async fn eight_bit_text_of_a_binary_message_stays_unless_it_leaves() {
    let text = b"Subject: a\r\n\r\n\xc3\xa4\r\n";
    for (recipient, consumes, seven_bit, expected) in [
        ("b@example.org", Consumes::Local, true, BodyKind::EightBitMime),
        ("b@example.net", Consumes::Remote, false, BodyKind::EightBitMime),
        ("b@example.net", Consumes::Remote, true, BodyKind::SevenBit),
    ] {
        let mut house = House::build().await;
        house.fixups = Fixups { seven_bit, ..Fixups::default() };
        let said = house.say(&binary(recipient, text)).await;
        assert!(said.contains("250 2.0.0 Queued as "), "{said}");
        let queued = house.queued(consumes, agent_kit::now()).await;
        assert_eq!(queued[0].lease.entry.body, expected, "{recipient} {seven_bit}");
        assert_eq!(queued[0].content.is_ascii(), expected == BodyKind::SevenBit);
    }
}

#[tokio::test]
async fn what_cannot_be_lines_is_refused() {
    let house = House::build().await;
    let signed = b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\
        Content-Transfer-Encoding: binary\r\n\r\n\0\r\n--b--\r\n";
    for content in [signed.as_slice(), b"Subject: a\0b\r\n\r\nc\r\n", b"Subject: a\r\n\r\nc\rd\r\n"]
    {
        let said = house.say(&binary("b@example.org", content)).await;
        assert!(said.contains("\r\n554 5.6.3 "), "{said}");
    }
    assert!(house.queued(Consumes::Local, agent_kit::now()).await.is_empty());
}

#[tokio::test]
async fn bare_line_ends_are_mended_where_that_is_wanted() {
    let input = b"EHLO client.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n\
        DATA\r\nSubject: a\n\nb\rc\n.\nd\r\n..\r\n.\r\nQUIT\r\n";
    let mut house = House::build().await;
    let said = house.say(input).await;
    assert!(said.contains("\r\n554 5.6.0 "), "RFC 5321 §2.3.8: {said}");
    house.options.bare_line_ends = BareLineEnds::Repaired;
    let said = house.say(input).await;
    assert!(said.contains("\r\n250 2.0.0 Queued as "), "{said}");
    let queued = house.queued(Consumes::Local, agent_kit::now()).await;
    assert_eq!(queued.len(), 1);
    assert_eq!(queued[0].message(), "Subject: a\r\n\r\nb\r\nc\r\n.\r\nd\r\n.\r\n");
}

#[tokio::test]
async fn what_ends_early_is_no_message() {
    let whole = b"EHLO client.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n\
        DATA\r\nSubject: a\r\n\r\nb\r\n.\r\n";
    let house = House::build().await;
    for end in 0..whole.len() {
        let said = house.say(&whole[..end]).await;
        assert!(!said.contains("Queued"), "RFC 5321 §4.1.1.4: after {end} octets: {said}");
    }
    assert!(house.queued(Consumes::Local, agent_kit::now()).await.is_empty());
    house.say(whole).await;
    assert_eq!(house.queued(Consumes::Local, agent_kit::now()).await.len(), 1);
}
