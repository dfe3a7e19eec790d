//! What the writer does: many jobs of this process in one transaction.
//!
//! All messages that are handed in are inserted first; then each consumer has its turn (settle, then
//! lease).

use std::collections::HashSet;

use mail_types::{Lane, Timestamp};
use stable_storage::{Announcement, Apply, Bell, Direct};

use crate::{
    Consumes, LeaseRequest, NewRecipient, QueueError, Settlement, chance,
    decode::Unreadable,
    encode::{self, EncodedEntry},
    operator::{self, Destination},
    order::Room,
    sql::{self, Chosen, EndRow, LeaseRows, Meant, Mend, Operation, RecipientRow, SettledRows},
};

/// One change.
#[derive(Debug)]
pub(crate) enum Job {
    /// A message comes in.
    Enqueue(Box<EncodedEntry>),
    /// A consumer settles and leases.
    Turn(Box<TurnJob>),
    /// What these dead holders had leased waits again.
    FreeDead(Vec<String>),
    /// What these tokens (a JSON array) have of this holder's lanes waits again.
    FreeUntold { tokens: String, holder: String },
    /// Nothing is changed: what was committed before is durable afterwards.
    Flush,
    /// What can't be read is set aside; of what is leased, what this token has.
    SetAside { what: Vec<Unreadable>, token: Option<i64>, now: Timestamp },
    /// The operator wants something done.
    Operate(Box<OperateJob>),
    /// The operator gives messages to somebody else.
    Redirect(Box<RedirectJob>),
    /// The operator gives recipients up.
    Bounce(Box<BounceJob>),
    /// A destination is paused or resumed.
    Pause(PauseJob),
    /// Somebody has found something out, or knows something.
    Note(NoteJob),
    /// The check has found something that can be mended.
    Mend(Mend),
    /// Old events go.
    Prune { before: Timestamp, not_after: Timestamp, rows_max: u32 },
    /// Refusals are noted: rows of a JSON array.
    NoteRefusals(String),
}

#[derive(Debug)]
pub(crate) struct TurnJob {
    pub(crate) settle: Option<SettleJob>,
    pub(crate) lease: Option<LeaseJob>,
}

#[derive(Debug)]
pub(crate) struct SettleJob {
    ends: Vec<EndRow>,
    lanes: String,
    notifications: Vec<EncodedEntry>,
    notification_ids: String,
    now: Timestamp,
}

#[derive(Debug)]
pub(crate) struct LeaseJob {
    consumes: Consumes,
    holder: String,
    token: i64,
    except: String,
    room: Room,
    now: Timestamp,
}

#[derive(Debug)]
pub(crate) struct OperateJob {
    pub(crate) meant: Vec<Meant>,
    pub(crate) operation: Operation,
    pub(crate) reason: Option<String>,
    pub(crate) now: Timestamp,
}

#[derive(Debug)]
pub(crate) struct RedirectJob {
    pub(crate) meant: Vec<Meant>,
    /// The address, in the operator's words.
    pub(crate) to: String,
    /// Where it leads.
    pub(crate) targets: Vec<NewRecipient>,
    pub(crate) now: Timestamp,
}

/// Recipients of one entry that are settled although nobody has leased them.
#[derive(Debug)]
pub(crate) struct BounceJob {
    pub(crate) entry: String,
    pub(crate) numbers: Vec<u32>,
    pub(crate) token: i64,
    pub(crate) settle: SettleJob,
}

#[derive(Debug)]
pub(crate) struct PauseJob {
    pub(crate) destination: Destination,
    /// Why, and when; nothing to resume it.
    pub(crate) reason: Option<(String, Timestamp)>,
}

