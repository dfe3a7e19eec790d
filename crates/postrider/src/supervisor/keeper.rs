//! Keeps one agent running: starts it, hears of its readiness, starts it again when it has died,
//! stops it when told.

#[cfg(test)]
mod tests;

use std::{fs, io, os::unix::fs::chown, process::ExitStatus, time::Duration};

use agent_kit::Agent;
use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    net::UnixDatagram,
    process::Child,
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{launch::Launch, restart::Pauses};

/// How long an agent may take from its start until it serves.
const START_WITHIN: Duration = Duration::from_secs(90);

/// What all keepers are told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Orders {
    pub(super) stop: bool,
    /// How often SIGHUP has come; each one is passed on.
    pub(super) hangups: u64,
}

/// What a keeper tells.
#[derive(Debug)]
pub(super) enum Event {
    /// It serves.
    Ready { agent: Agent, pid: u32 },
    /// It has died, and will be started again.
    Died { agent: Agent },
    /// It never served at all; its keeper has given up.
    NeverReady { agent: Agent, how: String },
}

pub(super) struct Keeper {
    launch: Launch,
    start_within: Duration,
    stop_within: Duration,
    pauses: Pauses,
    reports: UnixDatagram,
    events: mpsc::Sender<Event>,
    orders: watch::Receiver<Orders>,
    has_served: bool,
}

/// What ended a stretch of its life.
enum Ending {
    Died(ExitStatus),
    StopOrdered,
}

impl Keeper {
    pub(super) fn new(
        launch: Launch,
        config: &config::Supervisor,
        events: mpsc::Sender<Event>,
        orders: watch::Receiver<Orders>,
    ) -> anyhow::Result<Self> {
        let reports = bind_reports(&launch)
            .with_context(|| format!("cannot make {}", launch.notify.display()))?;
        Ok(Self {
            launch,
            start_within: START_WITHIN,
            stop_within: config.stop_within,
            pauses: Pauses::new(config.max_restart_pause),
            reports,
            events,
            orders,
            has_served: false,
        })
    }

    /// Until the stop is ordered, or the agent has failed at its very first start.
    pub(super) async fn live(mut self) {
        while let Some(pause) = self.one_life().await {
            tokio::select! {
                () = sleep(pause) => {}
                () = stop_ordered(&mut self.orders) => break,
            }
        }
        // Readers of the folder shall not take it for a living one.
        let _ = fs::remove_file(&self.launch.notify);
    }

    /// From a start to the death: how long to wait before the next, if there is to be one.
    async fn one_life(&mut self) -> Option<Duration> {
        let agent = self.launch.agent;
        // What a dead one has reported last is not the next one's.
        while self.reports.try_recv(&mut [0; 4096]).is_ok() {}
        let born = Instant::now();
        let ending = match self.launch.start() {
            Err(error) => Err(error),
            Ok(mut child) => self.watch(&mut child).await,
        };
        let how = match ending {
            Ok(Ending::StopOrdered) => return None,
            Ok(Ending::Died(status)) => status.to_string(),
            Err(error) => error.to_string(),
        };
        if !self.has_served {
            // The agent has said why, in a line of its own.
            let _ = self.events.send(Event::NeverReady { agent, how }).await;
            return None;
        }
        let pause = self.pauses.after(born.elapsed());
        tracing::warn!(%agent, how, ?pause, "died, starting it again");
        let _ = self.events.send(Event::Died { agent }).await;
        Some(pause)
    }

    async fn watch(&mut self, child: &mut Child) -> io::Result<Ending> {
        let mut hangups = self.orders.borrow().hangups;
        let mut serves = false;
        let mut report = [0; 4096];
        let overdue = Instant::now() + self.start_within;
        loop {
            tokio::select! {
                () = sleep_until(overdue), if !serves => {
                    let agent = self.launch.agent;
                    tracing::error!(%agent, within = ?self.start_within, "does not serve, killing it");
                    child.kill().await?;
                    return Ok(Ending::Died(child.wait().await?));
                }
                died = child.wait() => return Ok(Ending::Died(died?)),
                received = self.reports.recv(&mut report) => {
                    let report = report.get(..received?).unwrap_or_default();
                    if report.split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
                        (serves, self.has_served) = (true, true);
                        let pid = child.id().unwrap_or_default();
                        let ready = Event::Ready { agent: self.launch.agent, pid };
                        // Nobody listens during the stop.
                        let _ = self.events.send(ready).await;
                    }
                }
                changed = self.orders.changed() => {
                    let orders = *self.orders.borrow_and_update();
                    if orders.stop || changed.is_err() {
                        self.stop(child).await?;
                        return Ok(Ending::StopOrdered);
                    }
                    // One that is only starting does not expect it, and reads what is new anyway.
                    if orders.hangups != hangups && serves {
                        send(child, Signal::HUP);
                    }
                    hangups = orders.hangups;
                }
            }
        }
    }

    /// Asks it to stop, and ends it if it does not within its time.
    async fn stop(&self, child: &mut Child) -> io::Result<()> {
        send(child, Signal::TERM);
        if timeout(self.stop_within, child.wait()).await.is_err() {
            tracing::warn!(agent = %self.launch.agent, "did not stop in time, killing it");
            child.kill().await?;
        }
        Ok(())
    }
}

/// Returns once the stop is ordered.
async fn stop_ordered(orders: &mut watch::Receiver<Orders>) {
    // If the supervision is gone there is nothing to keep running either.
    let _ = orders.wait_for(|orders| orders.stop).await;
}

/// Sends a signal to a child that has not been waited for, so its number is still its own.
fn send(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
    if let Some(pid) = pid {
        // It may have died this moment; then it is seen at the next wait.
        let _ = kill_process(pid, signal);
    }
}

/// The socket that this agent alone reports to.
fn bind_reports(launch: &Launch) -> io::Result<UnixDatagram> {
    match fs::remove_file(&launch.notify) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = UnixDatagram::bind(&launch.notify)?;
    if let Some(user) = &launch.user {
        chown(&launch.notify, Some(user.uid), None)?;
    }
    Ok(socket)
}
