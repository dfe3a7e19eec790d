//! `postrider check-config`: would the agents start with it?

use std::{net::TcpListener, path::Path};

use agent_kit::{Agent, Place, tls::ServerTls};
use anyhow::bail;

use crate::{
    installation::Installation,
    printer,
    supervisor::{check_paths, check_places, has_ipv6, has_resolver},
};

/// Judge the configuration and what it names; tells all that is wrong
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Show an example with every key, its explanation and its default, instead
    #[arg(long)]
    example: bool,
}

pub(crate) fn run(args: Args, config: Option<&Path>) -> anyhow::Result<()> {
    if args.example {
        printer::line(config::example().trim_end());
        return Ok(());
    }
    let Installation { config, file } = Installation::find(config)?;
    let mut mistakes = Vec::new();
    if let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key)
        && let Err(error) = ServerTls::load(certificate, key)
    {
        mistakes.push(error.to_string());
    }
    for checked in [check_paths(&config.data_dir), check_places(&config)] {
        mistakes.extend(checked.err().map(|error| error.to_string()));
    }
    if !config.data_dir.is_dir() {
        let missing = config.data_dir.display();
        printer::note(format!("{missing} does not exist yet: postrider migrate makes it"));
    }
    if !has_resolver(&config) {
        printer::note("no /etc/resolv.conf and no [dns] servers: mail to other servers will wait");
    }
    let places = Agent::ALL.into_iter().flat_map(|agent| agent.endpoints(&config));
    for endpoint in places {
        if let Place::Tcp(address) = endpoint.place
            && address.is_ipv6()
            && !has_ipv6()
        {
            printer::note(format!("{}: no IPv6 here, not listening on {address}", endpoint.name));
        } else if let Place::Tcp(address) = endpoint.place
            && !address.ip().is_unspecified()
            && let Err(error) = TcpListener::bind((address.ip(), 0))
        {
            mistakes.push(format!(
                "{}: {} is no address of this machine ({error})",
                endpoint.name,
                address.ip()
            ));
        }
    }
    if mistakes.is_empty() {
        printer::line(format!("{} is fine", file.display()));
        return Ok(());
    }
    bail!("{}: {}", file.display(), mistakes.join("; "))
}
