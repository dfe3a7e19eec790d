//! One conversation: host after host of a way, message after message.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use mail_types::{Outcome, Problem};
use smtp_client::{Extensions, Outbox, Outgoing, Report, Sheltered};

use super::{
    carry::Hop,
    content::Source,
    ground::Ground,
    plan::Plan,
    policy::Shelter,
    schedule::{Conversation, HostId, Left, Onward},
    search,
    work::{SessionDomains, Work},
};

/// How long a connection is kept for later mail.
const REST: Duration = Duration::from_secs(3);

/// Brings mail to the hosts of a plan, until nothing waits that goes there, or all have failed.
pub(super) async fn converse<G: Ground>(
    ground: Arc<G>,
    conversation: Conversation,
    first: HostId,
    plan: Arc<Plan>,
) {
    let courier = Courier {
        ground,
        conversation,
        plan,
        work: None,
        bag: VecDeque::new(),
        parked: VecDeque::new(),
        only_bag: false,
        shelter: Shelter::default(),
        reached: false,
        served: 0,
        domains: SessionDomains::default(),
        again: false,
    };
    courier.bring(first).await;
}

/// Takes messages, one after the other, to whoever takes them.
struct Courier<G> {
    ground: Arc<G>,
    conversation: Conversation,
    plan: Arc<Plan>,
    /// What is being sent.
    work: Option<Work>,
    /// What the hosts so far have not decided about.
    bag: VecDeque<Work>,
    /// What this host could not carry.
    parked: VecDeque<Work>,
    /// Takes nothing but what is in the bag: a better host takes the rest.
    only_bag: bool,
    /// What TLS with the host came to.
    shelter: Shelter,
    /// Whether the host has greeted.
    reached: bool,
    /// Messages that the host has answered for.
    served: usize,
    /// Whose recipients this session has had.
    domains: SessionDomains,
    /// The host limits what it takes in one session, and gets another.
    again: bool,
}

impl<G: Ground> Courier<G> {
    /// Host after host (RFC 5321 §5.1), as long as there is something that none of them has
    /// decided about.
    async fn bring(mut self, first: HostId) {
        let (ground, plan) = (self.ground.clone(), self.plan.clone());
        let (mut next, mut asked, mut last) = (Some(first), 0, None);
        while let Some(id) = next.take() {
            let Some(host) = plan.host(&id) else { break };
            self.shelter = plan.shelter(host);
            (self.reached, self.served) = (false, 0);
            let end = loop {
                self.domains = SessionDomains::default();
                let end = ground.visit(host, &mut self).await;
                if !std::mem::take(&mut self.again) || end.is_err() || ground.is_stopped() {
                    break end;
                }
            };
            if ground.is_stopped() {
                // A stop is no trouble of theirs: what is left stays leased, and dies with the
                // process; what was decided is settled.
                ground.schedule().ended(self.conversation, Left::Well, ground.now());
                return self.settle_begun().await;
            }
            asked += usize::from(end.is_ok());
            let how =
                end.as_ref().map_or_else(|problem| left(problem, self.reached), |()| Left::Well);
            self.bag.extend(self.work.take());
            self.bag.extend(self.parked.drain(..));
            self.bag.iter_mut().for_each(Work::unpark);
            self.settle_decided().await;
            if let Err(problem) = end {
                tracing::debug!(host = %id, %problem, "a host is in trouble");
                if self.served > 0 {
                    return self.come_back(how, &problem).await;
                }
                last = Some(problem);
            } else {
                self.only_bag = true;
            }
            if !self.has_something() {
                return ground.schedule().ended(self.conversation, how, ground.now());
            }
            let way = ground.schedule().way_of(self.conversation);
            let onward = ground.schedule().onward(self.conversation, how, ground.now());
            match onward {
                Onward::To(host) => next = Some(host),
                Onward::Later => return self.give_back(),
                Onward::End => {
                    let leftovers = match way {
                        Some(way) if !self.only_bag => ground.schedule().leftovers(&way),
                        _ => Vec::new(),
                    };
                    return self.end_all(leftovers, last, asked == plan.hosts()).await;
                }
            }
        }
        ground.schedule().ended(self.conversation, Left::Well, ground.now());
        self.give_back();
    }

    /// The host took some and then no more. What it had begun gets another connection once: many
    /// hosts limit what they take over one.
    async fn come_back(mut self, how: Left, problem: &Problem) {
        self.ground.schedule().ended(self.conversation, how, self.ground.now());
        let outcome = search::outcome_of(problem.clone());
        for mut work in std::mem::take(&mut self.bag) {
            match work.come_back() {
                true => self.bag.push_back(work),
                false => search::end(&*self.ground, vec![work], &outcome).await,
            }
        }
        self.give_back();
    }

    /// Leaves what it has to another conversation.
    fn give_back(self) {
        for work in self.bag.into_iter().rev() {
            self.ground.schedule().returned(work.errand.clone(), work, self.ground.now());
        }
        self.ground.tell();
    }

    /// Nobody is left who could be asked.
    async fn end_all(self, leftovers: Vec<Work>, last: Option<Problem>, all_asked: bool) {
        for mut work in self.bag {
            work.end_uncarried(all_asked);
            if let Some(problem) = &last {
                work.end_rest(&search::outcome_of(problem.clone()));
            }
            self.ground.finish(work).await;
        }
        if let Some(problem) = last {
            search::end(&*self.ground, leftovers, &search::outcome_of(problem)).await;
        }
    }

