//! The demo's `config.toml`, and the ports in it.

use std::{
    collections::HashSet,
    fs, io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use agent_kit::{Agent, Place};
use anyhow::{Context, bail};
use config::Config;

use super::{HOST, certificates};
use crate::printer;

/// The demo's configuration file.
pub(super) fn file(folder: &Path) -> PathBuf {
    folder.join("config.toml")
}

/// Whether a demo is in this folder.
pub(super) fn is_demo(folder: &Path) -> anyhow::Result<bool> {
    let file = file(folder);
    // A start that was interrupted may have left keys without a configuration.
    if !file.exists() {
        return Ok(certificates::authority(folder).exists() || only_lock(folder)?);
    }
    Ok(Config::load(&file)?.demo)
}

fn only_lock(folder: &Path) -> io::Result<bool> {
    let lock = crate::supervisor::lock_file(folder);
    let mut files = fs::read_dir(folder)?;
    Ok(files.all(|file| file.is_ok_and(|file| file.path() == lock)))
}

/// Writes the configuration if there is none. Ports that others have taken are replaced by the
/// next free ones, in a configuration that is there as well.
pub(super) fn make_missing(folder: &Path) -> anyhow::Result<()> {
    let file = file(folder);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => first_text(),
        Err(error) => bail!("cannot read {}: {error}", file.display()),
    };
    let config =
        Config::parse(&text, folder).with_context(|| format!("{} has mistakes", file.display()))?;
    let with_ports = with_free_ports(text, &config, |address| TcpListener::bind(address).is_ok())?;
    let new = file.with_extension("toml.new");
    fs::write(&new, with_ports)
        .and_then(|()| fs::rename(&new, &file))
        .with_context(|| format!("cannot write {}", file.display()))
}

fn first_text() -> String {
    let (certificate, key) = (certificates::CERTIFICATE, certificates::KEY);
    format!(
        r#"# The configuration of a Postrider demo, made by `postrider up`.
# `postrider check-config --example` shows every key with its explanation.

hostname = "{HOST}"
data_dir = "."
demo = true

[tls]
certificate = "{certificate}"
key = "{key}"

[submission]
listen = ["127.0.0.1:1587"]
listen_tls = ["127.0.0.1:1465"]

[relay]
listen = ["127.0.0.1:1025"]

[imap]
listen = ["127.0.0.1:1143"]
listen_tls = ["127.0.0.1:1993"]

[pop3]
listen = ["127.0.0.1:1110"]
listen_tls = ["127.0.0.1:1995"]

[routes]
"*" = "hold: the demo never connects beyond this machine"
"#
    )
}

/// The text with each taken port replaced by the next free one.
fn with_free_ports(
    mut text: String,
    config: &Config,
    is_free: impl Fn(SocketAddr) -> bool,
) -> anyhow::Result<String> {
    let endpoints = Agent::ALL.into_iter().flat_map(|agent| agent.endpoints(config));
    let wanted: Vec<_> = endpoints
        .filter_map(|endpoint| match endpoint.place {
            Place::Tcp(address) if address.port() != 0 => Some((endpoint.name, address)),
            _ => None,
        })
        .collect();
    // Those that stay where they are must not be given to others.
    let mut given: HashSet<_> =
        wanted.iter().map(|(_, address)| *address).filter(|address| is_free(*address)).collect();
    for (name, address) in wanted {
        if given.contains(&address) {
            continue;
        }
        let next = (address.port()..u16::MAX)
            .map(|port| SocketAddr::new(address.ip(), port))
            .find(|next| !given.contains(next) && is_free(*next))
            .with_context(|| format!("{name}: no free port above {address}"))?;
        let (old, new) = (format!("\"{address}\""), format!("\"{next}\""));
        if !text.contains(&old) {
            bail!("{name}: {address} is in use by another program; change it in config.toml");
        }
        printer::note(format!("{name}: {address} is in use, taking {next} from now on"));
        text = text.replace(&old, &new);
        given.insert(next);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> Vec<u16> {
        let config = Config::parse(text, Path::new("/")).unwrap();
        let endpoints = Agent::ALL.into_iter().flat_map(|agent| agent.endpoints(&config));
        endpoints
            .filter_map(|endpoint| match endpoint.place {
                Place::Tcp(address) => Some(address.port()),
                Place::Unix(_) => None,
            })
            .collect()
    }

    fn move_ports(text: String, taken: &[u16]) -> String {
        let config = Config::parse(&text, Path::new("/")).unwrap();
        with_free_ports(text, &config, |address| !taken.contains(&address.port())).unwrap()
    }

    #[test]
    fn taken_ports_move_to_the_next_free_ones_and_stay_there() {
        assert_eq!(ports(&first_text()), [1587, 1465, 1025, 1143, 1993, 1110, 1995]);
        let untouched = move_ports(first_text(), &[]);
        assert_eq!(untouched, first_text());
        let moved = move_ports(first_text(), &[1587, 1993, 1994]);
        // 1995 is pop3-tls's own.
        assert_eq!(ports(&moved), [1588, 1465, 1025, 1143, 1996, 1110, 1995]);
        assert_eq!(move_ports(moved.clone(), &[1587]), moved, "remembered");
    }

    #[test]
    fn only_demos_are_demos() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_demo(folder.path()).unwrap(), "empty");
        fs::write(folder.path().join("diary.txt"), "").unwrap();
        assert!(!is_demo(folder.path()).unwrap());
        fs::write(file(folder.path()), first_text()).unwrap();
        assert!(is_demo(folder.path()).unwrap());
        fs::write(file(folder.path()), first_text().replace("demo = true", "")).unwrap();
        assert!(!is_demo(folder.path()).unwrap());
    }

    #[test]
    fn everything_is_on_loopback() {
        let config = Config::parse(&first_text(), Path::new("/")).unwrap();
        for agent in Agent::ALL {
            for endpoint in agent.endpoints(&config) {
                if let Place::Tcp(address) = endpoint.place {
                    assert!(address.ip().is_loopback());
                }
            }
        }
    }
}
