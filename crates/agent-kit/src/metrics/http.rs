//! As much HTTP as a scrape needs: one GET, one answer, the end.
//!
//! Whoever connects controls the request; it is read up to its first line's end, within a size and
//! a time, and nothing of it is used but the path.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Semaphore,
    time::timeout,
};

use crate::{Connection, Listener, Stop};

/// Connections at once; further ones wait.
const AT_ONCE: usize = 8;
/// The longest request in octets.
const REQUEST_MAX: usize = 8 * 1024;
/// The time for all of it.
const WITHIN: Duration = Duration::from_secs(10);
/// The pause after a failed accept.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves a page at `/metrics` until the stop.
pub async fn serve<F, P>(listeners: Vec<Listener>, stop: Stop, page: F)
where
    F: Fn() -> P + Send + Sync + 'static,
    P: Future<Output = String> + Send + 'static,
{
    let (page, places) = (Arc::new(page), Arc::new(Semaphore::new(AT_ONCE)));
    for listener in listeners {
        let (page, places, stop) = (page.clone(), places.clone(), stop.clone());
        tokio::spawn(async move {
            loop {
                // Never closed.
                let Ok(place) = places.clone().acquire_owned().await else { return };
                let accepted = tokio::select! {
                    () = stop.asked() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok(connection) = accepted else {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                let page = page.clone();
                tokio::spawn(async move {
                    // Whether it is heard makes no difference.
                    let _ = timeout(WITHIN, answer(connection, &*page)).await;
                    drop(place);
                });
            }
        });
    }
    stop.asked().await;
}

async fn answer<F, P>(connection: Connection, page: &F) -> io::Result<()>
where
    F: Fn() -> P,
    P: Future<Output = String>,
{
    let mut stream = connection.parts.transport;
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REQUEST_MAX {
        if stream.read_buf(&mut request).await? == 0 {
            break;
        }
    }
    let (status, body) = match target(&request) {
        Some("/metrics" | "/") => ("200 OK", page().await),
        Some(_) => ("404 Not Found", "the metrics are at /metrics\n".to_owned()),
        None => ("400 Bad Request", "only GET is understood\n".to_owned()),
    };
    // RFC 9112 §9.6: nothing follows on this connection.
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// RFC 9112 §3: method, target, version.
fn target(request: &[u8]) -> Option<&str> {
    let line = request.split(|octet| *octet == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let target = (words.next()? == "GET").then(|| words.next())??;
    let path = target.split('?').next()?;
    words.next()?.starts_with("HTTP/1.").then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines() {
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(target(format!("{line}\r\nHost: x\r\n\r\n").as_bytes()), expected, "{line}");
        };
        check("GET /metrics HTTP/1.1", Some("/metrics"));
        check("GET /metrics?a=b HTTP/1.0", Some("/metrics"));
        check("GET / HTTP/1.1", Some("/"));
        check("POST /metrics HTTP/1.1", None);
        check("GET /metrics", None);
        check("", None);
        assert_eq!(target(b"GET /\xff HTTP/1.1\r\n"), None);
    }
}
