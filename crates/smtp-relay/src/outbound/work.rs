//! One entry on its way: the recipients of its leases in transactions, and what each came to.

use std::collections::{BTreeSet, VecDeque};

use agent_kit::now;
use mail_types::{Domain, EnhancedStatus, Lane, Late, Notify, Outcome, Problem, QueueId, Scope};
use message_queue::{Lease, LeaseEntry, LeaseRecipient, conclude::Ended, report::What};
use smtp_client::{Message, Outgoing, Recipient, Report};

use super::{
    carry::{Hop, Misfit, fit},
    content::Source,
    schedule::Errand,
};

/// Recipients of one transaction: what RFC 5321 §4.5.3.1.8 has every server take.
const RECIPIENTS_MAX: usize = 100;

/// The domains of a session's recipients so far.
#[derive(Debug, Default)]
pub(super) struct SessionDomains(BTreeSet<Domain>);

impl SessionDomains {
    /// Whether a session that may have so many has room for this one (RFC 9422 §4.3).
    fn admits(&mut self, domain: &Domain, limit: u32) -> bool {
        if self.0.contains(domain) {
            return true;
        }
        let room = self.0.len() < limit as usize;
        if room {
            self.0.insert(domain.clone());
        }
        room
    }
}

/// Where a recipient stands: which lease, and which of its recipients.
#[derive(Debug, Clone, Copy)]
struct Seat {
    lease: usize,
    recipient: usize,
}

/// Leases of one entry that are worked on together.
#[derive(Debug)]
pub(super) struct Work {
    /// What it was leased for.
    pub(super) errand: Errand,
    /// Each with what came of its recipients; at least one.
    parts: Vec<(Lease, Vec<Ended>)>,
    /// Recipients that share a transaction and were not tried yet.
    pending: VecDeque<Vec<Seat>>,
    /// Those of the transaction that is going on.
    sending: Vec<Seat>,
    /// Whether the host of that transaction keeps delivery times (RFC 2852).
    keeps_times: bool,
    /// Those that this host can't carry; another may.
    parked: VecDeque<Vec<Seat>>,
    /// Why the last host could not.
    misfit: Option<Problem>,
    /// Something was tried.
    touched: bool,
    /// It had its second connection.
    came_back: bool,
}

impl Work {
    pub(super) fn of(errand: Errand, lease: Lease) -> Self {
        let mut work = Self {
            errand,
            parts: Vec::new(),
            pending: VecDeque::new(),
            sending: Vec::new(),
            keeps_times: false,
            parked: VecDeque::new(),
            misfit: None,
            touched: false,
            came_back: false,
        };
        work.add(lease, Vec::new());
        work
    }

