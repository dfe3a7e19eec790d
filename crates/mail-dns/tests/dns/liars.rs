//! Name servers that lie, babble, cut off, or go round in circles: what they say is never taken for
//! a definite answer, and never costs more than the patience that there is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use hickory_resolver::proto::op::{Message, ResponseCode};
use mail_dns::{Believe, Resolver};

use crate::{
    HASTE, domain,
    records::{name, record},
    scripted::{Reply, Said, Scripted, question},
};

/// What is found out about `two.test`: its hosts, or the status of why there are none.
async fn found(server: &Scripted) -> String {
    let resolver = Resolver::with_servers(&[server.address], HASTE, Believe::Loopback);
    let found = resolver.hosts_for(&domain("two.test"), &[], 7).await;
    found.map_or_else(
        |problem| problem.status().to_string(),
        |hosts| hosts.iter().map(|host| host.name.to_string()).collect::<Vec<_>>().join(" "),
    )
}

/// The truth about the hosts; the question about MX is answered by `lie`.
async fn liar(lie: impl Fn(&Message) -> Said + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |query| match question(query).as_str() {
        "two.test MX" => lie(query),
        "a.test A" => Reply::to(query).with("a.test A 192.0.2.1").said(),
        asked if asked.ends_with(" A") => {
            Reply::to(query).with(&format!("{asked} 192.0.2.2")).said()
        }
        _ => {
            let mut reply = Reply::to(query);
            reply.0.add_authority(record("test SOA"));
            reply.said()
        }
    })
    .await
}

fn truth(query: &Message) -> Reply {
    Reply::to(query).with("two.test MX 10 a.test")
}

#[tokio::test]
async fn what_was_not_asked_is_no_answer() {
    type Lie = fn(&Message) -> Said;
    let lies: [(&str, Lie, &str); 11] = [
        ("the truth", |query| truth(query).said(), "a.test"),
        (
            "another number",
            |query| {
                let mut other = Reply::to(query).with("two.test MX 10 evil.test");
                other.0.metadata.id = query.metadata.id.wrapping_add(1);
                Said { udp: vec![other.packet()], tcp: None }
            },
            "4.4.3",
        ),
        (
            "another number, then the truth",
            |query| {
                let mut other = Reply::to(query).with("two.test MX 10 evil.test");
                other.0.metadata.id = query.metadata.id.wrapping_add(1);
                Said { udp: vec![other.packet(), truth(query).packet()], tcp: None }
            },
            "a.test",
        ),
        (
            "garbage, then the truth",
            |query| Said {
                udp: vec![vec![0xff], b"what?".to_vec(), truth(query).packet()],
                tcp: None,
            },
            "a.test",
        ),
        (
            "garbage with the right number",
            |query| {
                let mut garbage = truth(query).packet();
                garbage.truncate(20);
                Said { udp: vec![garbage], tcp: None }
            },
            "4.4.3",
        ),
        (
            "another question",
            |query| {
                let mut other = Reply::to(query).with("two.test MX 10 evil.test");
                other.0.queries[0].name = name("other.test");
                other.said()
            },
            "4.4.3",
        ),
        (
            "answers for another name",
            |query| Reply::to(query).with("other.test MX 10 evil.test").said(),
            "4.4.3",
        ),
        (
            "answers for another name beside the truth",
            |query| truth(query).with("other.test MX 5 evil.test").said(),
            "a.test",
        ),
        (
            "a circle",
            |query| {
                Reply::to(query).with("two.test CNAME b.test").with("b.test CNAME two.test").said()
            },
            "4.4.3",
        ),
        (
            "go and ask others",
            |query| {
                let mut reply = Reply::to(query);
                reply.0.add_authority(record("test NS ns.other.test"));
                reply.said()
            },
            "4.4.3",
        ),
        (
            "an alias of nothing",
            |query| {
                let mut reply = Reply::to(query).with("two.test CNAME gone.test");
                reply.0.metadata.response_code = ResponseCode::NXDomain;
                reply.said()
            },
            "5.1.2",
        ),
    ];
    for (what, lie, expected) in lies {
        assert_eq!(found(&liar(lie).await).await, expected, "{what}");
    }
}