#[derive(Debug)]
pub(crate) enum NoteJob {
    /// A condition holds, in these words, or no more.
    Condition { name: &'static str, text: Option<String>, now: Timestamp },
    /// These lanes (a JSON array) are worth an attempt.
    Wake { lanes: String },
}

/// What became of a job.
#[derive(Debug)]
pub(crate) enum Answer {
    Done,
    Turned(Box<TurnDone>),
    Operated(Chosen),
    /// Whether it was paused.
    Resumed(bool),
    Pruned(u64),
}

#[derive(Debug, Default)]
pub(crate) struct TurnDone {
    pub(crate) settled: SettledRows,
    pub(crate) leased: LeaseRows,
}

impl SettleJob {
    /// The job of these settlements, if there are any.
    pub(crate) fn of(
        settlements: &[Settlement],
        now: Timestamp,
    ) -> Result<Option<Self>, QueueError> {
        if settlements.is_empty() {
            return Ok(None);
        }
        let mut notifications = Vec::new();
        for settlement in settlements {
            for notification in &settlement.notifications {
                let id = notification.entry.id.unwrap_or_else(|| chance::queue_id(now));
                let (entry, content) = (&notification.entry, notification.content.clone());
                let cause = Some(&settlement.lease);
                notifications.push(EncodedEntry::new(id, entry, content, cause, now)?);
            }
        }
        let lanes: HashSet<&Lane> = settlements.iter().map(|one| &one.lease.lane).collect();
        Ok(Some(Self {
            ends: settlements.iter().flat_map(encode::ends).collect(),
            lanes: encode::texts(lanes),
            notification_ids: encode::texts(notifications.iter().map(|new| &new.row.id)),
            notifications,
            now,
        }))
    }
}

impl SettleJob {
    /// The job that gives leased rows back untried, until a time.
    pub(crate) fn given_back(rows: &[RecipientRow], not_before: Timestamp, now: Timestamp) -> Self {
        Self {
            ends: rows.iter().map(|row| encode::given_back(row, not_before)).collect(),
            lanes: encode::texts(rows.iter().map(|row| &row.lane)),
            notifications: Vec::new(),
            notification_ids: array::<&str>(&[]),
            now,
        }
    }

    /// The job of settlements that are of several lanes each.
    pub(crate) fn of_lanes(
        settlements: &[Settlement],
        lanes: &[String],
        now: Timestamp,
    ) -> Result<Self, QueueError> {
        let job = Self::of(settlements, now)?.ok_or(QueueError::NoRecipient)?;
        Ok(Self { lanes: encode::texts(lanes), ..job })
    }

    /// Those of its notifications that were queued.
    fn notified(&self, done: &TurnDone) -> impl Iterator<Item = &EncodedEntry> {
        let queued = |new: &&EncodedEntry| done.settled.notified.contains(&new.row.id);
        self.notifications.iter().filter(queued)
    }
}

impl LeaseJob {
    /// What it leases by.
    pub(crate) fn token(&self) -> i64 {
        self.token
    }

    pub(crate) fn new(
        consumes: Consumes,
        holder: &str,
        request: &LeaseRequest,
        now: Timestamp,
    ) -> Self {
        Self {
            consumes,
            holder: holder.to_owned(),
            token: chance::token(),
            except: encode::texts(&request.except),
            room: Room {
                leases_max: request.leases_max as usize,
                again_max: request.again_max as usize,
                per_lane_max: request.per_lane_max as usize,
            },
            now,
        }
    }
}

/// Does the jobs, and wakes those who wait for what they brought.
#[derive(Debug)]
pub(crate) struct Jobs {
    pub(crate) bells: Bells,
    pub(crate) refusals_max: i64,
}

/// The bells of the two kinds of consumers.
#[derive(Debug, Clone)]
pub(crate) struct Bells {
    pub(crate) local: Bell,
    pub(crate) remote: Bell,
}

impl Bells {
    pub(crate) fn of(&self, consumes: Consumes) -> &Bell {
        match consumes {
            Consumes::Local => &self.local,
            Consumes::Remote => &self.remote,
        }
    }
}

impl Apply for Jobs {
    type Job = Job;
    type Answer = Answer;
    type Error = QueueError;

    fn rows(job: &Job) -> usize {
        /// Octets that cost about as much as a row.
        const OCTETS_A_ROW: usize = 1024;
        match job {
            Job::Enqueue(new) => {
                let octets = new.content.inline().map_or(0, <[u8]>::len);
                octets / OCTETS_A_ROW + new.row.recipients.len().saturating_mul(2).saturating_add(3)
            }
            Job::Turn(turn) => {
                let settled = turn.settle.as_ref().map_or(0, |settle| settle.ends.len());
                let leased = turn.lease.as_ref().map_or(0, |lease| lease.room.leases_max);
                settled.saturating_mul(2).saturating_add(leased)
            }
            Job::Operate(operate) => operate.meant.len(),
            Job::Redirect(redirect) => {
                redirect.meant.len().saturating_mul(redirect.targets.len().saturating_add(1))
            }
            Job::Bounce(bounce) => bounce.numbers.len().saturating_mul(2).saturating_add(3),
            Job::Prune { rows_max, .. } => *rows_max as usize,
            Job::FreeDead(_) | Job::SetAside { .. } | Job::NoteRefusals(_) | Job::Pause(_) => 64,
            Job::FreeUntold { .. } | Job::Note(_) | Job::Mend(_) => 64,
            Job::Flush => 1,
        }
    }

