//! The driver against a toy protocol: lines that are echoed, and a few words that do more.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant as StdInstant},
};

use conversation::{OpenQuestion, Peer, PeerFacts, Ticket, Wire};
use miniz_oxide::{
    DataFormat, MZFlush,
    inflate::stream::{InflateState, inflate},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    sync::Notify,
    task::JoinHandle,
};

use super::{link::INPUT_MAX, *};

/// What the handler is asked.
enum Ask {
    /// `work N`: write N pieces of a KiB, draining.
    Work(Ticket, usize),
    /// `store`: change something durable.
    Store(Ticket),
    /// `late`: answer late on purpose.
    Late(Ticket),
}

struct Echo {
    open: OpenQuestion,
    /// What to say at the next step, and whether that is the last.
    say: Option<(&'static str, bool)>,
    patience: Option<Duration>,
    since: Option<StdInstant>,
    wants_news: bool,
    upgraded: bool,
    /// Memory that the wire held when a step began.
    held_at_step: usize,
}

impl Default for Echo {
    fn default() -> Self {
        Self {
            open: OpenQuestion::new(1),
            say: None,
            patience: None,
            since: None,
            wants_news: false,
            upgraded: false,
            held_at_step: 0,
        }
    }
}

impl Machine for Echo {
    type Question = Ask;

    fn opened(&mut self, peer: &PeerFacts) {
        assert_eq!(peer.peer, Peer::Unix { uid: 7 });
    }

    fn step(&mut self, wire: &mut Wire, now: StdInstant) -> Step<Ask> {
        self.held_at_step = wire.input.capacity() + wire.output.capacity();
        if let Some((words, last)) = self.say.take() {
            wire.output.extend_from_slice(words.as_bytes());
            if last {
                return Step::Close;
            }
        }
        let since = *self.since.get_or_insert(now);
        let until = self.patience.map(|patience| since + patience);
        if until.is_some_and(|until| now >= until) {
            wire.output.extend_from_slice(b"too slow\n");
            return Step::Close;
        }
        while let Some(end) = wire.input.bytes().iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8(wire.input.bytes()[..end].to_vec()).unwrap();
            wire.input.consume(end + 1);
            match line.split_once(' ').unwrap_or((&line, "")) {
                ("work", pieces) => {
                    return Step::Ask(Ask::Work(self.open.ask(), pieces.parse().unwrap()));
                }
                ("store", _) => return Step::Ask(Ask::Store(self.open.ask())),
                ("late", _) => return Step::Ask(Ask::Late(self.open.ask())),
                ("tls", _) => {
                    wire.output.extend_from_slice(b"go ahead\n");
                    return Step::Upgrade(Upgrade::Tls);
                }
                ("deflate", _) => {
                    wire.output.extend_from_slice(b"go ahead\n");
                    return Step::Upgrade(Upgrade::Deflate);
                }
                ("quit", _) => return Step::Close,
                _ => wire.output.extend_from_slice(format!("{line}\n").as_bytes()),
            }
        }
        Step::Wait(Wait { until, news: self.wants_news })
    }

    fn upgraded(&mut self, upgraded: Upgraded) {
        match upgraded {
            Upgraded::Tls(facts) => assert_eq!(facts.version, "TLSv1.3"),
            Upgraded::Deflate => {}
        }
        self.upgraded = true;
    }

    fn notice(&mut self, notice: Notice) {
        self.say = Some(match notice {
            Notice::Shutdown => ("good-bye\n", true),
            Notice::Changed => ("changed\n", false),
        });
    }
}

#[derive(Default)]
struct Hands {
    stored: Arc<AtomicUsize>,
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
    changed: Arc<Notify>,
    output_peak: Arc<AtomicUsize>,
}

impl Handler<Echo> for Hands {
    async fn answer(&mut self, question: Ask, talk: &mut Talk<'_, Echo>) -> Result<(), Gone> {
        match question {
            Ask::Work(ticket, pieces) => {
                for _ in 0..pieces {
                    let (_, wire) = talk.parts();
                    wire.output.extend_from_slice(&[b'x'; 1024]);
                    self.output_peak.fetch_max(wire.output.len(), Ordering::Relaxed);
                    talk.drain().await?;
                }
                assert!(talk.parts().0.open.answered(ticket));
            }
            Ask::Store(ticket) => {
                self.begun.notify_one();
                self.go_on.notified().await;
                self.stored.fetch_add(1, Ordering::Relaxed);
                let (session, wire) = talk.parts();
                assert!(session.open.answered(ticket));
                wire.output.extend_from_slice(b"stored\n");
            }
            Ask::Late(ticket) => {
                talk.parts().1.output.extend_from_slice(b"wait\n");
                talk.pause(Duration::from_secs(3600)).await?;
                let (session, wire) = talk.parts();
                assert!(session.open.answered(ticket));
                wire.output.extend_from_slice(b"late\n");
            }
        }
        Ok(())
    }

