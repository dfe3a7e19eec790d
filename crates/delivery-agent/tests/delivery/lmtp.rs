//! Mail that comes by LMTP (RFC 2033).

use agent_kit::{Connection, DriveOptions, Stop, drive};
use mail_types::MailboxName;
use testkit::scripted_client::ScriptedClient;
use tokio::net::TcpStream;

use crate::house::{House, Running, address};

/// Plays a client's script and returns what the server said.
async fn play(running: &Running, script: &str) -> String {
    let connection = Connection::tcp(TcpStream::connect(running.lmtp).await.unwrap()).unwrap();
    let mut client = ScriptedClient::new(script).unwrap();
    let never = Stop::source();
    let options = DriveOptions::new(never.stop());
    let end = drive(&mut client, &mut Nobody, connection, options).await;
    client.finish().unwrap_or_else(|stopped| panic!("{end:?}: {stopped}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_recipient_has_an_answer_of_its_own() {
    let house = House::build().await;
    let running = house.start();
    let said = play(
        &running,
        "S: 220 mail.example.org LMTP\nC: EHLO mx.example.net\nS: 500\n\
         C: LHLO mx.example.net\nS: 250 LIMITS\n\
         C: MAIL FROM:<c@example.net> SIZE=900\nS: 250\n\
         C: RCPT TO:<alice@example.org>\nS: 250\n\
         C: RCPT TO:<nobody@example.org>\nS: 550 5.1.1\n\
         C: RCPT TO:<eve@example.net>\nS: 550 5.7.1\n\
         C: RCPT TO:<bob+x@example.org>\nS: 250\n\
         C: DATA\nS: 354\nC: Subject: both\nC: \nC: text\nC: .\n\
         S: 250 2.0.0\nS: 250 2.0.0\n\
         C: MAIL FROM:<c@example.net> SIZE=2000\nS: 250\n\
         C: RCPT TO:<alice@example.org>\nS: 250\n\
         C: RSET\nS: 250\nC: QUIT\nS: 221\n",
    )
    .await;
    assert!(!said.contains("AUTH") && !said.contains("STARTTLS"), "{said}");
    house.empty().await;
    let alice = house.store.account(house.account("alice@example.org").await);
    let received = house.messages(&alice, "INBOX").await;
    assert!(received[0].starts_with("Return-Path: <c@example.net>\r\n"), "{}", received[0]);
    assert!(received[0].contains("with LMTP"), "RFC 3848: {}", received[0]);
    let bob = house.store.account(house.account("bob@example.org").await);
    assert_eq!(house.messages(&bob, "INBOX").await.len(), 1);
    // What is known to be too large is not taken.
    let script = "S: 220\nC: LHLO x\nS: 250 LIMITS\nC: MAIL FROM:<c@example.net> SIZE=2000\nS: 250\n\
                  C: RCPT TO:<bob@example.org>\nS: 452 4.2.2\nC: DATA\nS: 503\nC: QUIT\nS: 221\n";
    play(&running, script).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_detail_names_a_mailbox_and_makes_none() {
    let house = House::build().await;
    let own = mail_types::Domain::parse("example.org").unwrap();
    let filed = directory::Subaddress { filed: true, ..directory::Subaddress::default() };
    house.editor.set_subaddress(&own, filed).await.unwrap();
    let alice = house.store.account(house.account("alice@example.org").await);
    let lists = MailboxName::parse("Lists").unwrap();
    alice.create(&lists, None).await.unwrap();
    let running = house.start();
    for to in ["alice+lists", "alice+Lists", "alice+other"] {
        let script = format!(
            "S: 220\nC: LHLO x\nS: 250 LIMITS\nC: MAIL FROM:<c@example.net>\nS: 250\n\
             C: RCPT TO:<{to}@example.org>\nS: 250\nC: DATA\nS: 354\nC: Subject: x\nC: \nC: .\n\
             S: 250\nC: QUIT\nS: 221\n"
        );
        play(&running, &script).await;
    }
    house.empty().await;
    assert_eq!(house.messages(&alice, "Lists").await.len(), 2, "in any case");
    assert_eq!(house.messages(&alice, "INBOX").await.len(), 1);
    assert!(alice.mailbox(&MailboxName::parse("other").unwrap()).await.is_err());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_as_it_was_given_stands_in_the_copy_unless_that_is_unwanted() {
    for told in [true, false] {
        let mut house = House::build().await;
        std::sync::Arc::make_mut(&mut house.config).delivery.original_to = told;
        let sales = directory::AliasName::Address(address("sales@example.org"));
        let to = vec![address("alice@example.org")];
        house.editor.add_alias(&sales, &to).await.unwrap();
        let running = house.start();
        for to in ["Sales", "ALICE"] {
            let script = format!(
                "S: 220\nC: LHLO x\nS: 250 LIMITS\nC: MAIL FROM:<c@example.net>\nS: 250\n\
                 C: RCPT TO:<{to}@example.org>\nS: 250\nC: DATA\nS: 354\nC: Subject: x\nC: \nC: .\n\
                 S: 250\nC: QUIT\nS: 221\n"
            );
            play(&running, &script).await;
        }
        house.empty().await;
        let alice = house.store.account(house.account("alice@example.org").await);
        let received = house.messages(&alice, "INBOX").await;
        let expected = "Return-Path: <c@example.net>\r\nDelivered-To: alice@example.org\r\n\
                        X-Original-To: Sales@example.org\r\n";
        let with = |text: &String| text.starts_with(expected);
        assert_eq!(received.iter().filter(|text| with(text)).count(), usize::from(told));
        let named = |text: &&String| text.contains("X-Original-To");
        assert_eq!(received.iter().filter(named).count(), usize::from(told), "her own is no news");
        running.stop().await;
    }
}

/// The scripted client asks nothing.
struct Nobody;

impl agent_kit::Handler<ScriptedClient> for Nobody {
    async fn answer(
        &mut self,
        question: std::convert::Infallible,
        _talk: &mut agent_kit::Talk<'_, ScriptedClient>,
    ) -> Result<(), agent_kit::Gone> {
        match question {}
    }
}
