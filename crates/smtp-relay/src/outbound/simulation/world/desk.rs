//! The desk that settles and leases, as the agent's does, on the rules of the queue in memory.

use mail_types::{
    BodyKind, Handling, Lane, Notify, Outcome, Priority, RecipientNumber, ReversePath, Timestamp,
};
use message_queue::{
    Content, Lease, LeaseEntry, LeaseRecipient, Origin,
    conclude::{Judged, judge_all},
    report::{To, What},
};
use testkit::memory_queue::{self as memory, Holder};

use super::{
    super::{
        super::{
            courier,
            desk::{QUEUE_ILL, WAIT_MIN, postpone},
            schedule::{Errand, Start},
            work::Work,
        },
        Done, Fault, Ground as _, HEAL_MS, delivered,
        ledger::End,
        network::Dns,
        recipient,
    },
    Envelope, LOOK_AGAIN, PROMPT_MS, World, entry,
};

/// A settlement that is to be written, and what it means to those concerned.
pub(super) struct Settling {
    settlement: memory::Settlement,
    ends: Vec<(String, bool)>,
    failures_told: Vec<String>,
    delays_told: Vec<String>,
    notifications: Vec<Envelope>,
}

impl World {
    /// Makes settlements of what has come to its end. Whether anything has.
    pub(super) fn take(&mut self) -> bool {
        let finished = self.ground.take_finished();
        let any = !finished.is_empty();
        for done in finished {
            let Done { lease, ends, now } = done;
            let key = (lease.entry.id, lease.lane.clone());
            let Some(of_queue) = self.leases.remove(&key) else {
                self.wrong.push(format!("the lease of {key:?} comes back, and nobody has it"));
                continue;
            };
            let settling = self.judged(&lease, of_queue, ends, now);
            self.settling.push(settling);
        }
        any
    }

    fn judged(
        &mut self,
        lease: &Lease,
        of_queue: memory::Lease,
        ends: Vec<message_queue::conclude::Ended>,
        now: Timestamp,
    ) -> Settling {
        let Judged { verdicts, due, .. } = judge_all(lease, ends, &self.policy, now);
        let of = |number: RecipientNumber| {
            lease.recipients.iter().find(|recipient| recipient.number == number).unwrap()
        };
        let delayed: Vec<RecipientNumber> = due.iter().flat_map(|due| due.delayed()).collect();
        let mut settling = Settling {
            settlement: memory::Settlement {
                lease: of_queue,
                ends: Vec::new(),
                notifications: Vec::new(),
            },
            ends: Vec::new(),
            failures_told: Vec::new(),
            delays_told: delayed.iter().map(|one| of(*one).address.to_string()).collect(),
            notifications: Vec::new(),
        };
        for (number, verdict) in &verdicts {
            let recipient = of(*number);
            let address = recipient.address.to_string();
            self.say(|| format!("{address}: {:?} {:?}", verdict.outcome, verdict.next_at));
            match &verdict.outcome {
                Outcome::Delivered { .. } => settling.ends.push((address.clone(), true)),
                Outcome::Failed(_) => settling.ends.push((address.clone(), false)),
                Outcome::Deferred(_) => {}
            }
            let to = recipient.reverse_path.address().cloned().map(To::Sender);
            let told = due.iter().any(|due| Some(&due.to) == to.as_ref());
            if verdict.what == Some(What::Failed) && recipient.notify.failure && told {
                settling.failures_told.push(address);
            }
            settling.settlement.ends.push(memory::End {
                number: *number,
                outcome: Some(verdict.outcome.clone()),
                next_at: verdict.next_at,
                delay_told: delayed.contains(number),
            });
        }
        for due in due {
            let id = self.id(now);
            let domain = match &due.to {
                To::Sender(address) => address.domain().as_str(),
                To::Postmaster => "here.test",
            };
            let address = format!("dsn{}@{domain}", self.serial).parse().unwrap();
            let envelope = Envelope {
                queued_at: now,
                reverse_path: ReversePath::Null,
                priority: 0,
                recipients: vec![(address, Notify::DEFAULT)],
            };
            settling.settlement.notifications.push(entry(id, &envelope));
            settling.notifications.push(envelope);
        }
        settling
    }

    /// Settles what is done, and leases what there is room for.
    pub(super) fn turn(&mut self) {
        let (at, now) = (self.ground.clock.at(), self.ground.now());
        if at < self.ill_until {
            self.desk_at = at + u64::try_from(QUEUE_ILL.as_millis()).unwrap();
            return;
        }
        if self.dying == Some(false) {
            return self.crash();
        }
        let room = self.ground.schedule().request(now);
        let mut settling = std::mem::take(&mut self.settling);
        // When no crash comes any more, which would mend it.
        let forgets = self.fault == Some(Fault::LostSettlement) && at > HEAL_MS;
        if forgets && settling.pop().is_some() {
            self.fault = None;
        }
        let settlements: Vec<memory::Settlement> =
            settling.iter().map(|one| one.settlement.clone()).collect();
        let settled = self.store.settle(&settlements, now);
        if settled.superseded > 0 {
            self.wrong.push(format!("{} recipients are somebody else's", settled.superseded));
        }
        settling.into_iter().for_each(|one| self.settled(one, at));
        self.deliver_locally(at, now);
        let Some(room) = room else {
            self.desk_at = at + LOOK_AGAIN;
            return;
        };
        let request = memory::Request {
            local: false,
            leases_max: room.leases,
            again_max: room.again,
            per_lane_max: room.per_lane,
            except: room.except,
        };
        let leased = self.store.lease(self.holder, &request, now);
        if self.dying == Some(true) {
            return self.crash();
        }
        for lease in leased.leases {
            self.leased(lease, now);
        }
        for lane in leased.paused {
            for (lease, ends) in
                self.ground.schedule().withdraw(&lane).into_iter().flat_map(Work::into_ends)
            {
                self.ground.push_finished(Done { lease, ends, now });
            }
        }
        let due = leased.next_due.map_or(u64::MAX, |due| {
            at + u64::try_from(due.since(now).max(WAIT_MIN).as_millis()).unwrap()
        });
        let blind = !request.except.is_empty();
        self.desk_at = if blind { due.min(at + LOOK_AGAIN) } else { due };
    }

