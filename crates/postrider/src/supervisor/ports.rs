//! The listening sockets, bound once: they outlive each agent that serves them, so that peers of
//! one that has died wait for the next instead of being refused.

use std::os::fd::OwnedFd;

use agent_kit::{Agent, Listener, Place};
use anyhow::Context;
use config::Config;

/// A socket that listens for an agent.
pub(super) struct Port {
    pub(super) agent: Agent,
    pub(super) name: &'static str,
    /// With the port that the kernel chose, if it was to.
    pub(super) place: Place,
    pub(super) socket: OwnedFd,
}

/// Binds everything that the configuration names, or nothing.
pub(super) fn bind_all(config: &Config) -> anyhow::Result<Vec<Port>> {
    let mut ports = Vec::new();
    for agent in Agent::ALL {
        for endpoint in agent.endpoints(config) {
            let Some(socket) = Listener::bind_to_pass_on(&endpoint)? else { continue };
            let address = socket.local_addr().context("a socket without an address")?;
            let place = address.as_socket().map_or(endpoint.place, Place::Tcp);
            ports.push(Port { agent, name: endpoint.name, place, socket: socket.into() });
        }
    }
    Ok(ports)
}
