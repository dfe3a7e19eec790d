//! One lease on its way: its recipients in transactions, and what each came to.

use std::collections::VecDeque;

use agent_kit::now;
use mail_types::{Late, Notify, Outcome, Problem, Scope};
use message_queue::{Lease, LeaseRecipient, conclude::Ended, report::What};
use smtp_client::{Message, Outgoing, Recipient, Report};

use super::{
    carry::{Hop, Misfit, fit},
    content::Source,
};

/// Recipients of one transaction: what RFC 5321 §4.5.3.1.8 has every server take.
const RECIPIENTS_MAX: usize = 100;

/// A lease that is being worked on.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) lease: Lease,
    /// Places of recipients that share a transaction and were not tried yet.
    pending: VecDeque<Vec<usize>>,
    /// Those of the transaction that is going on.
    sending: Vec<usize>,
    /// Whether the host of that transaction keeps delivery times (RFC 2852).
    keeps_times: bool,
    /// Those that this host can't carry; another may.
    parked: VecDeque<Vec<usize>>,
    /// Why the last host could not.
    misfit: Option<Problem>,
    /// What came of the others.
    pub(super) ends: Vec<Ended>,
}

impl Work {
    /// Recipients share a transaction when the envelope and the first header lines are the same
    /// for them.
    pub(super) fn of(lease: Lease) -> Self {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (place, recipient) in lease.recipients.iter().enumerate() {
            let fits = |group: &&mut Vec<usize>| {
                let first = group.first().and_then(|first| lease.recipients.get(*first));
                group.len() < RECIPIENTS_MAX
                    && first.is_some_and(|first| {
                        first.reverse_path == recipient.reverse_path && first.head == recipient.head
                    })
            };
            match groups.iter_mut().find(fits) {
                Some(group) => group.push(place),
                None => groups.push(vec![place]),
            }
        }
        Self {
            lease,
            pending: groups.into(),
            sending: Vec::new(),
            keeps_times: false,
            parked: VecDeque::new(),
            misfit: None,
            ends: Vec::new(),
        }
    }

    /// The next transaction; nothing once all recipients have been tried with this host.
    pub(super) async fn next(&mut self, hop: Hop<'_>) -> Option<Outgoing<Source>> {
        // RFC 9422 §4.2
        let most = hop.offered.limits.recipients.map_or(RECIPIENTS_MAX, |most| most as usize);
        while let Some(mut group) = self.pending.pop_front() {
            if group.len() > most {
                self.pending.push_front(group.split_off(most));
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

    /// Takes the report of the transaction. Recipients whose host failed are for the next host;
    /// those who were too many are for another transaction, as long as each takes some of them
    /// (RFC 5321 §4.5.3.1.10).
    pub(super) fn done(&mut self, report: Report) {
        let (mut elsewhere, mut later) = (Vec::new(), Vec::new());
        let sending = std::mem::take(&mut self.sending);
        let got_somewhere = report.outcomes.iter().any(|(_, outcome)| {
            !Report::is_too_many(outcome) && !matches!(outcome, Outcome::Deferred(_))
        });
        let tls = report.tls.map(|tls| {
            let certificate = if tls.verified { "verified" } else { "not verified" };
            format!("{} {}, certificate {certificate}", tls.version, tls.cipher)
        });
        for (place, (number, outcome)) in sending.into_iter().zip(report.outcomes) {
            if got_somewhere && Report::is_too_many(&outcome) {
                later.push(place);
                continue;
            }
            match with_tls(outcome, tls.as_deref()) {
                Outcome::Deferred(problem) if problem.scope == Scope::Host => elsewhere.push(place),
                outcome => {
                    let told = self.must_tell_of_hop(place);
                    // RFC 3461 §5.2.2: who passes it to a host without DSN says "relayed" himself.
                    let on_success = (told || !report.dsn_passed_on).then_some(What::Relayed);
                    self.ends.push(Ended { number, outcome, on_success });
                }
            }
        }
        for group in [elsewhere, later] {
            if !group.is_empty() {
                self.pending.push_front(group);
            }
        }
    }

    /// Whether the sender must be told that it was passed on, because of its delivery time: each hop
    /// where he wants a trace (RFC 2852 §4.1.4), and the hop to a host that will not tell him when
    /// it is late (§4.1.4.2). He is unless he wants to be told nothing.
    fn must_tell_of_hop(&mut self, place: usize) -> bool {
        let Some(by) = &self.lease.entry.handling.deliver_by else { return false };
        let Some(recipient) = self.lease.recipients.get_mut(place) else { return false };
        let must = by.trace || (by.late == Late::Notify && !self.keeps_times);
        if must && recipient.notify != Notify::NEVER {
            recipient.notify.success = true;
        }
        must
    }

    /// Whether all its recipients were held for this very reason when they were last decided
    /// about: to be here, they must have been released since.
    pub(super) fn was_held_for(&self, reason: &str) -> bool {
        let recipients = &self.lease.recipients;
        recipients.iter().all(|recipient| recipient.last_problem.as_deref() == Some(reason))
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

    fn end(&mut self, group: &[usize], outcome: &Outcome) {
        for recipient in group.iter().filter_map(|place| self.lease.recipients.get(*place)) {
            let (number, outcome) = (recipient.number, outcome.clone());
            self.ends.push(Ended { number, outcome, on_success: Some(What::Relayed) });
        }
    }

    async fn outgoing(&self, group: &[usize], hop: Hop<'_>) -> Result<Outgoing<Source>, Misfit> {
        let entry = &self.lease.entry;
        let all: Vec<&LeaseRecipient> =
            group.iter().filter_map(|place| self.lease.recipients.get(*place)).collect();
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
            reverse_path,
        };
        Ok(Outgoing { message, content: fitted.source })
    }
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