#[tokio::test]
async fn whoever_fails_at_ipv6_alone_still_gets_mail() {
    for (code, about, expected) in [
        (ResponseCode::NXDomain, " AAAA", "a.test"),
        (ResponseCode::ServFail, " AAAA", "a.test"),
        (ResponseCode::ServFail, "", "4.4.3"),
        (ResponseCode::NXDomain, "", "5.4.4"),
    ] {
        let server = Scripted::start(move |query| {
            let asked = question(query);
            if asked == "two.test MX" {
                return truth(query).said();
            }
            if asked.ends_with(about) {
                let mut reply = Reply::to(query);
                reply.0.metadata.response_code = code;
                return reply.said();
            }
            Reply::to(query).with("a.test A 192.0.2.1").said()
        })
        .await;
        assert_eq!(found(&server).await, expected, "{code} for{about}");
    }
}

#[tokio::test]
async fn what_is_cut_is_asked_for_by_tcp() {
    let cut = |query: &Message| {
        let mut reply = Reply::to(query);
        reply.0.metadata.truncation = true;
        reply.packet()
    };
    let whole = liar(move |query| Said { udp: vec![cut(query)], tcp: Some(truth(query).packet()) });
    assert_eq!(found(&whole.await).await, "a.test");
    let never = liar(move |query| Said { udp: vec![cut(query)], tcp: None });
    assert_eq!(found(&never.await).await, "4.4.3", "cut, and silent by TCP");
}

#[tokio::test]
async fn a_huge_set_is_cut_short() {
    let huge = liar(|query| {
        let mut reply = Reply::to(query);
        for number in 0..800 {
            reply = reply.with(&format!("two.test MX {number} h{number}.test"));
        }
        let mut cut = Reply::to(query);
        cut.0.metadata.truncation = true;
        Said { udp: vec![cut.packet()], tcp: Some(reply.packet()) }
    })
    .await;
    assert_eq!(found(&huge).await.split(' ').count(), 16);
    // One question, two a host.
    assert!(huge.asked() <= 33, "{} questions", huge.asked());
}

#[tokio::test]
async fn aliases_over_many_replies_come_to_an_end() {
    // Each reply leads on to a name that was never heard of.
    let endless = Scripted::start(|query| {
        let asked = query.queries[0].name().to_ascii();
        let line = format!("{} CNAME x{}", asked, asked.trim_start_matches('.'));
        Reply::to(query).with(&line).said()
    })
    .await;
    assert_eq!(found(&endless).await, "4.4.3");
    assert!(endless.asked() <= 12, "{} questions", endless.asked());
}

#[tokio::test]
async fn silence_costs_the_patience_and_no_more() {
    let silent = Scripted::start(|_| Said::default()).await;
    let begun = Instant::now();
    assert_eq!(found(&silent).await, "4.4.3");
    assert!(begun.elapsed() < HASTE.timeout * 4, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn answers_are_kept_as_long_as_they_hold_and_failures_never() {
    let ill = Arc::new(AtomicBool::new(true));
    let is_ill = ill.clone();
    let server = liar(move |query| {
        let mut reply = truth(query);
        if is_ill.load(Ordering::Relaxed) {
            reply = Reply::to(query);
            reply.0.metadata.response_code = ResponseCode::ServFail;
        }
        reply.said()
    })
    .await;
    let resolver = Resolver::with_servers(&[server.address], HASTE, Believe::Loopback);
    let ask = async || resolver.hosts_for(&domain("two.test"), &[], 7).await.is_ok();
    assert!(!ask().await);
    ill.store(false, Ordering::Relaxed);
    assert!(ask().await, "the failure was not kept");
    let asked = server.asked();
    ill.store(true, Ordering::Relaxed);
    assert!(ask().await, "the answer was kept");
    assert_eq!(server.asked(), asked, "denials are kept as well: a.test has no AAAA");

    let fleeting = liar(|query| Reply::to(query).with_ttl(0, "two.test MX 10 a.test").said()).await;
    let resolver = Resolver::with_servers(&[fleeting.address], HASTE, Believe::Loopback);
    for _ in 0..2 {
        resolver.hosts_for(&domain("two.test"), &[], 7).await.unwrap();
    }
    assert_eq!(fleeting.asked(), 4, "MX twice, A and AAAA once");
}
