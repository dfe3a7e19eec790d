//! Domains whose own server is asked for their recipients.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use super::{HELLO, House};
use crate::outbound::sink::Sink;

/// A house that asks a server at this address.
async fn house(next_hop: std::net::SocketAddr, settings: &str) -> House {
    let more = format!(
        "tarpit_max = \"0s\"\n[relay.call_forward]\n{settings}\n\
         [routes]\n\"asked.example\" = \"{next_hop}\"\n"
    );
    House::build_with(&more).await
}

/// Asks for recipients, from this sender, and expects these replies.
async fn ask(house: &House, from: &str, recipients: &[(&str, &str)]) {
    let asked: String = recipients
        .iter()
        .map(|(to, reply)| format!("C: RCPT TO:<{to}@asked.example>\nS: {reply}\n"))
        .collect();
    let script = format!("{HELLO}C: MAIL FROM:<{from}>\nS: 250\n{asked}C: QUIT\nS: 221\n");
    house.play(&script).await;
}

#[tokio::test]
async fn its_server_is_asked_once_and_gets_no_mail() {
    let (sink, next_hop) = Sink::start("127.0.0.1:0".parse().unwrap(), &["PIPELINING"]).await;
    let house = house(next_hop, "").await;
    for _ in 0..2 {
        let recipients = [
            ("carol", "250"),
            ("refuse", "550 5.1.1 The domain's own server takes no mail"),
            ("later", "450 4.4.3"),
            ("Carol", "250"),
            ("postmaster", "250"),
            ("listed", "250"),
        ];
        ask(&house, "eve@example.net", &recipients).await;
    }
    let (commands, contents) = {
        let heard = sink.heard.lock().unwrap();
        (heard.commands.clone(), heard.contents.len())
    };
    let expected = [
        "MAIL FROM:<>",
        "RCPT TO:<carol@asked.example>",
        "MAIL FROM:<>",
        "RCPT TO:<refuse@asked.example>",
        "MAIL FROM:<>",
        "RCPT TO:<later@asked.example>",
    ];
    assert_eq!(commands, expected);
    assert_eq!(contents, 0);
    house.close().await;
}

#[tokio::test]
async fn without_an_answer_it_is_as_the_configuration_says() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = free.local_addr().unwrap();
    drop(free);
    for (settings, reply) in [("", "450 4.4.3"), ("unreachable = \"accept\"", "250")] {
        let house = house(nobody, settings).await;
        ask(&house, "eve@example.net", &[("carol", reply), ("dave", reply)]).await;
        house.close().await;
    }
    // One that accepts connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let house = house(silent.local_addr().unwrap(), "timeout = \"200ms\"").await;
    ask(&house, "eve@example.net", &[("carol", "450 4.4.3")]).await;
    house.close().await;
}

#[tokio::test]
async fn one_client_causes_so_many_questions() {
    let (sink, next_hop) = Sink::start("127.0.0.1:0".parse().unwrap(), &[]).await;
    let house = house(next_hop, "unreachable = \"accept\"\nper_client = 2").await;
    let recipients =
        [("a", "250"), ("refuse", "550"), ("b", "450 4.4.3"), ("a", "250"), ("refuse", "550")];
    ask(&house, "eve@example.net", &recipients).await;
    assert_eq!(sink.heard.lock().unwrap().connections, 2);
    house.close().await;
}

#[tokio::test]
async fn a_question_that_comes_back_goes_no_further() {
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let house = house(between.local_addr().unwrap(), "").await;
    let (ours, passed) = (house.address(), Arc::new(AtomicUsize::new(0)));
    let counted = passed.clone();
    tokio::spawn(async move {
        loop {
            let (mut from, _) = between.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut to = TcpStream::connect(ours).await.unwrap();
                let _ = copy_bidirectional(&mut from, &mut to).await;
            });
        }
    });
    let start = std::time::Instant::now();
    ask(&house, "eve@example.net", &[("carol", "450 4.4.3")]).await;
    assert_eq!(passed.load(Ordering::SeqCst), 1);
    assert!(start.elapsed().as_secs() < 10, "the answer comes before the question's time is over");
    house.close().await;
}
