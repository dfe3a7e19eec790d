//! A shell script in the agent's place. It tells by a pipe that it lives; the test reports
//! readiness for it.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::Path,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::task::JoinHandle;

use super::*;

struct Stage {
    folder: tempfile::TempDir,
    happened: mpsc::Receiver<Event>,
    orders: watch::Sender<Orders>,
    keeper: JoinHandle<()>,
}

impl Stage {
    /// Keeps a script running.
    fn with(script: &str) -> Self {
        Self::within(START_WITHIN, script)
    }

    /// The same with another patience for its start.
    fn within(start_within: Duration, script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("agent");
        fs::write(&program, format!("#!/bin/sh\ncd {}\n{script}\n", folder.path().display()))
            .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        mknodat(CWD, folder.path().join("lives"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let launch = Launch::of_program(Agent::ImapServer, program, folder.path());
        let (events, happened) = mpsc::channel(8);
        let (orders, ordered) = watch::channel(Orders::default());
        let config = config::Supervisor::default();
        let mut keeper = Keeper::new(launch, &config, events, ordered).unwrap();
        keeper.start_within = start_within;
        Self { folder, happened, orders, keeper: tokio::spawn(keeper.live()) }
    }

    /// Waits until the script says that it lives, and what it says.
    async fn lives(&self) -> String {
        let pipe = self.folder.path().join("lives");
        tokio::task::spawn_blocking(move || fs::read_to_string(pipe).unwrap()).await.unwrap()
    }

    /// Reports readiness in its place; its number.
    async fn ready(&mut self) -> u32 {
        report(self.folder.path(), b"X_LISTENER=imap=[::1]:143\nREADY=1\n");
        match self.happened.recv().await {
            Some(Event::Ready { agent: Agent::ImapServer, pid }) => pid,
            other => panic!("{other:?}"),
        }
    }
}

fn report(folder: &Path, text: &[u8]) {
    UnixDatagram::unbound().unwrap().send_to(text, folder.join("notify")).unwrap();
}

fn signal_to(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

#[tokio::test]
async fn one_that_was_ready_is_started_again_until_the_stop() {
    let mut stage = Stage::with("echo $1 $2 $LISTEN_FDS $NOTIFY_SOCKET > lives; exec sleep 600");
    let notify = stage.folder.path().join("notify");
    let expected = format!("run imap-server 0 {}\n", notify.display());
    assert_eq!(stage.lives().await, expected);
    let first = stage.ready().await;
    signal_to(first, Signal::KILL);
    assert!(matches!(stage.happened.recv().await, Some(Event::Died { .. })));

    stage.lives().await;
    let second = stage.ready().await;
    assert_ne!(first, second);
    stage.orders.send_modify(|orders| orders.stop = true);
    stage.keeper.await.unwrap();
    assert!(!Path::new(&format!("/proc/{second}")).exists(), "it is gone, and waited for");
    assert!(!notify.exists());
}

#[tokio::test]
async fn one_that_never_was_ready_is_given_up() {
    let mut stage = Stage::with("exit 3");
    match stage.happened.recv().await {
        Some(Event::NeverReady { agent: Agent::ImapServer, how }) => {
            assert_eq!(how, "exit status: 3");
        }
        other => panic!("{other:?}"),
    }
    stage.keeper.await.unwrap();
}

#[tokio::test]
async fn one_that_hangs_before_it_is_ready_is_killed() {
    let mut stage = Stage::within(Duration::from_millis(50), "exec sleep 600");
    match stage.happened.recv().await {
        Some(Event::NeverReady { how, .. }) => assert!(how.contains("SIGKILL"), "{how}"),
        other => panic!("{other:?}"),
    }
    stage.keeper.await.unwrap();
}

#[tokio::test]
async fn hangups_are_passed_on_to_one_that_serves() {
    let mut stage = Stage::with(
        "trap 'echo again > lives' HUP; echo first > lives; while :; do sleep 0.01; done",
    );
    assert_eq!(stage.lives().await, "first\n");
    stage.ready().await;
    stage.orders.send_modify(|orders| orders.hangups += 1);
    assert_eq!(stage.lives().await, "again\n");
    stage.orders.send_modify(|orders| orders.stop = true);
    stage.keeper.await.unwrap();
}
