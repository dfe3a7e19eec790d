//! The MSA (RFC 6409): takes mail from the domain's own people, on 587 with STARTTLS, on 465 with
//! TLS from the start, and from programs of this machine through a Unix socket.
//!
//! It decides who may send ([`submitter`]), as which address ([`author`]), how much ([`allowance`]),
//! and to whom mail goes, and repairs headers that lack what they must have. It reads no mailbox and
//! knows nothing of how mail travels on.

mod allowance;
mod author;
mod inquiry;
mod local_user;
mod notice;
mod outgoing;
mod recipients;
mod service;
mod submitter;
mod verp;

use agent_kit::{Running, Surroundings};

use service::Service;

/// Serves until the stop.
pub fn run(surroundings: Surroundings) -> Running {
    Box::pin(serve(surroundings))
}

async fn serve(mut surroundings: Surroundings) -> anyhow::Result<()> {
    let service = Service::open(&surroundings).await?;
    let turned_away = smtp_core::reply::too_many_connections();
    surroundings
        .serve_all(turned_away, move |connection| {
            let service = service.clone();
            async move { service.converse(connection).await }
        })
        .await;
    Ok(())
}

fn failure(error: &directory::DirectoryError) -> smtp_core::reply::Refusal {
    tracing::error!(error = error as &dyn std::error::Error, "the directory cannot be asked");
    smtp_core::reply::Refusal::Failure
}
