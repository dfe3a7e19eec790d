//! Mail from other servers.

mod call_forward;
mod house;
mod ways;

use house::House;
use message_queue::Consumes;

const HELLO: &str = "S: 220 mx.example.org\nC: EHLO client.example\nS: 250 STARTTLS\n";

#[tokio::test]
async fn tls_all_the_way_is_promised_under_tls() {
    // RFC 8689 §2
    let house = House::build().await;
    let said = house
        .play(&format!(
            "{HELLO}C: MAIL FROM:<eve@example.net> REQUIRETLS\nS: 555 5.5.4\n\
             C: STARTTLS\nS: 220\n@tls\nC: EHLO client.example\nS: 250\n\
             C: MAIL FROM:<eve@example.net> REQUIRETLS\nS: 250 2.1.0\n\
             C: RCPT TO:<alice@example.org>\nS: 250\nC: DATA\nS: 354\nC: Subject: x\nC: \n\
             C: x\nC: .\nS: 250 2.0.0 Queued as\nC: QUIT\nS: 221\n"
        ))
        .await;
    let (clear, secured) = said.split_once("220 2.0.0").unwrap();
    assert!(!clear.contains("REQUIRETLS\r\n"), "{clear}");
    assert!(secured.contains("REQUIRETLS\r\n"), "{secured}");
    let queued = house.queued(Consumes::Local).await;
    assert!(queued[0].lease.entry.handling.require_tls);
    house.close().await;
}

#[tokio::test]
async fn mail_for_our_people_is_taken_over_tls() {
    let house = House::build().await;
    let said = house
        .play(&format!(
            "{HELLO}C: STARTTLS\nS: 220\n@tls\nC: EHLO client.example\nS: 250 REQUIRETLS\n\
             C: MAIL FROM:<eve@example.net>\nS: 250\nC: RCPT TO:<Alice@Example.ORG>\nS: 250\n\
             C: DATA\nS: 354\nC: Return-Path: <old@example.net>\nC: Subject: as it came\nC: \n\
             C: \\{{x*5000}}\nC: .\nS: 250 2.0.0 Queued as\nC: QUIT\nS: 221\n"
        ))
        .await;
    assert!(!said.contains("AUTH"), "{said}");
    let queued = house.queued(Consumes::Local).await;
    let (trace, message) = queued[0].content.split_once("Return-Path").unwrap();
    assert!(trace.starts_with("Received: from client.example ([127.0.0.1])\r\n"), "{trace}");
    assert!(trace.contains("with ESMTPS\r\n\t(TLSv1.3 TLS_"), "{trace}");
    let long = "x".repeat(5000);
    assert_eq!(message, format!(": <old@example.net>\r\nSubject: as it came\r\n\r\n{long}\r\n"));
    assert_eq!(queued[0].lease.entry.reverse_path.to_string(), "eve@example.net");
    house.close().await;
}

#[tokio::test]
async fn who_is_not_ours_is_refused_while_the_peer_waits() {
    let house = House::build().await;
    house
        .play(&format!(
            "{HELLO}C: AUTH PLAIN AGEAYg==\nS: 502 5.5.1\n\
             C: MAIL FROM:<alice@example.org>\nS: 250\n\
             C: RCPT TO:<eve@example.net>\nS: 550 5.7.1 Relaying denied\n\
             C: RCPT TO:<eve%example.net@example.org>\nS: 550 5.1.1\n\
             C: RCPT TO:<\"eve@example.net\"@example.org>\nS: 550 5.1.1\n\
             C: RCPT TO:<@mx.example.org:eve@example.net>\nS: 550 5.7.1\n\
             C: RCPT TO:<nobody@example.org>\nS: 550 5.1.1\n\
             C: RCPT TO:<gone@example.org>\nS: 550 5.2.1\n\
             C: RCPT TO:<full@example.org>\nS: 452 4.2.2\n\
             C: RCPT TO:<stuffed@example.org>\nS: 552 5.2.2\n\
             C: DATA\nS: 554\nC: QUIT\nS: 221\n"
        ))
        .await;
    assert!(house.queued(Consumes::Local).await.is_empty());
    assert!(house.queued(Consumes::Remote).await.is_empty());
    house.close().await;
}

#[tokio::test]
async fn an_alias_is_followed_and_the_postmaster_needs_no_domain() {
    let house = House::build().await;
    house
        .play(&format!(
            "{HELLO}C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<Postmaster>\nS: 250\n\
             C: RCPT TO:<list@example.org>\nS: 250\n\
             C: DATA\nS: 354\nC: Subject: both\nC: .\nS: 250\nC: QUIT\nS: 221\n"
        ))
        .await;
    let local = house.queued(Consumes::Local).await;
    let recipients = local[0].lease.recipients.iter();
    let to: Vec<_> = recipients.map(|recipient| recipient.address.to_string()).collect();
    assert_eq!(to, ["alice@example.org", "full@example.org"], "one full mailbox is delivery's");
    let remote = house.queued(Consumes::Remote).await;
    let eve = &remote[0].lease.recipients[0];
    assert_eq!(eve.address.to_string(), "eve@example.net");
    let original = eve.original.as_ref().map(ToString::to_string);
    assert_eq!(original.as_deref(), Some("rfc822;list@example.org"), "RFC 3461 §4.2");
    house.close().await;
}