    fn durable(job: &Job) -> bool {
        match job {
            // A lease that a crash of the machine undoes was nobody's any more.
            Job::Turn(turn) => turn.settle.is_some(),
            Job::FreeUntold { .. } => false,
            _ => true,
        }
    }

    fn apply(&mut self, connection: &Direct, jobs: &[Job]) -> Result<Vec<Answer>, QueueError> {
        let new = jobs.iter().filter_map(|job| match job {
            Job::Enqueue(new) => Some(&**new),
            _ => None,
        });
        enqueue(connection, new)?;
        count_sending(connection, jobs)?;
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            answers.push(self.one(connection, job)?);
        }
        Ok(answers)
    }

    fn committed(&mut self, jobs: &[Job], answers: &[Answer]) -> Announcement {
        let (mut local, mut remote) = (false, false);
        let mut queued = |new: &EncodedEntry| {
            new.content.queued();
            local |= new.local;
            remote |= new.remote;
        };
        for (job, answer) in jobs.iter().zip(answers) {
            match (job, answer) {
                (Job::Enqueue(new), _) => queued(new),
                (Job::Turn(turn), Answer::Turned(done)) => {
                    turn.settle.iter().flat_map(|s| s.notified(done)).for_each(&mut queued);
                }
                (Job::Bounce(bounce), Answer::Turned(done)) => {
                    bounce.settle.notified(done).for_each(&mut queued);
                }
                _ => {}
            }
        }
        for (job, answer) in jobs.iter().zip(answers) {
            match (job, answer) {
                (Job::Operate(_) | Job::Redirect(_), Answer::Operated(chosen)) => {
                    local |= chosen.local;
                    remote |= chosen.remote;
                }
                (Job::Pause(pause), _) => {
                    let is_local = pause.destination == Destination::Lane(Lane::Local);
                    local |= is_local;
                    remote |= !is_local;
                }
                (Job::Note(NoteJob::Wake { .. }), _) => remote = true,
                // What was mended may be due, wherever it goes.
                (Job::Mend(_), _) => (local, remote) = (true, true),
                _ => {}
            }
        }
        let bells = self.bells.clone();
        Box::new(move || {
            if local {
                bells.local.ring(&[]);
            }
            if remote {
                bells.remote.ring(&[]);
            }
        })
    }
}

