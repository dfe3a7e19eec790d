//! Counting, and the reports that domains get (RFC 8460).

use std::path::Path;

use serde_json::Value;
use tokio::net::UnixListener;

use super::{House, MESSAGE, World, became};

const REPORTS: &str = "[relay.outbound.tls.reports]\ncontact = \"tls@example.org\"\n\
                       organization = \"Example Org\"\nwithin = \"0s\"\n";

/// What was counted, from the file of the only day.
fn counted(house: &House) -> Value {
    let folder = house.folder().join("data/queue/tls-results");
    let mut files = std::fs::read_dir(folder).unwrap();
    let file = files.next().unwrap().unwrap().path();
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[tokio::test]
async fn sessions_are_counted_by_domain_and_policy() {
    let world = World::new(&[]).await;
    world.publish("1", "version: STSv1\nmode: testing\nmx: *.else.test\nmax_age: 100\n");
    let house = world.house(REPORTS).await;
    assert_eq!(became(&house, "x@a.test").await, "certificate verified");
    assert_eq!(became(&house, "x@b.test").await, "certificate verified");
    let house = house.again().await;
    let counted = counted(&house);
    let [of_a, of_b] = ["a.test", "b.test"].map(|name| counted["domains"][name][0].clone());
    assert_eq!(of_a[0]["kind"], "sts");
    assert_eq!((&of_a[1]["successes"], &of_a[1]["failures"]), (&0.into(), &1.into()));
    let failure = &of_a[1]["details"][0][0];
    assert_eq!(failure["kind"], "certificate-host-mismatch");
    assert_eq!((&failure["to"], &failure["server"]), (&"127.0.0.1".into(), &"mx.a.test".into()));
    assert_eq!(of_b[0]["kind"], "no-policy-found");
    assert_eq!((&of_b[1]["successes"], &of_b[1]["failures"]), (&1.into(), &0.into()));
    house.close().await;
}

#[tokio::test]
async fn without_a_contact_nothing_is_counted() {
    let world = World::new(&[]).await;
    let house = world.house("").await;
    assert_eq!(became(&house, "x@a.test").await, "certificate verified");
    assert!(!house.folder().join("data/queue/tls-results").exists());
    house.close().await;
}

/// Lets what was counted be of the day before.
fn yesterday(house: &House) {
    let folder = house.folder().join("data/queue/tls-results");
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let day: i64 = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    std::fs::rename(&file, folder.join(format!("{}.json", day - 1))).unwrap();
}

fn gunzip(octets: &[u8]) -> Value {
    let deflated = &octets[10..octets.len() - 8];
    let json = miniz_oxide::inflate::decompress_to_vec(deflated).unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[tokio::test]
async fn a_report_is_posted_once() {
    // RFC 8460 §5.4
    let world = World::new(&[]).await;
    let port = world.policies.address.port();
    let text = format!("_smtp._tls.a.test TXT v=TLSRPTv1;rua=https://mta-sts.a.test:{port}/v1");
    world.names.set("_smtp._tls.a.test TXT", &text);
    world.publish_tlsa(3, "authority");
    let house = world.house(REPORTS).await;
    became(&house, "x@a.test").await;
    let house = house.again_after(yesterday).await;
    let (head, body) = world.policies.posted().await;
    assert!(head.starts_with("POST /v1 ") && head.contains("application/tlsrpt+gzip"), "{head}");
    let report = gunzip(&body);
    assert_eq!(report["organization-name"], "Example Org");
    assert_eq!(report["contact-info"], "tls@example.org");
    let policy = &report["policies"][0];
    assert_eq!(policy["policy"]["policy-type"], "tlsa");
    assert_eq!(policy["policy"]["policy-domain"], "mx.a.test");
    let record = policy["policy"]["policy-string"][0].as_str().unwrap();
    let digest = world.authority.digest("authority").to_uppercase();
    assert_eq!(record, format!("3 0 1 {digest}"));
    assert!(policy["summary"]["total-failure-session-count"].as_u64().unwrap() > 0);
    assert_eq!(policy["failure-details"][0]["result-type"], "validation-failure");
    // The day is over and done with.
    let house = house.again().await;
    let left = left(&house);
    assert!(left.iter().all(|file| !file.contains("a.test")), "{left:?}");
    house.close().await;
    assert_eq!(world.policies.unread(), 0);
}

/// What is still to be reported.
fn left(house: &House) -> Vec<String> {
    let folder = house.folder().join("data/queue/tls-results");
    let files = std::fs::read_dir(folder).unwrap();
    let today = agent_kit::now().secs() / 86_400;
    let past = files
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().unwrap() == "json")
        .filter(|file| file.file_stem().unwrap().to_str().unwrap() != today.to_string());
    past.map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

/// Programs of the machine submit here; gives the message that one has.
async fn submission(socket: &Path) -> tokio::task::JoinHandle<Vec<String>> {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 submission\r\n").await.unwrap();
        let (mut lines, mut content) = (Vec::new(), false);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap() == 0 {
                return lines;
            }
            let line = line.trim_end().to_owned();
            let reply = match line.as_str() {
                "." if content => {
                    content = false;
                    "250 2.0.0 queued"
                }
                _ if content => {
                    lines.push(line);
                    continue;
                }
                "DATA" => {
                    content = true;
                    "354 go"
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            lines.push(line);
            stream.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
        }
    })
}

#[tokio::test]
async fn a_report_is_mailed_through_submission() {
    // RFC 8460 §5.3
    let world = World::new(&[]).await;
    let text = "_smtp._tls.b.test TXT v=TLSRPTv1;rua=mailto:reports@b.test";
    world.names.set("_smtp._tls.b.test TXT", text);
    let house = world.house(REPORTS).await;
    assert_eq!(became(&house, "x@b.test").await, "certificate verified");
    let mut submitted = None;
    let house = house
        .again_with(async |house: &House| {
            yesterday(house);
            submitted = Some(submission(&house.folder().join("data/run/submission.sock")).await);
        })
        .await;
    let lines = tokio::time::timeout(std::time::Duration::from_secs(20), submitted.unwrap());
    let lines = lines.await.unwrap().unwrap();
    house.close().await;
    let text = lines.join("\n");
    for expected in [
        "MAIL FROM:<>",
        "RCPT TO:<reports@b.test>",
        "From: tls@example.org",
        "To: reports@b.test",
        "Subject: Report Domain: b.test\n Submitter: example.org\n Report-ID: <",
        "TLS-Report-Domain: b.test",
        "TLS-Report-Submitter: example.org",
        "TLS-Required: No",
        "Content-Type: multipart/report; report-type=\"tlsrpt\";",
        "Content-Type: application/tlsrpt+gzip",
        " filename=\"example.org!b.test!",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in:\n{text}");
    }
    let encoded: String = text
        .split_once(".json.gz\"\n\n")
        .unwrap()
        .1
        .lines()
        .take_while(|line| !line.is_empty())
        .collect();
    use base64::Engine as _;
    let gzipped = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    let report = gunzip(&gzipped);
    assert_eq!(report["policies"][0]["summary"]["total-successful-session-count"], 1);
    assert_eq!(report["policies"][0]["policy"]["policy-type"], "no-policy-found");
    let id = report["report-id"].as_str().unwrap();
    assert!(text.contains(&format!("Report-ID: <{id}>")), "{id}");
}

#[tokio::test]
async fn a_report_that_could_not_be_delivered_is_kept() {
    // RFC 8460 §5.5
    let world = World::new(&[]).await;
    let text = "_smtp._tls.b.test TXT v=TLSRPTv1;rua=https://gone.test/";
    world.names.set("_smtp._tls.b.test TXT", text);
    let house = world.house(REPORTS).await;
    let _ = house.send(&["x@b.test"], MESSAGE).await;
    assert_eq!(became(&house, "x@b.test").await, "certificate verified");
    let house = house.again_after(yesterday).await.again().await;
    assert_eq!(left(&house).len(), 1, "it is there again");
    house.close().await;
}