    /// Whose mail it is.
    pub(super) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.parts.iter().map(|(lease, _)| &lease.lane)
    }

    /// Takes up another lease of the same entry, of which nothing was tried either.
    pub(super) fn join(&mut self, other: Self) {
        other.parts.into_iter().for_each(|(lease, ends)| self.add(lease, ends));
    }

    /// Recipients share a transaction when the envelope and the first header lines are the same
    /// for them.
    fn add(&mut self, lease: Lease, ends: Vec<Ended>) {
        let (at, count) = (self.parts.len(), lease.recipients.len());
        self.parts.push((lease, ends));
        for recipient in 0..count {
            let seat = Seat { lease: at, recipient };
            let Some(own) = self.at(seat) else { continue };
            let fits = |group: &Vec<Seat>| {
                let first = group.first().and_then(|first| self.at(*first));
                group.len() < RECIPIENTS_MAX
                    && first.is_some_and(|first| {
                        first.reverse_path == own.reverse_path && first.head == own.head
                    })
            };
            match self.pending.iter().position(fits).and_then(|at| self.pending.get_mut(at)) {
                Some(group) => group.push(seat),
                None => self.pending.push_back(vec![seat]),
            }
        }
    }

    /// The entry.
    pub(super) fn id(&self) -> QueueId {
        self.entry().map_or(QueueId::from_bytes([0; 10]), |entry| entry.id)
    }

    /// Its leases with what came of them.
    pub(super) fn into_ends(self) -> impl Iterator<Item = (Lease, Vec<Ended>)> {
        self.parts.into_iter()
    }

    /// Whether nothing was tried yet.
    pub(super) fn is_untouched(&self) -> bool {
        !self.touched
    }

    /// Whether it may be tried once more at once.
    pub(super) fn come_back(&mut self) -> bool {
        !std::mem::replace(&mut self.came_back, true)
    }

    fn entry(&self) -> Option<&LeaseEntry> {
        self.parts.first().map(|(lease, _)| &lease.entry)
    }

    fn at(&self, seat: Seat) -> Option<&LeaseRecipient> {
        self.parts.get(seat.lease)?.0.recipients.get(seat.recipient)
    }

    /// The next transaction; nothing once all recipients have been tried with this host, or the
    /// rest of them needs another session ([`Work::needs_session`]).
    pub(super) async fn next(
        &mut self,
        hop: Hop<'_>,
        domains: &mut SessionDomains,
    ) -> Option<Outgoing<Source>> {
        let limits = &hop.offered.limits;
        // RFC 9422 §4.2, and what every server has to take.
        let most = limits.recipients.map_or(RECIPIENTS_MAX, |most| most as usize);
        self.touched = true;
        while let Some(mut group) = self.pending.pop_front() {
            if group.len() > most {
                self.pending.push_front(group.split_off(most));
            }
            if let Some(limit) = limits.domains {
                let admitted = |seat: &Seat| {
                    let to = self.at(*seat).map(|recipient| recipient.address.domain());
                    to.is_none_or(|domain| domains.admits(domain, limit))
                };
                let (admitted, others) = group.into_iter().partition(admitted);
                let others: Vec<Seat> = others;
                group = admitted;
                if !others.is_empty() {
                    self.pending.push_front(others);
                }
                if group.is_empty() {
                    return None;
                }
            }
            match self.outgoing(&group, hop).await {
                Ok(outgoing) => {
                    self.sending = group;
                    self.keeps_times = hop.offered.deliver_by.is_some();
                    return Some(outgoing);
                }
                Err(Misfit::Message(outcome)) => self.end(&group, &outcome),
                Err(Misfit::Host(problem)) => {
                    self.parked.push_back(group);
                    self.misfit = Some(problem);
                }
            }
        }
        None
    }

    /// Whether recipients are left whom this session could not take, but another can.
    pub(super) fn needs_session(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Takes the report of the transaction. Recipients whose host failed are for the next host;
    /// those who were too many are for another transaction, as long as each takes some of them
    /// (RFC 5321 §4.5.3.1.10).
    pub(super) fn done(&mut self, report: Report) {
        let ours =
            report.outcomes.iter().map(|(_, outcome)| outcome).find(|one| Report::is_ours(one));
        let ours = ours.cloned();
        let (mut elsewhere, mut later) = (Vec::new(), Vec::new());
        let sending = std::mem::take(&mut self.sending);
        let got_somewhere = report.outcomes.iter().any(|(_, outcome)| {
            !Report::is_too_many(outcome) && !matches!(outcome, Outcome::Deferred(_))
        });
        let tls = report.tls.map(|tls| {
            let certificate = if tls.verified { "verified" } else { "not verified" };
            format!("{} {}, certificate {certificate}", tls.version, tls.cipher)
        });
        for (seat, (number, outcome)) in sending.into_iter().zip(report.outcomes) {
            if got_somewhere && Report::is_too_many(&outcome) {
                later.push(seat);
                continue;
            }
            match with_tls(outcome, tls.as_deref()) {
                Outcome::Deferred(problem) if problem.scope == Scope::Host => elsewhere.push(seat),
                outcome => {
                    let told = self.must_tell_of_hop(seat);
                    // RFC 3461 §5.2.2: who passes it to a host without DSN says "relayed" himself.
                    let on_success = (told || !report.dsn_passed_on).then_some(What::Relayed);
                    self.ended(seat, Ended { number, outcome, on_success });
                }
            }
        }
        for group in [elsewhere, later] {
            if !group.is_empty() {
                self.pending.push_front(group);
            }
        }
        if let Some(outcome) = ours {
            // What can't be read for some can't be read for the others.
            self.end_rest(&outcome);
        }
    }

    /// Whether the sender must be told that it was passed on, because of its delivery time: each hop
    /// where he wants a trace (RFC 2852 §4.1.4), and the hop to a host that will not tell him when
    /// it is late (§4.1.4.2). He is unless he wants to be told nothing.
    fn must_tell_of_hop(&mut self, seat: Seat) -> bool {
        let keeps_times = self.keeps_times;
        let Some((lease, _)) = self.parts.get_mut(seat.lease) else { return false };
        let Some(by) = &lease.entry.handling.deliver_by else { return false };
        let Some(recipient) = lease.recipients.get_mut(seat.recipient) else { return false };
        let must = by.trace || (by.late == Late::Notify && !keeps_times && by.at > now());
        if must && recipient.notify != Notify::NEVER {
            recipient.notify.success = true;
        }
        must
    }

    /// Whether all its recipients were held for this very reason when they were last decided
    /// about: to be here, they must have been released since.
    pub(super) fn was_held_for(&self, reason: &str) -> bool {
        let mut all = self.parts.iter().flat_map(|(lease, _)| &lease.recipients);
        all.all(|recipient| recipient.last_problem.as_deref() == Some(reason))
    }

    /// Whether somebody was not decided about yet.
    pub(super) fn is_open(&self) -> bool {
        !self.pending.is_empty() || self.is_parked()
    }

    /// Whether a host could not carry it to somebody.
    pub(super) fn is_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// There is another host to be asked.
    pub(super) fn unpark(&mut self) {
        self.pending.append(&mut self.parked);
    }

    /// Gives everybody who is left this outcome.
    pub(super) fn end_rest(&mut self, outcome: &Outcome) {
        self.unpark();
        for group in std::mem::take(&mut self.pending) {
            self.end(&group, outcome);
        }
    }

    /// No further host is there to carry what none has carried so far. What one of them offers is
    /// not known if it could not be asked, so that it must be asked again.
    pub(super) fn end_uncarried(&mut self, all_asked: bool) {
        let Some(problem) = self.misfit.take() else { return };
        self.end_rest(&match all_asked {
            true => Outcome::Failed(problem),
            false => Outcome::Deferred(Problem { status: problem.status.with_class(4), ..problem }),
        });
    }

    fn end(&mut self, group: &[Seat], outcome: &Outcome) {
        for seat in group {
            let Some(number) = self.at(*seat).map(|recipient| recipient.number) else { continue };
            let (outcome, on_success) = (outcome.clone(), Some(What::Relayed));
            self.ended(*seat, Ended { number, outcome, on_success });
        }
    }

    fn ended(&mut self, seat: Seat, ended: Ended) {
        if let Some((_, ends)) = self.parts.get_mut(seat.lease) {
            ends.push(ended);
        }
    }

    async fn outgoing(&self, group: &[Seat], hop: Hop<'_>) -> Result<Outgoing<Source>, Misfit> {
        let Some(entry) = self.entry() else { return Err(nobody()) };
        let all: Vec<&LeaseRecipient> = group.iter().filter_map(|seat| self.at(*seat)).collect();
        let first = all.first();
        let head = first.map(|recipient| recipient.head.clone()).unwrap_or_default();
        let reverse_path =
            first.map_or(&entry.reverse_path, |recipient| &recipient.reverse_path).clone();
        let addresses: Vec<_> = all.iter().map(|recipient| &recipient.address).collect();
        let now = now();
        let fitted = fit(entry, &reverse_path, &addresses, head, hop, now).await?;
        // RFC 2852 §4.1.4.2: where delivery times are not known, delays are told at least.
        let by = entry.handling.deliver_by.filter(|by| by.late == Late::Notify);
        let add_delay = by.is_some() && hop.offered.deliver_by.is_none();
        let recipients = all.iter().map(|recipient| Recipient {
            number: recipient.number,
            address: recipient.address.clone(),
            notify: match recipient.notify {
                notify if add_delay && notify != Notify::NEVER => Notify { delay: true, ..notify },
                notify => notify,
            },
            original: recipient.original.clone(),
        });
        let message = Message {
            recipients: recipients.collect(),
            size: fitted.source.size(),
            body: fitted.body,
            smtputf8: fitted.smtputf8,
            ret: entry.ret,
            envid: entry.envid.clone(),
            handling: entry.handling.clone(),
            now,
            inquiry: false,
            reverse_path,
        };
        Ok(Outgoing { message, content: fitted.source })
    }
}

/// A group that has no lease: a mistake of ours, which settles nothing.
fn nobody() -> Misfit {
    let status = EnhancedStatus::new(4, 3, 0);
    let problem = Problem::new(status, Scope::Message, "the message is not at hand");
    Misfit::Message(Outcome::Deferred(problem))
}

/// The journey says how a message was protected on its way.
fn with_tls(outcome: Outcome, tls: Option<&str>) -> Outcome {
    match (outcome, tls) {
        (Outcome::Delivered { by, reply }, Some(tls)) => {
            Outcome::Delivered { by: format!("{by} ({tls})"), reply }
        }
        (outcome, _) => outcome,
    }
}
