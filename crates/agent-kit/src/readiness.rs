//! Telling whoever started us how far we are, as `sd_notify(3)` does: under systemd and under
//! `postrider up` alike.

use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
};

/// Where to report to, and what there is to report. Clones report to the same place.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    to: Option<SocketAddr>,
    /// `X_LISTENER=name=address` lines: how a chosen port becomes known.
    listeners: String,
}

impl Readiness {
    /// To the socket that `NOTIFY_SOCKET` names; to nobody if it names none.
    pub fn from_environment<'a>(
        listeners: impl Iterator<Item = (&'a str, String)>,
    ) -> io::Result<Self> {
        let to = match env::var_os("NOTIFY_SOCKET") {
            None => None,
            Some(name) => Some(match name.as_bytes().strip_prefix(b"@") {
                Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name)?,
                None => SocketAddr::from_pathname(&name)?,
            }),
        };
        let listeners = listeners.map(|(name, at)| format!("X_LISTENER={name}={at}\n")).collect();
        Ok(Self { to, listeners })
    }

    /// The agent serves from now on.
    pub fn ready(&self) {
        self.send(&format!("READY=1\n{}", self.listeners));
    }

    /// The agent has begun to stop.
    pub fn stopping(&self) {
        self.send("STOPPING=1\n");
    }

    /// The agent is (still) doing this; shown by `systemctl status`.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={}\n", text.replace('\n', " ")));
    }

    /// Nobody's listening is no reason not to serve.
    fn send(&self, message: &str) {
        let Some(to) = &self.to else { return };
        let sent =
            UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(message.as_bytes(), to));
        if let Err(error) = sent {
            tracing::debug!(%error, "readiness not reported");
        }
    }
}
