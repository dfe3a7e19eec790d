//! The way into the queue, shared by all connections of an agent.

use agent_kit::metrics::{self, Count};
use conversation::Peer;
use mail_types::{BodyKind, Domain, Lane, QueueId, Reply};
use message_queue::{NewEntry, Queue, QueueError};
use smtp_core::{
    reply::Refusal,
    server::{BareLineEnds, Session},
};

use crate::{
    Decide, Fixups,
    content::{Content, Trouble},
    received::Trace,
    seven_bit::{self, Lines},
    transaction::Transaction,
};

/// What all connections of an agent share.
#[derive(Debug, Clone)]
pub struct Intake {
    /// Where messages go.
    pub queue: Queue,
    /// The agent's name, for the journey.
    pub agent: &'static str,
    /// This host's name, for the trace field.
    pub hostname: Domain,
}

impl Intake {
    /// Begins the content of a transaction, if there is room for one.
    pub(crate) async fn begin(
        &self,
        transaction: &mut Transaction,
        fixups: &Fixups,
        session: &Session,
    ) -> Result<(), Refusal> {
        if !self.queue.has_room() {
            return Err(Refusal::NoStorage);
        }
        let now = agent_kit::now();
        let id = self.queue.new_id(now);
        let only = transaction.only_recipient();
        let trace = Trace::of(session, &transaction.mail);
        let received = trace.field(&self.hostname, id, only, now, fixups.hide_client);
        let leaves = transaction.recipients.iter().any(|r| r.lane != Lane::Local);
        let binary = transaction.mail.body == BodyKind::BinaryMime;
        transaction.seven_bit = fixups.seven_bit && leaves;
        let parse = transaction.seven_bit || binary;
        let host = self.hostname.clone();
        let mut content = Content::new(self.queue.draft(), id, fixups, parse, (host, now));
        if session.options().bare_line_ends == BareLineEnds::Repaired && !binary {
            content = content.repairing();
        }
        content.begin(&received).await.map_err(refusal)?;
        transaction.content = Some(Box::new(content));
        Ok(())
    }

    /// Puts a complete transaction into the queue: the only way to a queue id that is worth a 250.
    pub(crate) async fn enqueue<D: Decide>(
        &self,
        transaction: Transaction,
        session: &Session,
        decide: &mut D,
    ) -> Result<QueueId, Refusal> {
        let mut handling = transaction.handling();
        let Transaction { mail, account, recipients, content, seven_bit, .. } = transaction;
        let content = content.ok_or(Refusal::Failure)?;
        let id = content.id();
        let finished = content.finish((&mut *decide, &recipients)).await;
        let (draft, facts) = finished.map_err(refusal)?;
        // RFC 8689 §4.1: the field counts unless MAIL says the opposite.
        handling.tls_optional = facts.tls_optional && !handling.require_tls;
        // What was declared is what the client could do; what counts is what came.
        let utf8_sender = mail.reverse_path.address().is_some_and(|a| a.needs_smtputf8());
        let utf8_recipient = recipients.iter().any(|recipient| recipient.address.needs_smtputf8());
        let smtputf8 = utf8_recipient || mail.smtputf8 && (facts.header_eight_bit || utf8_sender);
        // Who takes SMTPUTF8 takes 8 bits as well (RFC 6531 §3.1).
        let seven_bit = seven_bit && !smtputf8;
        let (draft, clean) = match &facts.structure {
            Some(structure) if mail.body == BodyKind::BinaryMime => {
                let made = seven_bit::to_lines(&self.queue, draft, structure, seven_bit).await;
                match made.map_err(|error| illness(&error))? {
                    Lines::Made(draft, clean) => (draft, clean),
                    Lines::Impossible => return Err(Refusal::NotConvertible),
                }
            }
            Some(structure) if seven_bit => {
                let converted = seven_bit::convert(&self.queue, draft, structure).await;
                converted.map_err(|error| illness(&error))?
            }
            _ => (draft.seal().await.map_err(|error| illness(&error))?, !facts.eight_bit),
        };
        let octets = draft.len();
        let from = mail.reverse_path.to_string();
        let origin = Trace::of(session, &mail).origin(self.agent);
        let mut entry = NewEntry {
            id: Some(id),
            reverse_path: mail.reverse_path,
            account,
            body: if clean { BodyKind::SevenBit } else { BodyKind::EightBitMime },
            smtputf8,
            ret: mail.ret,
            envid: mail.envid.map(String::from),
            handling,
            origin,
            message_id: facts.message_id.clone(),
            recipients,
        };
        decide.complete(&mut entry).await?;
        let (count, priority) = (entry.recipients.len(), entry.handling.priority.number());
        let queued = self.queue.enqueue_sealed(entry, draft, agent_kit::now()).await;
        let id = queued.map_err(|error| illness(&error))?;
        tracing::info!(
            queue_id = %id, from, recipients = count, octets, priority,
            message_id = facts.message_id.as_deref().unwrap_or_default(),
            peer = peer_words(session), "queued"
        );
        decide.queued(id).await;
        metrics::count(Count::Accepted, 1);
        metrics::count(Count::AcceptedBytes, octets);
        Ok(id)
    }

    /// Writes a refusal down: one line in the log, one place in the queue's ring, where `trace`
    /// finds it.
    pub(crate) fn note_refusal(
        &self,
        session: &Session,
        from: &str,
        to: Option<&str>,
        refusal: &Refusal,
    ) {
        self.note_reply(session, from, to, Reply::from(refusal));
    }

    /// The same for a refusal that is known by its reply.
    pub(crate) fn note_reply(&self, session: &Session, from: &str, to: Option<&str>, reply: Reply) {
        let peer = peer_words(session);
        metrics::count(Count::Refused, 1);
        tracing::info!(from, to = to.unwrap_or_default(), reply = %reply, peer, "refused");
        self.queue.note_refusal(message_queue::Refusal {
            at: agent_kit::now(),
            agent: self.agent.to_owned(),
            peer: Some(peer),
            sender: Some(from.to_owned()),
            recipient: to.map(str::to_owned),
            reply,
        });
    }
}

/// What a peer hears of trouble with its content; the log hears all.
pub(crate) fn refusal(trouble: Trouble) -> Refusal {
    match trouble {
        Trouble::Loop => Refusal::Loop,
        Trouble::Refused(refusal) => refusal,
        Trouble::Queue(error) => illness(&error),
    }
}

fn illness(error: &QueueError) -> Refusal {
    tracing::error!(error = error as &dyn std::error::Error, "cannot queue a message");
    if error.is_disk_full() { Refusal::NoStorage } else { Refusal::Failure }
}

fn peer_words(session: &Session) -> String {
    match session.peer() {
        Some(Peer::Tcp { remote, .. }) => remote.ip().to_string(),
        Some(Peer::Unix { uid }) => format!("uid {uid}"),
        None => String::new(),
    }
}