    fn leased(&mut self, lease: memory::Lease, now: Timestamp) {
        let errand = Errand::of(lease.lane.clone());
        let mut again = self.fault == Some(Fault::DoubleLease);
        loop {
            let imagined = self.imagined(&lease);
            let work = Work::of(errand.clone(), imagined);
            self.ground.schedule().leased(errand.clone(), work, now);
            if !std::mem::take(&mut again) {
                break;
            }
            self.fault = None;
        }
        self.leases.insert((lease.id, lease.lane.clone()), lease);
    }

    fn imagined(&self, lease: &memory::Lease) -> Lease {
        let envelope = &self.envelopes[&lease.id];
        let recipients = lease.recipients.iter().map(|one| {
            let (address, notify) = &envelope.recipients[one.number.0 as usize];
            let of = (&envelope.reverse_path, envelope.queued_at);
            LeaseRecipient {
                attempts: one.attempts,
                last_problem: one.problem.clone(),
                delay_told: one.delay_told,
                ..recipient(one.number, address, *notify, of)
            }
        });
        let entry = LeaseEntry {
            id: lease.id,
            queued_at: envelope.queued_at,
            reverse_path: envelope.reverse_path.clone(),
            account: None,
            body: BodyKind::SevenBit,
            smtputf8: false,
            ret: None,
            envid: None,
            handling: Handling {
                priority: Priority::new(envelope.priority).unwrap(),
                ..Handling::default()
            },
            origin: Origin::default(),
            message_id: None,
            content: Content::Bytes(b"Subject: days\r\n\r\n.\r\nthat pass\r\n".as_slice().into()),
        };
        Lease::imagined(entry, lease.lane.clone(), recipients.collect())
    }

    /// A settlement is committed.
    fn settled(&mut self, settling: Settling, at: u64) {
        let mut ledger = self.ground.ledger();
        for (address, delivered) in settling.ends {
            ledger.ended(&address, if delivered { End::Delivered(at) } else { End::Failed });
            let fate = &ledger.fates[&address];
            let since = fate.queued_at.saturating_sub(LOOK_AGAIN);
            let calm = !self.disturbed.iter().any(|when| (since..=at).contains(when));
            let waited = ledger.waited(fate, at);
            if calm && delivered && address.contains("@well") {
                self.longest = self.longest.max(waited);
                if waited > PROMPT_MS {
                    self.wrong.push(format!("{address} has waited for {} s", waited / 1000));
                }
            }
        }
        for address in settling.failures_told {
            ledger.fates.get_mut(&address).unwrap().told_failed += 1;
        }
        for address in settling.delays_told {
            ledger.fates.get_mut(&address).unwrap().told_late += 1;
        }
        for (new, envelope) in settling.settlement.notifications.iter().zip(settling.notifications)
        {
            for (address, _) in &envelope.recipients {
                ledger.accepted(&address.to_string(), false, at);
            }
            self.envelopes.insert(new.id, envelope);
        }
    }

    /// What is ours is in its mailbox at once.
    fn deliver_locally(&mut self, at: u64, now: Timestamp) {
        if self.store.count(true, memory::State::Waiting) == 0 {
            return;
        }
        let request = memory::Request {
            local: true,
            leases_max: 100,
            again_max: 100,
            per_lane_max: 100,
            except: Vec::new(),
        };
        for lease in self.store.lease(Holder(0), &request, now).leases {
            let mut ends = Vec::new();
            for recipient in &lease.recipients {
                let (address, _) =
                    &self.envelopes[&lease.id].recipients[recipient.number.0 as usize];
                let address = address.to_string();
                let mut ledger = self.ground.ledger();
                ledger.fates.get_mut(&address).unwrap().taken += 1;
                ledger.ended(&address, End::Delivered(at));
                let outcome = Some(delivered());
                let (number, next_at) = (recipient.number, None);
                ends.push(memory::End { number, outcome, next_at, delay_told: false });
            }
            let notifications = Vec::new();
            self.store.settle(&[memory::Settlement { lease, ends, notifications }], now);
        }
    }

    /// Begins whatever there is a place for.
    pub(super) fn start(&mut self) {
        loop {
            let (at, now) = (self.ground.clock.at(), self.ground.now());
            let Some(start) = self.ground.schedule().start(now) else { break };
            let ground = self.ground.clone();
            match start {
                Start::Find(errand) => {
                    let Lane::Remote(domain) = &errand.lane else { continue };
                    let (dns, _) = self.ground.network().find(domain, at);
                    let takes = if dns == Dns::Fails { 10_000 } else { 20 };
                    self.searches.push((at + takes, errand));
                }
                Start::Converse { conversation, host, plan } => {
                    self.say(|| format!("to {host}"));
                    self.spawn(courier::converse(ground, conversation, host, plan));
                }
                Start::Postpone { mail, problem } => self.spawn(postpone(ground, mail, problem)),
            }
        }
        self.ground.clock.tell();
    }
}
