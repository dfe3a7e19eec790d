//! One page of all agents.

use std::{io, path::Path, time::Duration};

use config::Config;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};

use super::{
    OUTBOUND,
    families::UP,
    page::{Page, merged},
};
use crate::Agent;

/// How long an agent may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest page in octets.
const PAGE_MAX: u64 = 1 << 20;

/// Asks all agents. One that does not answer is `postrider_up 0`.
pub async fn collect(config: &Config) -> String {
    let mut asked = Vec::new();
    let half = config.folders().metrics_socket(OUTBOUND).exists().then_some(OUTBOUND);
    for name in Agent::ALL.map(Agent::name).into_iter().chain(half) {
        let socket = config.folders().metrics_socket(name);
        asked.push((name, tokio::spawn(async move { timeout(PATIENCE, ask(&socket)).await })));
    }
    let mut pages = Vec::new();
    for (name, asking) in asked {
        let text = match asking.await {
            Ok(Ok(Ok(text))) => Some(text),
            _ => None,
        };
        let mut up = Page::of(name);
        up.sample(UP, "", if text.is_some() { 1.0 } else { 0.0 });
        pages.push(up.text() + &text.unwrap_or_default());
    }
    merged(&pages)
}

async fn ask(socket: &Path) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.take(PAGE_MAX).read_to_string(&mut answer).await?;
    match answer.split_once("\r\n\r\n") {
        Some((head, page)) if head.starts_with("HTTP/1.1 200 ") => Ok(page.to_owned()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