    async fn news(&mut self) {
        self.changed.notified().await;
    }
}

const PEER: Peer = Peer::Unix { uid: 7 };

/// Drives the machine over memory; the client's end, and the task that returns the machine.
fn start(
    mut machine: Echo,
    mut hands: Hands,
    options: DriveOptions,
) -> (DuplexStream, JoinHandle<(End, Echo)>) {
    let (client, server) = duplex(64 * 1024);
    let task = tokio::spawn(async move {
        let end = drive(&mut machine, &mut hands, Connection::over(server, PEER), options).await;
        (end, machine)
    });
    (client, task)
}

fn options() -> DriveOptions {
    DriveOptions::new(Stop::source().stop())
}

async fn expect(client: &mut (impl AsyncRead + Unpin), expected: &str) {
    let mut read = vec![0; expected.len()];
    client.read_exact(&mut read).await.unwrap();
    assert_eq!(String::from_utf8(read).unwrap(), expected);
}

/// Counts the writes that reach it.
struct Counting(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_pipelined_batch_is_one_write_even_across_questions() {
    let (mut client, server) = duplex(64 * 1024);
    let writes = Arc::new(AtomicUsize::new(0));
    let connection = Connection::over(Counting(server, writes.clone()), PEER);
    client.write_all(b"one\ntwo\nwork 2\nthree\nquit\n").await.unwrap();
    client.shutdown().await.unwrap();
    let end = drive(&mut Echo::default(), &mut Hands::default(), connection, options()).await;
    assert!(matches!(end, End::Closed));
    expect(&mut client, &format!("one\ntwo\n{}three\n", "x".repeat(2048))).await;
    assert_eq!(writes.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_came_before_the_peer_hung_up_is_answered() {
    let (mut client, task) = start(Echo::default(), Hands::default(), options());
    client.write_all(b"one\ntwo\nhalf a li").await.unwrap();
    client.shutdown().await.unwrap();
    expect(&mut client, "one\ntwo\n").await;
    assert!(matches!(task.await.unwrap().0, End::Gone(None)));
}

/// Compressed with the peer's own means, each flush complete in itself.
async fn expect_deflated(client: &mut DuplexStream, state: &mut InflateState, expected: &[u8]) {
    let (mut plain, mut space) = (Vec::new(), vec![0; 64 * 1024]);
    while plain.len() < expected.len() {
        let mut octet = [0];
        client.read_exact(&mut octet).await.unwrap();
        let step = inflate(state, &octet, &mut space, MZFlush::None);
        plain.extend_from_slice(&space[..step.bytes_written]);
    }
    assert!(plain == expected);
}

#[tokio::test]
async fn compression_begins_behind_the_answer_and_goes_both_ways() {
    let (mut client, task) = start(Echo::default(), Hands::default(), options());
    client.write_all(b"one\ndeflate\n").await.unwrap();
    expect(&mut client, "one\ngo ahead\n").await;
    let mut state = InflateState::new(DataFormat::Raw);
    let mut peer = deflate::Deflate::new();
    client.write_all(&peer.deflate(b"two\nwork 64\nthree\n").unwrap()).await.unwrap();
    let answer = [b"two\n".to_vec(), vec![b'x'; 64 * 1024], b"three\n".to_vec()].concat();
    expect_deflated(&mut client, &mut state, &answer).await;
    // Byte by byte, and over again after an idle time.
    for octet in peer.deflate(b"four\n").unwrap() {
        client.write_all(&[octet]).await.unwrap();
    }
    expect_deflated(&mut client, &mut state, b"four\n").await;
    client.write_all(&peer.deflate(b"quit\n").unwrap()).await.unwrap();
    let (end, machine) = task.await.unwrap();
    assert!(matches!(end, End::Closed) && machine.upgraded);
}

#[tokio::test]
async fn more_lines_than_fit_are_inflated_as_the_machine_takes_them() {
    let (mut client, task) = start(Echo::default(), Hands::default(), options());
    client.write_all(b"deflate\n").await.unwrap();
    expect(&mut client, "go ahead\n").await;
    let mut state = InflateState::new(DataFormat::Raw);
    let lines = b"a line that is said again and again\n".repeat(3 * INPUT_MAX / 30);
    let bomb = deflate::Deflate::new().deflate(&lines).unwrap();
    assert!(bomb.len() < 16 * 1024, "one read brings it all");
    client.write_all(&bomb).await.unwrap();
    expect_deflated(&mut client, &mut state, &lines).await;
    drop(client);
    assert!(matches!(task.await.unwrap().0, End::Gone(None)));
}

#[tokio::test]
async fn what_comes_before_compression_stands_or_is_none_ends_the_conversation() {
    let (mut client, task) = start(Echo::default(), Hands::default(), options());
    client.write_all(b"deflate\ninjected\n").await.unwrap();
    expect(&mut client, "go ahead\n").await;
    assert!(matches!(task.await.unwrap().0, End::Injected));

    let (mut client, task) = start(Echo::default(), Hands::default(), options());
    client.write_all(b"deflate\n").await.unwrap();
    expect(&mut client, "go ahead\n").await;
    client.write_all(b"in the clear\n").await.unwrap();
    assert!(matches!(task.await.unwrap().0, End::Gone(Some(_))));
}

#[tokio::test]
async fn the_machine_hears_when_its_time_has_come() {
    let machine = Echo { patience: Some(Duration::from_millis(20)), ..Echo::default() };
    let (mut client, task) = start(machine, Hands::default(), options());
    expect(&mut client, "too slow\n").await;
    drop(client);
    assert!(matches!(task.await.unwrap().0, End::Closed));
}

#[tokio::test]
async fn the_machine_says_good_bye_at_a_shutdown() {
    let source = Stop::source();
    let (mut client, task) =
        start(Echo::default(), Hands::default(), DriveOptions::new(source.stop()));
    client.write_all(b"one\n").await.unwrap();
    expect(&mut client, "one\n").await;
    source.ask();
    expect(&mut client, "good-bye\n").await;
    drop(client);
    assert!(matches!(task.await.unwrap().0, End::Closed));
}

/// What was said before is not late, and a stop does not wait for an hour.
#[tokio::test]
async fn an_answer_that_comes_late_on_purpose_ends_with_the_process() {
    let source = Stop::source();
    let (mut client, task) =
        start(Echo::default(), Hands::default(), DriveOptions::new(source.stop()));
    client.write_all(b"one\nlate\n").await.unwrap();
    expect(&mut client, "one\nwait\n").await;
    source.ask();
    expect(&mut client, "late\ngood-bye\n").await;
    drop(client);
    assert!(matches!(task.await.unwrap().0, End::Closed));
}

#[tokio::test]
async fn news_reaches_only_who_waits_for_it_and_an_idle_wire_holds_no_memory() {
    let hands = Hands::default();
    let changed = hands.changed.clone();
    let (mut client, task) = start(Echo::default(), hands, options());
    changed.notify_one();
    client.write_all(b"deaf\nquit\n").await.unwrap();
    expect(&mut client, "deaf\n").await;
    drop(client);
    task.await.unwrap();

    for line in ["listening\n", ""] {
        let hands = Hands::default();
        let changed = hands.changed.clone();
        let machine = Echo { wants_news: true, say: Some(("welcome\n", false)), ..Echo::default() };
        let (mut client, task) = start(machine, hands, options());
        expect(&mut client, "welcome\n").await;
        client.write_all(line.as_bytes()).await.unwrap();
        expect(&mut client, line).await;
        changed.notify_one();
        expect(&mut client, "changed\n").await;
        drop(client);
        let (_, machine) = task.await.unwrap();
        assert_eq!(machine.held_at_step, 0, "the step after the idle time began without buffers");
    }
}

#[tokio::test]
async fn output_waits_for_the_reader_in_bounded_memory() {
    let hands = Hands::default();
    let peak = hands.output_peak.clone();
    let (mut client, task) = start(Echo::default(), hands, options());
    client.write_all(b"work 4096\nquit\n").await.unwrap();
    let mut read = Vec::new();
    client.read_to_end(&mut read).await.unwrap();
    assert_eq!(read.len(), 4096 * 1024);
    drop(client);
    assert!(matches!(task.await.unwrap().0, End::Closed));
    assert!(peak.load(Ordering::Relaxed) <= HIGH_WATER + 1024);
}

#[tokio::test]
async fn an_answer_that_only_reads_ends_when_the_peer_is_gone() {
    let (mut client, task) = start(Echo::default(), Hands::default(), options());
    client.write_all(b"work 1000000000\n").await.unwrap();
    expect(&mut client, "xxxx").await;
    drop(client);
    assert!(matches!(task.await.unwrap().0, End::Gone(_)));
}

#[tokio::test]
async fn an_answer_that_stores_runs_to_its_end_although_the_peer_is_gone() {
    let hands = Hands::default();
    let (stored, begun, go_on) = (hands.stored.clone(), hands.begun.clone(), hands.go_on.clone());
    let (mut client, task) = start(Echo::default(), hands, options());
    client.write_all(b"store\n").await.unwrap();
    begun.notified().await;
    drop(client);
    go_on.notify_one();
    assert!(matches!(task.await.unwrap().0, End::Gone(_)));
    assert_eq!(stored.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_given_up() {
    let options = DriveOptions { write_stall: Duration::from_millis(20), ..options() };
    let (mut client, task) = start(Echo::default(), Hands::default(), options);
    client.write_all(b"work 1000\n").await.unwrap();
    assert!(matches!(task.await.unwrap().0, End::Stalled));
}

fn tls_pair() -> (ServerTls, ClientTls) {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["mail.example".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = ServerTls::load(&certificate, &key).unwrap();
    let client = crate::tls::ClientPolicy::opportunistic().unwrap();
    (server, client.for_host("mail.example").unwrap())
}

#[tokio::test]
async fn the_conversation_goes_on_under_tls() {
    let (server, client_tls) = tls_pair();
    let options = options().with_tls(TlsRole::Server(server));
    let (mut client, task) = start(Echo::default(), Hands::default(), options);
    client.write_all(b"tls\n").await.unwrap();
    expect(&mut client, "go ahead\n").await;
    let plain = crate::connection::Plain::Other(Box::new(client));
    let (mut client, facts) = client_tls.connect(plain).await.unwrap();
    assert!(!facts.verified && facts.server_name.as_deref() == Some("mail.example"));
    client.write_all(b"work 100\nquit\n").await.unwrap();
    expect(&mut client, &"x".repeat(100 * 1024)).await;
    drop(client);
    let (end, machine) = task.await.unwrap();
    assert!(matches!(end, End::Closed) && machine.upgraded);
}

#[tokio::test]
async fn bytes_sent_before_the_handshake_close_the_session() {
    let (server, _) = tls_pair();
    let options = options().with_tls(TlsRole::Server(server));
    let (mut client, task) = start(Echo::default(), Hands::default(), options);
    client.write_all(b"tls\ninjected\n").await.unwrap();
    let mut read = String::new();
    client.read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "go ahead\n");
    let (end, machine) = task.await.unwrap();
    assert!(matches!(end, End::Injected) && !machine.upgraded);
}

#[tokio::test]
async fn what_an_idle_connection_costs() {
    let (_client, server) = duplex(1024);
    let (mut machine, mut hands) = (Echo::default(), Hands::default());
    let connection = Connection::over(server, PEER);
    let idle = drive(&mut machine, &mut hands, connection, options());
    let size = size_of_val(&idle);
    assert!(size < 1100, "{size} bytes");
}

/// A peer with Nagle's algorithm on holds the second of two small writes back until the first is
/// acknowledged, for which a kernel that hopes for a reply takes 40 ms.
#[tokio::test]
async fn what_needs_no_reply_yet_is_acknowledged_at_once() {
    const ROUNDS: u32 = 50;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let mut connection = Connection::tcp(listener.accept().await.unwrap().0).unwrap();
    connection.parts.facts = PeerFacts { peer: PEER, tls: None };
    tokio::spawn(async move {
        drive(&mut Echo::default(), &mut Hands::default(), connection, options()).await
    });
    let started = StdInstant::now();
    for _ in 0..ROUNDS {
        for part in [&b"be"[..], b"low", b"\n"] {
            client.write_all(part).await.unwrap();
        }
        expect(&mut client, "below\n").await;
    }
    let took = started.elapsed();
    assert!(took < ROUNDS * Duration::from_millis(20), "{took:?}");
}
