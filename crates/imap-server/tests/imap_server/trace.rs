//! The operator's switch: what is written down of a session, what is not, and that it can be played
//! again.

use std::time::{Duration, Instant};

use conversation::{Machine, Step, Wire};
use mail_store::traces::Traces;
use testkit::scripted_client::{ScriptedClient, replay_of};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::house::House;

/// What stands in mail and searches, and must stand in no trace.
const SECRET: &str = "Zanzibar";

impl House {
    fn traces(&self) -> Traces {
        let maildir = self.maildir();
        Traces::of(maildir.parent().unwrap(), self.mailboxes().id())
    }

    /// What was written of each connection.
    fn written(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.traces().folder()) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        let files = paths.filter(|path| path.extension().is_some_and(|end| end == "txt"));
        files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }
}

/// A session with all that must not be written down.
async fn session(house: &House) {
    let mut client = house.sign_in().await;
    let message =
        format!("From: {SECRET} <z@example.net>\r\nSubject: {SECRET}\r\n\r\n{SECRET}\r\n");
    client.append("INBOX", message.as_bytes()).await;
    client.run("SELECT INBOX").await.ok();
    client.run("FETCH 1 (FLAGS ENVELOPE BODYSTRUCTURE BODY[])").await.ok();
    client.run(format!("UID SEARCH OR SUBJECT {SECRET} FROM \"{SECRET}\"")).await.ok();
    client.run(format!("SEARCH TEXT {{8+}}\r\n{SECRET}")).await.ok();
    client.run(format!("LOGIN alice {SECRET}")).await.is("BAD");
    client.run(format!("AUTHENTICATE PLAIN {SECRET}")).await.is("BAD");
    client.run(format!("COPY 1 {}", "None")).await.is("NO [TRYCREATE]");
    let idle = client.send("IDLE").await;
    assert_eq!(client.line().await, "+ idling");
    client.write(b"DONE\r\n").await;
    client.answer(&idle).await.ok();
    client.run("UNAUTHENTICATE").await.ok();
    client.run(format!("LOGIN alice {SECRET}")).await.is("NO");
    client.run("LOGOUT").await.ok();
}

#[tokio::test]
async fn what_is_written_down_and_what_is_not() {
    let house = House::new().await;
    session(&house).await;
    assert!(house.written().is_empty(), "nobody wanted a trace");

    let until = agent_kit::now().plus(Duration::from_secs(600));
    house.client_deletes_all().await;
    house.traces().switch_on(until).unwrap();
    session(&house).await;
    let written = house.written();
    let [trace] = written.as_slice() else { panic!("{written:?}") };
    assert!(!trace.contains(SECRET) && !trace.contains("secret"), "{trace}");
    for line in [
        "C: a2 APPEND INBOX {63+}",
        "C: \\{x*63}",
        "C: a4 FETCH 1 (FLAGS ENVELOPE BODYSTRUCTURE BODY[])",
        "C: a5 UID SEARCH OR SUBJECT xxxxxxxx FROM \"xxxxxxxx\"",
        "C: a7 LOGIN xxxxx xxxxxxxx",
        "C: DONE",
        "C: a11 UNAUTHENTICATE",
    ] {
        assert!(trace.lines().any(|one| one == line), "{line} is not in\n{trace}");
    }
    assert!(trace.contains("\nS: \\{x*63}"), "{trace}");
    assert!(!trace.contains("a12"), "what follows UNAUTHENTICATE is nobody's: {trace}");

    house.traces().switch_off().unwrap();
    session(&house).await;
    assert_eq!(house.written().len(), 1);
    replay(trace).await;
}

impl House {
    /// Removes what there is, so that the next session finds what the first one found.
    async fn client_deletes_all(&self) {
        let mut client = self.open().await;
        client.run("UID STORE 1:* +FLAGS.SILENT (\\Deleted)").await.ok();
        client.run("CLOSE").await.ok();
        client.run("LOGOUT").await.ok();
    }
}

/// The trace is played to another server, which must answer alike.
async fn replay(trace: &str) {
    let house = House::new().await;
    let script = replay_of(trace, "S: * OK\nC: t LOGIN alice secret\nS: t OK\n");
    let mut client = ScriptedClient::new(&script).unwrap();
    let mut stream = TcpStream::connect(house.address()).await.unwrap();
    let mut wire = Wire::default();
    while let Step::Wait(_) = client.step(&mut wire, Instant::now()) {
        stream.write_all(&std::mem::take(&mut wire.output)).await.unwrap();
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.unwrap();
        if count == 0 {
            break;
        }
        wire.input.fill(&piece[..count]);
    }
    stream.write_all(&wire.output).await.unwrap();
    let heard = client.finish().unwrap();
    assert!(heard.contains("a9 NO [TRYCREATE]"), "{heard}");
}
