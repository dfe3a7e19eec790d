//! How much room there is (RFC 9208).

use mail_types::Quota;

use crate::house::{House, small};

/// A message of so many octets.
fn sized(octets: usize) -> Vec<u8> {
    let mut message = b"Subject: large\r\n\r\n".to_vec();
    message.resize(octets - 2, b'x');
    message.extend_from_slice(b"\r\n");
    message
}

/// RFC 9208 §5.1: all mailboxes together, in units of 1024 octets.
#[tokio::test]
async fn one_root_for_all_mailboxes() {
    let house = House::with_quota(Some(10_000)).await;
    let mut client = house.sign_in().await;
    let asked = client.run("GETQUOTAROOT INBOX").await.ok();
    assert_eq!(
        asked.lines(),
        ["QUOTAROOT \"INBOX\" \"Account\"", "QUOTA \"Account\" (STORAGE 0 10)"]
    );
    client.append("INBOX", &sized(1024)).await;
    client.append("Trash", &sized(2049)).await;
    // What another process delivers counts as well.
    house.put(&sized(3000)).await;
    let asked = client.run("GETQUOTA Account").await.ok();
    assert_eq!(asked.lines(), ["QUOTA \"Account\" (STORAGE 6 10)"]);
    // RFC 9208 §4.1.2: also for a mailbox that is not there.
    let asked = client.run("GETQUOTAROOT later").await.ok();
    assert_eq!(
        asked.lines(),
        ["QUOTAROOT \"later\" \"Account\"", "QUOTA \"Account\" (STORAGE 6 10)"]
    );
    client.run("GETQUOTA other").await.is("NO [NONEXISTENT]");
    client.run("SETQUOTA Account (STORAGE 1000000)").await.is("NO [NOPERM]");
    assert_eq!(
        client.run("GETQUOTA Account").await.ok().lines(),
        ["QUOTA \"Account\" (STORAGE 6 10)"]
    );
    // RFC 9208 §4.3.1.
    client.run("APPEND INBOX {4000}").await.is("NO [OVERQUOTA]");
}

#[tokio::test]
async fn an_account_without_a_limit_has_no_root() {
    let house = House::new().await;
    let mut client = house.open().await;
    client.append("INBOX", &small("1")).await;
    assert_eq!(client.run("GETQUOTAROOT INBOX").await.ok().line("QUOTA"), "QUOTAROOT \"INBOX\"");
    client.run("GETQUOTA Account").await.is("NO [NONEXISTENT]");
    client.run("GETQUOTA \"\"").await.is("NO [NONEXISTENT]");
}

/// RFC 9208 §5.2: messages are counted too, and what is set by the operator counts at once.
#[tokio::test]
async fn the_number_of_messages_is_limited() {
    let house = House::new().await;
    let mut client = house.open().await;
    client.append("INBOX", &small("1")).await;
    client.append("Trash", &small("2")).await;
    house.limit(Quota { octets: None, messages: Some(3) }).await;
    let asked = client.run("GETQUOTAROOT INBOX").await.ok();
    assert_eq!(
        asked.lines(),
        ["QUOTAROOT \"INBOX\" \"Account\"", "QUOTA \"Account\" (MESSAGE 2 3)"]
    );
    client.run("NOOP").await.ok();
    client.run("COPY 1 Trash").await.ok();
    assert_eq!(
        client.run("GETQUOTA Account").await.ok().lines(),
        ["QUOTA \"Account\" (MESSAGE 3 3)"]
    );
    client.run("COPY 1 Trash").await.is("NO [OVERQUOTA]");
    client.run("APPEND INBOX {10}").await.is("NO [OVERQUOTA]");
    // What stays as many has room.
    client.run("MOVE 1 Trash").await.ok();
    house.limit(Quota { octets: Some(1 << 20), messages: Some(3) }).await;
    let asked = client.run("GETQUOTA Account").await.ok();
    assert_eq!(asked.lines(), ["QUOTA \"Account\" (STORAGE 1 1024 MESSAGE 3 3)"]);
}

/// What other accounts of the domain hold counts as well, and is shown to nobody.
#[tokio::test]
async fn a_domain_can_be_full() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    client.append("INBOX", &small("1")).await;
    house.limit_domain(Quota { octets: None, messages: Some(1) }).await;
    client.run("APPEND INBOX {10}").await.is("NO [OVERQUOTA]");
    assert_eq!(client.run("GETQUOTAROOT INBOX").await.ok().line("QUOTA"), "QUOTAROOT \"INBOX\"");
}

/// RFC 9208 §4.1.4: what EXPUNGE would bring.
#[tokio::test]
async fn what_is_deleted() {
    let house = House::with_quota(Some(100_000)).await;
    house.put_all(&[sized(1000), sized(2000), sized(4000)]).await;
    let mut client = house.open().await;
    let wanted = "(DELETED DELETED-STORAGE)";
    let status = |deleted: u32, octets: u32| {
        format!("STATUS \"INBOX\" (DELETED {deleted} DELETED-STORAGE {octets})")
    };
    let told = client.run(format!("STATUS INBOX {wanted}")).await.ok();
    assert_eq!(told.line("STATUS"), status(0, 0));
    client.run("STORE 1,3 +FLAGS.SILENT (\\Deleted)").await.ok();
    let told = client.run(format!("STATUS INBOX {wanted}")).await.ok();
    assert_eq!(told.line("STATUS"), status(2, 5000));
    let told = client.run(format!("LIST \"\" INBOX RETURN (STATUS {wanted})")).await.ok();
    assert_eq!(told.line("STATUS"), status(2, 5000));
    client.run("EXPUNGE").await.ok();
    let told = client.run(format!("STATUS INBOX {wanted}")).await.ok();
    assert_eq!(told.line("STATUS"), status(0, 0));
    assert_eq!(
        client.run("GETQUOTA Account").await.ok().lines(),
        ["QUOTA \"Account\" (STORAGE 2 98)"]
    );
}