#[tokio::test]
async fn a_message_that_goes_round_is_stopped() {
    let house = House::build().await;
    let hops = "C: Received: from a by b; Thu, 1 Jan 1970 00:00:00 +0000\n";
    let script = |count: usize, reply: &str| {
        format!(
            "{HELLO}C: MAIL FROM:<eve@example.net>\nS: 250\nC: RCPT TO:<alice@example.org>\n\
             S: 250\nC: DATA\nS: 354\n{}C: \nC: text\nC: .\nS: {reply}\nC: QUIT\nS: 221\n",
            hops.repeat(count)
        )
    };
    house.play(&script(101, "554 5.4.6")).await;
    house.play(&script(100, "250 2.0.0")).await;
    assert_eq!(house.queued(Consumes::Local).await.len(), 1, "RFC 5321 §6.3");
    house.close().await;
}

#[tokio::test]
async fn what_is_refused_leaves_nothing() {
    let house = House::build().await;
    let envelope = "C: MAIL FROM:<eve@example.net>\nS: 250\n\
                    C: RCPT TO:<alice@example.org>\nS: 250\nC: DATA\nS: 354\n";
    house
        .play(&format!(
            "{HELLO}C: MAIL FROM:<eve@example.net> SIZE=2000000\nS: 552 5.3.4\n\
             {envelope}C: bare\\nline feed\nC: .\nS: 554 5.6.0\n\
             {envelope}C: \\x00\nC: .\nS: 554 5.6.0\n\
             {envelope}C: \\{{x*1100000}}\nC: .\nS: 552 5.3.4\nC: QUIT\nS: 221\n"
        ))
        .await;
    assert!(house.queued(Consumes::Local).await.is_empty());
    // The session refuses these by itself, and the operator sees them all the same.
    let noted: Vec<_> = house
        .refusals(4)
        .await
        .into_iter()
        .map(|refusal| (refusal.sender.unwrap_or_default(), refusal.reply.code()))
        .collect();
    let eve = |code| ("eve@example.net".to_owned(), code);
    assert_eq!(noted, [eve(552), eve(554), eve(554), eve(552)], "the newest first");
    house.close().await;
}

/// What testers of open relays have tried for decades: each must be refused, whoever it claims to
/// come from. `mx.example.org [127.0.0.1]` is the host, `example.org` and `caught.example`, which has
/// a catch-all, are its domains.
#[tokio::test]
async fn no_way_through_is_found() {
    const PROBES: [&str; 27] = [
        "<probe@elsewhere.test>",
        "<probe@ELSEWHERE.test>",
        "<\"probe\"@elsewhere.test>",
        "<probe@[192.0.2.9]>",
        "<probe@[IPv6:2001:db8::9]>",
        "<probe%elsewhere.test@mx.example.org>",
        "<probe%elsewhere.test@[127.0.0.1]>",
        "<probe%elsewhere.test@example.org>",
        "<probe%elsewhere.test@caught.example>",
        "<\"probe%elsewhere.test\"@caught.example>",
        "<elsewhere.test!probe>",
        "<elsewhere.test!probe@mx.example.org>",
        "<elsewhere.test!probe@[127.0.0.1]>",
        "<elsewhere.test!probe@example.org>",
        "<elsewhere.test!probe@caught.example>",
        "<elsewhere.test!probe%mx.example.org@caught.example>",
        "<\"probe@elsewhere.test\">",
        "<\"probe@elsewhere.test\"@mx.example.org>",
        "<\"probe@elsewhere.test\"@[127.0.0.1]>",
        "<\"probe@elsewhere.test\"@caught.example>",
        "<probe@elsewhere.test@mx.example.org>",
        "<probe@elsewhere.test@[127.0.0.1]>",
        "<probe@elsewhere.test@caught.example>",
        "<@mx.example.org:probe@elsewhere.test>",
        "<@[127.0.0.1]:probe@elsewhere.test>",
        "<@mx.example.org,@example.org:probe@elsewhere.test>",
        "<probe@mx.example.org>",
    ];
    let house = House::build().await;
    for sender in
        ["", "probe@elsewhere.test", "alice@example.org", "root@[127.0.0.1]", "a@mx.example.org"]
    {
        let mut script = format!("{HELLO}C: MAIL FROM:<{sender}>\nS: 250\n");
        for probe in PROBES {
            script.push_str(&format!("C: RCPT TO:{probe}\nS: 5\n"));
        }
        let said = house.play(&format!("{script}C: DATA\nS: 554\nC: QUIT\nS: 221\n")).await;
        assert_eq!(
            said.matches("\r\n55").count() + said.matches("\r\n501").count(),
            PROBES.len() + 1
        );
    }
    assert!(house.queued(Consumes::Local).await.is_empty());
    assert!(house.queued(Consumes::Remote).await.is_empty());
    house.close().await;
}

