//! CATENATE (RFC 4469): messages made of others, without sending them again.

use crate::house::House;

const MESSAGE: &str = "Subject: both\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain\r\n\r\nfirst\r\n--b\r\nContent-Type: text/html\r\n\r\n\
    <p>second\r\n--b--\r\n";

#[tokio::test]
async fn a_message_is_made_of_others() {
    let house = House::new().await;
    house.put(MESSAGE.as_bytes()).await;
    let mut client = house.open().await;
    let validity = client.run("STATUS INBOX (UIDVALIDITY)").await.ok().line("STATUS");
    let validity: String = validity.chars().filter(char::is_ascii_digit).collect();
    client
        .run(format!(
            "APPEND Drafts (\\Draft) CATENATE (TEXT {{14+}}\r\nSubject: new\r\n \
             URL \"/INBOX;UIDVALIDITY={validity}/;UID=1/;SECTION=HEADER.FIELDS%20(CONTENT-TYPE)\" \
             TEXT {{7+}}\r\n--b\r\n\r\n URL \"/INBOX/;UID=1/;SECTION=1\" \
             TEXT {{7+}}\r\n\r\n--b\r\n URL /INBOX/;UID=1/;SECTION=2.MIME \
             URL /INBOX/;UID=1/;SECTION=2/;PARTIAL=3.6 TEXT {{9+}}\r\n\r\n--b--\r\n)"
        ))
        .await
        .is("OK [APPENDUID ");
    assert_eq!(client.run("FETCH 1 FLAGS").await.ok().lines(), ["1 FETCH (FLAGS (\\Recent))"]);
    client.run("SELECT Drafts").await.ok();
    let made = client.run("FETCH 1 (FLAGS BODY.PEEK[])").await.ok();
    let expected = "Subject: new\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\n\r\nfirst\r\n--b\r\nContent-Type: text/html\r\n\r\nsecond\r\n--b--\r\n";
    let line = made.line("1 FETCH (FLAGS (\\Draft \\Recent) BODY[] {");
    assert!(line.ends_with(&format!("}}\r\n{expected})")), "{line}");

    // RFC 8508 §4.2: a draft with another text.
    client
        .run("UID REPLACE 1 Drafts CATENATE (TEXT {7+}\r\nTo: x\r\n URL \"/Drafts/;UID=1\")")
        .await
        .ok()
        .line("1 EXPUNGE");
    let made = client.run("FETCH 1 BODY.PEEK[]").await.ok();
    assert!(made.lines()[0].ends_with(&format!("To: x\r\n{expected})")));
}

#[tokio::test]
async fn what_can_not_be_had() {
    let house = House::with("imap.max_message_size = \"1 KiB\"\n", Some(5000)).await;
    house.put(MESSAGE.as_bytes()).await;
    let mut client = house.sign_in().await;
    for url in [
        "/INBOX/;UID=2",
        "/nowhere/;UID=1",
        "/INBOX;UIDVALIDITY=1/;UID=1",
        "/INBOX/;UID=1/;SECTION=9",
        "INBOX/;UID=1",
        "imap://alice@mx.example.org/INBOX/;UID=1",
    ] {
        let refused = client.run(format!("APPEND INBOX CATENATE (URL \"{url}\")")).await;
        refused.is(&format!("NO [BADURL {url}] "));
    }
    let urls = " URL /INBOX/;UID=1".repeat(8);
    let large = format!("APPEND INBOX CATENATE ({})", urls.trim_start());
    client.run(large).await.is("NO [TOOBIG] ");
    client.run("APPEND nowhere CATENATE (URL /INBOX/;UID=1)").await.is("NO [TRYCREATE]");
    client.run("STATUS INBOX (MESSAGES)").await.ok().line("STATUS \"INBOX\" (MESSAGES 1)");
    // What is made counts as what is sent does.
    let five = format!("APPEND INBOX{}", " CATENATE (URL /INBOX/;UID=1)".repeat(40));
    client.run(five).await.is("NO [OVERQUOTA] ");
    client.run("STATUS INBOX (MESSAGES)").await.ok().line("STATUS \"INBOX\" (MESSAGES 1)");
    client.run("APPEND INBOX CATENATE (URL /INBOX/;UID=1)").await.is("OK [APPENDUID");
}