    /// What has come to its end without another question needs no other host.
    async fn settle_decided(&mut self) {
        for work in std::mem::take(&mut self.bag) {
            match work.is_open() {
                true => self.bag.push_back(work),
                false => self.ground.finish(work).await,
            }
        }
    }

    /// What was decided before a stop must be settled; the rest waits as it did.
    async fn settle_begun(mut self) {
        for work in self.work.take().into_iter().chain(self.bag).chain(self.parked) {
            self.ground.finish(work).await;
        }
    }

    fn has_something(&self) -> bool {
        let waits = || !self.only_bag && self.ground.schedule().waits(self.conversation);
        !self.bag.is_empty() || self.work.as_ref().is_some_and(Work::is_open) || waits()
    }

    /// The next message, together with what else of it goes this way.
    fn take_next(&mut self) -> Option<Work> {
        let begun = self.bag.pop_front();
        if begun.is_some() || self.only_bag {
            return begun;
        }
        let mut schedule = self.ground.schedule();
        let mut work = schedule.next_of(self.conversation, self.ground.now())?;
        let id = work.id();
        let mates =
            schedule.mates(self.conversation, |mate| mate.id() == id && mate.is_untouched());
        drop(schedule);
        mates.into_iter().for_each(|mate| work.join(mate));
        Some(work)
    }

    /// Waits a while for more to do. False if nothing came, or the place is wanted.
    async fn rest(&self) -> bool {
        if self.only_bag || self.served == 0 {
            return false;
        }
        let until = self.ground.instant() + REST;
        loop {
            // Before the look, so that nothing happens unheard between the two.
            let news = self.ground.news(until);
            {
                let mut schedule = self.ground.schedule();
                let waits = schedule.waits(self.conversation);
                let over = self.ground.instant() >= until || self.ground.is_stopped();
                if waits || over || !schedule.may_rest(self.conversation) {
                    schedule.rested(self.conversation);
                    return waits;
                }
            }
            news.await;
        }
    }
}

impl<G: Ground> Outbox for Courier<G> {
    type Content = Source;

    fn sheltered(&mut self, sheltered: Sheltered<'_>) {
        self.shelter.hear(&sheltered);
    }

    async fn next(&mut self, offered: &Extensions) -> Option<Outgoing<Source>> {
        if !std::mem::replace(&mut self.reached, true) {
            self.ground.schedule().reached(self.conversation);
        }
        loop {
            let Some(mut work) = self.work.take().or_else(|| self.take_next()) else {
                match self.rest().await {
                    true => continue,
                    false => return None,
                }
            };
            let hop = Hop { offered, authentic: self.shelter.is_authentic() };
            if let Some(outgoing) = work.next(hop, &mut self.domains).await {
                work.lanes().for_each(|lane| self.shelter.carries(lane));
                self.work = Some(work);
                return Some(outgoing);
            }
            if work.needs_session() {
                self.bag.push_front(work);
                self.again = true;
                return None;
            }
            match work.is_parked() {
                true => self.parked.push_back(work),
                false => self.ground.finish(work).await,
            }
        }
    }

    fn has_more(&self) -> bool {
        self.has_something()
    }

    async fn done(&mut self, report: Report) {
        if !report
            .outcomes
            .iter()
            .any(|(_, outcome)| is_of_host(outcome) || Report::is_ours(outcome))
        {
            self.served = self.served.saturating_add(1);
            self.ground.schedule().well(self.conversation);
        }
        if let Some(work) = &mut self.work {
            work.done(report);
        }
    }
}

fn is_of_host(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Deferred(problem) if problem.scope == mail_types::Scope::Host)
}

/// What the end of a conversation says of the host.
fn left(problem: &Problem, reached: bool) -> Left {
    let code = problem.reply.as_ref().map(mail_types::Reply::code);
    // RFC 3463 §3.5: X.4.1, no answer; X.4.2, bad connection.
    let lost = problem.status.subject() == 4 && matches!(problem.status.detail(), 1 | 2);
    match code {
        Some(421) => Left::Overloaded,
        None if lost && !reached => Left::Unreached(problem.clone()),
        None if lost => Left::Overloaded,
        // It answers and wants nobody: as good as dead. What only the terms of one domain forbid
        // has no reply, and says nothing to the others whose mail it takes; 521 is final for each
        // message, and none of them is to wait for a rest.
        Some(_) if !reached && problem.status.class() != 5 => Left::Unreached(problem.clone()),
        _ => Left::Well,
    }
}

#[cfg(test)]
mod tests {
    use mail_types::{EnhancedStatus, Reply, Scope};

    use super::*;

    #[test]
    fn who_refuses_before_mail_is_in_trouble() {
        let answered = |code: u16| {
            let problem = Problem::new(EnhancedStatus::new(4, 3, 2), Scope::Host, "go away");
            Problem { reply: Reply::new(code, None, "go away").into(), ..problem }
        };
        for code in [450, 554] {
            assert!(matches!(left(&answered(code), false), Left::Unreached(_)), "{code}");
            assert_eq!(left(&answered(code), true), Left::Well, "{code}");
        }
        assert_eq!(left(&answered(421), false), Left::Overloaded, "it may be up to us");
        let never = Problem { status: EnhancedStatus::new(5, 3, 2), ..answered(521) };
        assert_eq!(left(&never, false), Left::Well, "its mail fails, and need not wait");
        let terms = Problem::new(EnhancedStatus::new(4, 7, 5), Scope::Host, "no TLS");
        assert_eq!(left(&terms, false), Left::Well, "other domains may not demand it");
    }
}
