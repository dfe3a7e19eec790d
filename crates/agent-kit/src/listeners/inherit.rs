//! Taking over the sockets that whoever started us has passed on.

use std::{
    env,
    os::fd::{FromRawFd, OwnedFd, RawFd},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::io::{FdFlags, fcntl_setfd};
use socket2::Socket;

use super::ListenerError;
use crate::Agent;

/// The first descriptor that is passed on (`SD_LISTEN_FDS_START`).
const FIRST: RawFd = 3;
/// More than any agent has; a bound for what the environment can claim.
const MOST: RawFd = 64;

/// The sockets that were passed on for this agent, by name; none if there are none.
pub(super) fn inherited(agent: Agent) -> Result<Vec<(&'static str, Socket)>, ListenerError> {
    let variable = |name: &str| env::var(name).ok();
    let names = names(
        agent,
        variable("LISTEN_PID").as_deref(),
        variable("LISTEN_FDS").as_deref(),
        variable("LISTEN_FDNAMES").as_deref(),
        std::process::id(),
    )?;
    names.into_iter().zip(FIRST..).map(|(name, fd)| Ok((name, take(fd)?))).collect()
}

/// What the environment says, checked.
///
/// `LISTEN_PID` keeps a grandchild from taking sockets that are not for it. A supervisor that
/// cannot know the number before it forks leaves it out; it starts nothing but agents.
fn names(
    agent: Agent,
    pid: Option<&str>,
    count: Option<&str>,
    names: Option<&str>,
    own_pid: u32,
) -> Result<Vec<&'static str>, ListenerError> {
    let problem = |text: String| Err(ListenerError::Inherited(text));
    if pid.is_some_and(|pid| pid != own_pid.to_string()) {
        return Ok(Vec::new());
    }
    let count = match count.unwrap_or("0").parse::<RawFd>() {
        Ok(0) => return Ok(Vec::new()),
        Ok(count @ 1..=MOST) => usize::try_from(count).unwrap_or(0),
        _ => return problem(format!("{count:?} is no number up to {MOST}")),
    };
    let given: Vec<&str> = names.unwrap_or_default().split(':').collect();
    if given.len() != count {
        return problem(format!("{count} sockets, but LISTEN_FDNAMES names {}", given.len()));
    }
    let known = agent.listener_names();
    let mut found = Vec::new();
    for name in given {
        match known.iter().find(|known| **known == name) {
            Some(known) => found.push(*known),
            None => {
                return problem(format!(
                    "{agent} has no listener {name:?}; LISTEN_FDNAMES must be of: {}",
                    known.join(" ")
                ));
            }
        }
    }
    Ok(found)
}

/// Takes a descriptor over, once in the life of the process.
fn take(fd: RawFd) -> Result<Socket, ListenerError> {
    static TAKEN: [AtomicBool; MOST as usize] = [const { AtomicBool::new(false) }; MOST as usize];
    let problem = |text: String| ListenerError::Inherited(format!("descriptor {fd} {text}"));
    let slot = usize::try_from(fd - FIRST).ok().and_then(|index| TAKEN.get(index));
    if slot.is_none_or(|slot| slot.swap(true, Ordering::SeqCst)) {
        return Err(problem("was taken before".to_owned()));
    }
    #[expect(unsafe_code, reason = "the protocol hands descriptors over by number")]
    // SAFETY: the environment says that this descriptor was opened for us, and the flag above
    // lets only one owner be made of it. That it is open and a listening socket is checked below
    // before it is used; a wrong number is closed again.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    if let Err(error) = fcntl_setfd(&owned, FdFlags::CLOEXEC) {
        // It is not open at all: closing it on drop would be closing somebody else's.
        std::mem::forget(owned);
        return Err(problem(format!("cannot be used: {error}")));
    }
    let socket = Socket::from(owned);
    match socket.is_listener() {
        Ok(true) => Ok(socket),
        Ok(false) => Err(problem("does not listen".to_owned())),
        Err(error) => Err(problem(format!("is no socket: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_environment_may_say() {
        let check = |pid, count, fd_names, expected: Result<&[&str], &str>| match (
            names(Agent::ImapServer, pid, count, fd_names, 7),
            expected,
        ) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        };
        check(None, None, None, Ok(&[]));
        check(Some("8"), Some("1"), Some("imap"), Ok(&[]));
        check(Some("7"), Some("2"), Some("imap:imap-tls"), Ok(&["imap", "imap-tls"]));
        check(None, Some("1"), Some("imap"), Ok(&["imap"]));
        check(None, Some("2"), Some("imap:imap"), Ok(&["imap", "imap"]));
        check(None, Some("2"), Some("imap"), Err("names 1"));
        check(None, Some("1"), Some("pop3"), Err("no listener \"pop3\""));
        check(None, Some("1"), None, Err("no listener"));
        check(None, Some("999"), Some("imap"), Err("no number up to"));
    }
}