#[tokio::test]
async fn whoever_answers_for_the_host_is_reached_by_all_of_its_names() {
    let house = House::build().await;
    let taken = [
        "postmaster",
        "POSTMASTER@Example.org",
        "abuse@example.org",
        "abuse@caught.example",
        "postmaster@mx.example.org",
        "abuse@mx.example.org",
        "postmaster@[127.0.0.1]",
        "alice@[127.0.0.1]",
        "\"alice\"@example.org",
        "alice+tag@example.org",
        "anybody@caught.example",
        "odd!name@caught.example",
        "@elsewhere.test,@mx.example.org:alice@example.org",
    ];
    let rcpts = taken.map(|address| format!("C: RCPT TO:<{address}>\nS: 250 2.1.5\n")).concat();
    house
        .play(&format!(
            "{HELLO}C: MAIL FROM:<>\nS: 250\n{rcpts}C: RCPT TO:<nobody@[127.0.0.1]>\nS: 550 5.1.1\n\
             C: DATA\nS: 354\nC: Subject: to many names\nC: .\nS: 250\nC: QUIT\nS: 221\n"
        ))
        .await;
    let local = house.queued(Consumes::Local).await;
    assert!(local[0].lease.recipients.iter().all(|recipient| recipient.account.is_some()));
    house.close().await;
}

#[tokio::test]
async fn who_has_been_delivered_to_before_is_a_loop() {
    let house = House::build().await;
    let script = |to: &str, reply: &str| {
        format!(
            "{HELLO}C: MAIL FROM:<eve@example.net>\nS: 250\n{to}C: DATA\nS: 354\n\
             C: Delivered-To: ALICE@example.org\nC: \nC: text\nC: .\nS: {reply}\nC: QUIT\nS: 221\n"
        )
    };
    let alice = "C: RCPT TO:<alice@example.org>\nS: 250\n";
    house.play(&script(alice, "554 5.4.6")).await;
    let both = format!("{alice}C: RCPT TO:<out@example.org>\nS: 250\n");
    house.play(&script(&both, "250 2.0.0")).await;
    assert_eq!(house.queued(Consumes::Local).await.len(), 1);
    house.close().await;
}

/// The growing pause is real time here, a second at least: no clock of the test's own reaches into
/// the agent.
#[tokio::test]
async fn whoever_searches_for_addresses_waits() {
    let house = House::build_with("tarpit_after = 3\ntarpit_max = \"1s\"\n").await;
    let searches = |count: usize| {
        let rcpt = "C: RCPT TO:<nobody@example.org>\nS: 550 5.1.1\n";
        let rcpts = rcpt.repeat(count);
        format!("{HELLO}C: MAIL FROM:<>\nS: 250\n{rcpts}C: QUIT\nS: 221\n")
    };
    let second = std::time::Duration::from_secs(1);
    let start = std::time::Instant::now();
    house.play(&searches(5)).await;
    assert!(start.elapsed() >= second * 2, "the fourth and the fifth are late");
    house.close().await;
}

#[tokio::test]
async fn an_alias_of_a_thousand_is_expanded_once_and_in_time() {
    let house = House::build().await;
    let script = format!(
        "{HELLO}C: MAIL FROM:<eve@example.net>\nS: 250\n{}C: DATA\nS: 354\nC: Subject: all\n\
         C: .\nS: 250\nC: QUIT\nS: 221\n",
        "C: RCPT TO:<thousand@example.org>\nS: 250\n".repeat(20)
    );
    house.play(&script).await;
    let remote = house.queued(Consumes::Remote).await;
    let recipients: usize = remote.iter().map(|queued| queued.lease.recipients.len()).sum();
    assert_eq!(recipients, 900, "each once");
    house.close().await;
}

#[tokio::test]
async fn strangers_may_lower_their_priority_and_set_times() {
    let house = House::build().await;
    let content = "C: RCPT TO:<alice@example.org>\nS: 250\nC: DATA\nS: 354\n\
                   C: Subject: x\nC: \nC: .\nS: 250\n";
    let said = house
        .play(&format!(
            "{HELLO}C: MAIL FROM:<eve@example.net> HOLDFOR=60\nS: 555 5.5.4\n\
             C: MAIL FROM:<eve@example.net> MT-PRIORITY=9\nS: 250 2.3.6 0 \n{content}\
             C: MAIL FROM:<eve@example.net> MT-PRIORITY=-4 BY=-60;N\nS: 250 2.1.0\n{content}\
             C: QUIT\nS: 221\n"
        ))
        .await;
    assert!(said.contains("250-MT-PRIORITY\r\n") && said.contains("250-DELIVERBY\r\n"), "{said}");
    assert!(!said.contains("FUTURERELEASE"), "RFC 4865 §4.2: {said}");
    let queued = house.queued(Consumes::Local).await;
    let of = |place: usize| &queued[place].lease.entry.handling;
    let priorities = [of(0).priority.number(), of(1).priority.number()];
    assert_eq!(priorities, [0, -4], "RFC 6710 §4.1, §5.1");
    let by = of(1).deliver_by.unwrap();
    assert!(by.at < queued[1].lease.entry.queued_at, "RFC 2852 §4");
    house.close().await;
}
