//! What the store knows of messages beyond their octets: when they were saved.

use crate::house::{House, small};

/// RFC 8514 §3: neither APPEND's date nor the date of a copied message is the save date.
#[tokio::test]
async fn when_a_message_was_saved() {
    let house = House::new().await;
    let mut client = house.open().await;
    let message = String::from_utf8(small("1")).unwrap();
    let date = "17-Jul-1996 02:44:25 +0000";
    let append = format!("APPEND INBOX \"{date}\" {{{}+}}\r\n{message}", message.len());
    client.run(append).await.is("OK [APPENDUID");
    let fetched = client.run("FETCH 1 (INTERNALDATE SAVEDATE)").await.ok().line("1 FETCH");
    assert!(fetched.contains(&format!("INTERNALDATE \"{date}\" SAVEDATE \"")), "{fetched}");
    assert_eq!(fetched.matches("-1996 ").count(), 1, "{fetched}");
    assert_eq!(client.run("SEARCH BEFORE 1-Jan-2000").await.ok().found(), [1]);
    assert!(client.run("SEARCH SAVEDBEFORE 1-Jan-2000").await.ok().found().is_empty());
    assert_eq!(client.run("SEARCH SAVEDSINCE 1-Jan-2000").await.ok().found(), [1]);
    assert_eq!(client.run("SEARCH SAVEDATESUPPORTED").await.ok().found(), [1]);
    let day = fetched.split("SAVEDATE \"").nth(1).unwrap().split_at(11).0.trim();
    assert_eq!(client.run(format!("SEARCH SAVEDON {day}")).await.ok().found(), [1]);
    client.run("MOVE 1 Trash").await.ok();
    client.run("SELECT Trash").await.ok();
    let moved = client.run("FETCH 1 SAVEDATE").await.ok().line("1 FETCH (SAVEDATE \"");
    assert!(!moved.contains("1996"), "{moved}");
}
