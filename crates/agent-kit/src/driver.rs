//! The driver: the one loop that holds a conversation with a peer.
//!
//! It calls [`Machine::step`] until the machine waits or closes, writes what was gathered (at a
//! wait, an upgrade, the close, and above [`HIGH_WATER`]: one write for a pipelined batch), hands
//! questions to the agent's [`Handler`], and reads. While a question is open nothing is read: the
//! socket's own buffer is the limit of what a peer can pile up. An idle connection owns no buffer.
//!
//! Invariants: bytes that came before an upgrade never reach the machine after it; what the peer
//! sent before it hung up has been stepped through before the end; an answer is never cancelled,
//! it ends itself when [`Talk::drain`] or [`Talk::checkpoint`] say that the peer is [`Gone`].

mod buffers;
mod deflate;
mod link;
mod record;
mod talk;
#[cfg(test)]
mod tests;

use std::{future::Future, io, time::Duration};

use conversation::{Machine, Notice, Step, Upgrade, Upgraded, Wait};
use tokio::time::{Instant, sleep_until};

use crate::{
    Connection, Stop,
    tls::{ClientTls, ServerTls, TlsError},
};
use link::Link;
pub use record::Record;
pub use talk::Talk;

/// Output above this is written before the conversation goes on, in bytes. Each write wakes the
/// peer: of answers that follow each other some are to share one.
const HIGH_WATER: usize = 64 * 1024;

/// What the agent contributes to a conversation.
pub trait Handler<M: Machine>: Send {
    /// Decides a question and answers it, through [`Talk::parts`] and the question itself.
    ///
    /// It is never cancelled: a question that changes durable state runs to its end even if the
    /// peer has gone meanwhile. `Err(Gone)` comes only from [`Talk::drain`] and
    /// [`Talk::checkpoint`], which such an answer does not call after its point of no return.
    fn answer(
        &mut self,
        question: M::Question,
        talk: &mut Talk<'_, M>,
    ) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Returns when there is news for the machine ([`Notice::Changed`]). Polled only while the
    /// machine waits for news, and dropped whenever something else wakes it: it must be
    /// cancellation safe, and report a change again that nobody saw.
    fn news(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// The peer is gone, or the time to stop has run out: end the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// Which side of TLS we are, when the machine asks for the upgrade.
#[derive(Clone)]
pub enum TlsRole {
    /// None: an upgrade ends the conversation.
    None,
    /// The server.
    Server(ServerTls),
    /// The client.
    Client(ClientTls),
}

/// How to drive a conversation.
#[derive(Clone)]
pub struct DriveOptions {
    /// For [`Upgrade::Tls`].
    pub tls: TlsRole,
    /// Becomes [`Notice::Shutdown`] for the machine.
    pub stop: Stop,
    /// How long a write may make no progress at all.
    pub write_stall: Duration,
    /// How long a TLS handshake may take.
    pub handshake_limit: Duration,
}

impl DriveOptions {
    /// The usual: no TLS, two minutes for a stalled write, half a minute for a handshake.
    pub fn new(stop: Stop) -> Self {
        Self {
            tls: TlsRole::None,
            stop,
            write_stall: Duration::from_secs(120),
            handshake_limit: Duration::from_secs(30),
        }
    }

    /// The same with a side of TLS.
    pub fn with_tls(self, tls: TlsRole) -> Self {
        Self { tls, ..self }
    }
}

/// How a conversation ended.
#[derive(Debug)]
pub enum End {
    /// The machine closed it.
    Closed,
    /// The peer hung up, or the connection broke with this error.
    Gone(Option<io::Error>),
    /// The TLS upgrade failed.
    Tls(TlsError),
    /// The peer sent bytes between asking for an upgrade and the answer (command injection).
    Injected,
    /// The peer did not take our bytes for [`DriveOptions::write_stall`].
    Stalled,
    /// It lasted longer than a stopping process waits.
    Stopped,
    /// The machine asked for what the driver cannot do; a mistake of ours.
    Unsupported(&'static str),
}

/// Holds the conversation until it ends. The machine keeps what it has learnt.
pub fn drive<M, H>(
    machine: &mut M,
    handler: &mut H,
    connection: Connection,
    options: DriveOptions,
) -> impl Future<Output = End> + Send
where
    M: Machine + Send,
    M::Question: Send,
    H: Handler<M>,
{
    // No `async fn`: that would keep its arguments beside what is made of them.
    machine.opened(&connection.parts.facts);
    let mut link = Link::new(connection, options);
    async move {
        let end = match converse(machine, handler, &mut link).await {
            Ok(()) => End::Closed,
            Err(end) => end,
        };
        // Boxed, as all that an idle connection does not need: the farewell happens once.
        Box::pin(link.close(&end)).await;
        end
    }
}

async fn converse<M, H>(machine: &mut M, handler: &mut H, link: &mut Link) -> Result<(), End>
where
    M: Machine + Send,
    M::Question: Send,
    H: Handler<M>,
{
    let mut told_of_stop = false;
    loop {
        match machine.step(&mut link.wire, Instant::now().into_std()) {
            Step::Ask(question) => {
                let mut talk = Talk::new(machine, link);
                let answered = Box::pin(handler.answer(question, &mut talk)).await;
                let why = talk.into_end();
                if answered.is_err() {
                    return Err(why.unwrap_or(End::Gone(None)));
                }
                link.flush_above_high_water().await?;
            }
            Step::Upgrade(Upgrade::Tls) => {
                let facts = Box::pin(link.upgrade_to_tls()).await?;
                machine.upgraded(Upgraded::Tls(facts));
            }
            Step::Upgrade(Upgrade::Deflate) => {
                link.upgrade_to_deflate().await?;
                machine.upgraded(Upgraded::Deflate);
            }
            Step::Wait(wait) => {
                link.flush().await?;
                match woken(handler, link, wait, told_of_stop).await? {
                    Woken::Bytes | Woken::Time => {}
                    Woken::News => machine.notice(Notice::Changed),
                    Woken::Stop => {
                        told_of_stop = true;
                        machine.notice(Notice::Shutdown);
                    }
                }
            }
            Step::Close => return link.flush().await,
        }
    }
}

/// What ended a wait.
enum Woken {
    Bytes,
    Time,
    News,
    Stop,
}

async fn woken<M, H>(
    handler: &mut H,
    link: &mut Link,
    wait: Wait,
    told_of_stop: bool,
) -> Result<Woken, End>
where
    M: Machine,
    H: Handler<M>,
{
    let stop = link.options.stop.clone();
    let deadline = stop.deadline();
    if told_of_stop && stop.is_overdue() {
        return Err(End::Stopped);
    }
    let until = [wait.until.map(Instant::from_std), deadline].into_iter().flatten().min();
    tokio::select! {
        biased;
        () = stop.asked(), if !told_of_stop => Ok(Woken::Stop),
        read = link.read() => read.map(|()| Woken::Bytes),
        () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => Ok(Woken::Time),
        () = handler.news(), if wait.news => Ok(Woken::News),
    }
}