impl Jobs {
    fn one(&self, connection: &Direct, job: &Job) -> Result<Answer, QueueError> {
        match job {
            // Inserted with all others.
            Job::Enqueue(_) => {}
            Job::Flush => {}
            Job::Turn(turn) => {
                return Ok(Answer::Turned(Box::new(one_turn(connection, turn)?)));
            }
            Job::FreeDead(holders) => sql::free_dead(connection, &encode::texts(holders))?,
            Job::FreeUntold { tokens, holder } => sql::free_untold(connection, tokens, holder)?,
            Job::SetAside { what, token, now } => {
                let rows = what.iter().map(|unreadable| {
                    let Unreadable { entry, recipient, why, .. } = unreadable;
                    serde_json::json!([entry, recipient, why]).to_string()
                });
                let rows = array(&rows.collect::<Vec<_>>());
                sql::set_aside(connection, &rows, *token, now.millis())?;
            }
            Job::Operate(operate) => {
                let OperateJob { meant, operation, reason, now } = &**operate;
                let (meant, reason) = (encode::meant(meant), reason.as_deref());
                let chosen = sql::operate(connection, &meant, *operation, reason, now.millis())?;
                if matches!(operation, Operation::Retry | Operation::Release) && chosen.remote {
                    sql::wake_lanes_of(connection, &meant)?;
                }
                return Ok(Answer::Operated(chosen));
            }
            Job::Redirect(job) => return Ok(Answer::Operated(redirect(connection, job)?)),
            Job::Bounce(bounce) => {
                let BounceJob { entry, numbers, token, settle } = &**bounce;
                let count = numbers.len();
                let numbers = serde_json::json!(numbers).to_string();
                let done = if sql::claim(connection, entry, &numbers, *token, count)? {
                    let settled = settle_now(connection, settle)?;
                    TurnDone { settled, ..TurnDone::default() }
                } else {
                    TurnDone::default()
                };
                return Ok(Answer::Turned(Box::new(done)));
            }
            Job::Note(NoteJob::Condition { name, text, now }) => {
                sql::note_condition(connection, name, text.as_deref(), now.millis())?;
            }
            Job::Note(NoteJob::Wake { lanes }) => sql::wake(connection, lanes)?,
            Job::Pause(PauseJob { destination, reason }) => {
                let name = destination.to_string();
                match reason {
                    Some((reason, now)) => {
                        sql::pause(connection, &name, reason, now.millis())?;
                    }
                    None => return Ok(Answer::Resumed(sql::resume(connection, &name)?)),
                }
            }
            Job::Mend(what) => sql::mend(connection, what)?,
            Job::Prune { before, not_after, rows_max } => {
                let (before, not_after) = (before.millis(), not_after.millis());
                let pruned = sql::prune(connection, before, not_after, *rows_max)?;
                return Ok(Answer::Pruned(pruned));
            }
            Job::NoteRefusals(rows) => {
                sql::note_refusals(connection, rows, self.refusals_max)?;
            }
        }
        Ok(Answer::Done)
    }
}

fn one_turn(connection: &Direct, turn: &TurnJob) -> Result<TurnDone, QueueError> {
    let mut done = TurnDone::default();
    if let Some(settle) = &turn.settle {
        done.settled = settle_now(connection, settle)?;
    }
    if let Some(lease) = &turn.lease {
        let parameters = sql::LeaseParameters {
            local: lease.consumes == Consumes::Local,
            now: lease.now.millis(),
            holder: &lease.holder,
            token: lease.token,
            except: &lease.except,
            room: lease.room,
        };
        done.leased = sql::lease(connection, &parameters)?;
    }
    Ok(done)
}

fn settle_now(connection: &Direct, settle: &SettleJob) -> Result<SettledRows, QueueError> {
    // Before the rows lose their token: a notification is queued only while its cause has it.
    enqueue(connection, settle.notifications.iter())?;
    let parameters = sql::SettleParameters {
        ends: &settle.ends,
        lanes: &settle.lanes,
        notifications: &settle.notification_ids,
        now: settle.now.millis(),
    };
    Ok(sql::settle(connection, &parameters)?)
}

fn redirect(connection: &Direct, job: &RedirectJob) -> Result<Chosen, QueueError> {
    let RedirectJob { meant, to, targets, now } = job;
    let (rows, others) = sql::redirectable(connection, &encode::meant(meant))?;
    let (numbers, new) = operator::redirected(rows, others, targets);
    if numbers.is_empty() {
        return Ok(Chosen::default());
    }
    let (numbers, new, detail) = (array(&numbers), array(&new), format!("redirected to {to}"));
    Ok(sql::redirect(connection, &numbers, &new, &detail, now.millis())?)
}

fn enqueue<'a>(
    connection: &Direct,
    new: impl Iterator<Item = &'a EncodedEntry>,
) -> Result<(), QueueError> {
    Ok(sql::enqueue(connection, new.map(|entry| (&entry.row, entry.content.inline())))?)
}

/// Counts what the accounts of new entries send to other servers, if they do.
fn count_sending(connection: &Direct, jobs: &[Job]) -> Result<(), QueueError> {
    let counted = jobs.iter().filter_map(|job| match job {
        Job::Enqueue(new) => new.sending.as_deref(),
        _ => None,
    });
    let rows: Vec<&str> = counted.collect();
    if rows.is_empty() {
        return Ok(());
    }
    Ok(sql::count_sending(connection, &array(&rows))?)
}

/// JSON values as a JSON array.
fn array<T: AsRef<str>>(values: &[T]) -> String {
    let inner: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    format!("[{}]", inner.join(","))
}
