//! A visit to a host: the client's machine as it is, against a [`Peer`] with a mood, in virtual
//! time. What `smtp_client` does around the machine (clear text after a failed handshake, another
//! connection where one was full) is done here the same way.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use conversation::{Machine, Peer as PeerAddress, PeerFacts, Step, TlsFacts, Upgraded, Wire};
use mail_types::{EnhancedStatus, Problem, Scope};
use smtp_client::{Host, Outbox, Pieces, Protocol};
use smtp_core::client::{Options, Question, Session, StartTls};

use super::{
    Ground as _, Surroundings,
    ledger::Remote,
    network::Connect,
    peer::{Peer, Stage},
};

/// How long we wait for a connection, in ms.
const CONNECT_MS: u64 = 30_000;

#[derive(Default)]
struct Ended {
    problem: Option<Problem>,
    tls_failed: bool,
    full: bool,
}

pub(super) async fn visit<O: Outbox>(
    ground: &Surroundings,
    host: &Host,
    outbox: &mut O,
) -> Result<(), Problem> {
    let name = host.name.to_string();
    ground.ledger().enter(&name, ground.clock.at());
    let mut asked = false;
    let mut ended = connection(ground, host, true, outbox, &mut asked).await;
    if ended.tls_failed {
        ended = connection(ground, host, false, outbox, &mut asked).await;
    }
    while ended.full && outbox.has_more() {
        ended = connection(ground, host, true, outbox, &mut asked).await;
    }
    let mut ledger = ground.ledger();
    ledger.leave(&name, ground.clock.at());
    let Some(problem) = ended.problem else { return Ok(()) };
    // RFC 3463 §3.5: no answer, or a bad connection.
    let lost = problem.status.subject() == 4 && matches!(problem.status.detail(), 1 | 2);
    if lost && problem.reply.is_none() && !asked {
        ledger.unreached(&name);
    }
    Err(problem)
}

/// One connection.
async fn connection<O: Outbox>(
    ground: &Surroundings,
    host: &Host,
    tls: bool,
    outbox: &mut O,
    asked: &mut bool,
) -> Ended {
    let no_answer = |text: &str| {
        let problem = Problem::new(EnhancedStatus::new(4, 4, 1), Scope::Host, text);
        let problem = Problem { host: Some(host.name.to_string()), ..problem };
        Ended { problem: Some(problem), ..Ended::default() }
    };
    let connect = ground.network().connect(&host.name, ground.clock.at());
    let mood = match connect {
        Connect::Refused => {
            ground.clock.sleep(5).await;
            return no_answer("cannot connect: refused");
        }
        Connect::Silent => {
            ground.clock.sleep(CONNECT_MS).await;
            return no_answer("cannot connect: no answer");
        }
        Connect::Answers(mood) => mood,
    };
    ground.clock.sleep(mood.delay).await;
    let for_good =
        mood.refuses.is_some_and(|(at, reply)| at == Stage::Mail && reply.starts_with('5'));
    let mut talk = Talk {
        ground,
        name: host.name.to_string(),
        peer: Some(Peer::new(mood)),
        everybody: Vec::new(),
        for_good,
    };
    talk.hold(tls, outbox, asked).await
}

struct Talk<'g> {
    ground: &'g Surroundings,
    name: String,
    /// Gone when the connection is over.
    peer: Option<Peer>,
    /// The recipients of the transaction.
    everybody: Vec<String>,
    for_good: bool,
}

impl Talk<'_> {
    async fn hold<O: Outbox>(&mut self, tls: bool, outbox: &mut O, asked: &mut bool) -> Ended {
        let mut session = Session::new(self.ground.next_number(), self.options(tls));
        session.opened(&facts());
        let (mut wire, mut gave, mut why) = (Wire::default(), false, "the conversation ended");
        let mut tls_failed = false;
        let mut content: Option<O::Content> = None;
        loop {
            match session.step(&mut wire, self.ground.instant()) {
                Step::Ask(Question::Next(mut next)) => {
                    content = None;
                    if let Some(report) = next.report.take() {
                        self.ground.ledger().answered(&self.name);
                        outbox.done(report).await;
                    }
                    self.ground.ledger().reached(&self.name);
                    *asked = true;
                    match outbox.next(&next.extensions).await {
                        Some(outgoing) => {
                            gave = true;
                            let to = outgoing.message.recipients.iter();
                            self.everybody = to.map(|one| one.address.to_string()).collect();
                            content = Some(outgoing.content);
                            next.send(&mut session, &mut wire, outgoing.message);
                        }
                        None => next.quit(&mut session, &mut wire),
                    }
                }
                Step::Ask(Question::Content(mut question)) => {
                    if let Some(mut content) = content.take() {
                        while let Ok(Some(piece)) = content.next_piece().await {
                            question.piece(&mut wire, &piece);
                        }
                        question.end(&mut session, &mut wire);
                    }
                }
                Step::Upgrade(_) => {
                    self.send(&mut wire);
                    self.ground.clock.sleep(10).await;
                    if !self.peer.as_mut().is_some_and(Peer::secures) {
                        (why, tls_failed) = ("no handshake", !gave);
                        break;
                    }
                    session.upgraded(Upgraded::Tls(TlsFacts::default()));
                }
                Step::Wait(wait) => {
                    self.send(&mut wire);
                    let until = wait.until.map_or(u64::MAX, |at| self.ground.clock.millis_of(at));
                    if !self.listen(&mut wire, until).await {
                        why = "the server closed the connection";
                        break;
                    }
                }
                Step::Close => {
                    self.send(&mut wire);
                    break;
                }
            }
        }
        self.close();
        let ending = session.finish(why);
        if let Some(report) = ending.report {
            outbox.done(report).await;
        }
        let insecure = || Problem::new(EnhancedStatus::new(4, 7, 5), Scope::Host, why);
        let problem = if tls_failed { Some(insecure()) } else { ending.problem };
        Ended { problem, tls_failed, full: ending.full }
    }

    fn options(&self, tls: bool) -> Options {
        Options {
            hello: "relay.test".parse().unwrap(),
            host: self.name.clone(),
            protocol: Protocol::Smtp,
            start_tls: if tls { StartTls::IfOffered } else { StartTls::Never },
            account: None,
            timeouts: smtp_client::Timeouts::default(),
        }
    }

    fn send(&mut self, wire: &mut Wire) {
        let Some(peer) = &mut self.peer else { return };
        let (at, everybody, for_good) = (self.ground.clock.at(), &self.everybody, self.for_good);
        let ledger = &mut *self.ground.ledger();
        peer.hear(&wire.output, &mut Remote { ledger, at, everybody, for_good });
        wire.output.clear();
    }

    /// Waits for what the host says, until this time. False if it has hung up.
    async fn listen(&mut self, wire: &mut Wire, until: u64) -> bool {
        let now = self.ground.clock.at();
        match self.peer.as_ref().and_then(Peer::delay) {
            Some(delay) if now + delay <= until => {
                self.ground.clock.sleep(delay).await;
                if let Some(peer) = &mut self.peer {
                    wire.input.fill(&peer.say());
                    peer.confirmed();
                }
                true
            }
            None if self.peer.as_ref().is_none_or(Peer::is_closed) => false,
            _ => {
                self.ground.clock.sleep(until.saturating_sub(now)).await;
                true
            }
        }
    }

    fn close(&mut self) {
        if let Some(peer) = self.peer.take() {
            self.ground.ledger().excuse(&peer.end());
        }
    }
}

fn facts() -> PeerFacts {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 25);
    PeerFacts { peer: PeerAddress::Tcp { local: address, remote: address }, tls: None }
}
