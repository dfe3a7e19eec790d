//! Who gets what is sent to a recipient.

use directory::{Directory, Occasion, Route};
use mail_types::{ForwardPath, ReversePath};
use message_queue::NewRecipient;
use smtp_core::{command::RcptTo, reply::Refusal};
use smtp_server::{no_route, recipient};

/// Routes one recipient of a message: to mailboxes of ours, or to another server.
pub(crate) async fn route(
    directory: &Directory,
    rcpt: &RcptTo,
    from: &ReversePath,
) -> Result<Vec<NewRecipient>, Refusal> {
    let occasion = Occasion::message(from, agent_kit::now());
    let route = match &rcpt.forward_path {
        ForwardPath::Postmaster => directory.route_postmaster(occasion).await,
        ForwardPath::Address(address) => directory.route(address, occasion).await,
    };
    match route.map_err(|error| super::failure(&error))? {
        Route::Ours(targets) => Ok(targets.into_iter().map(recipient).collect()),
        Route::Elsewhere(target) => Ok(vec![recipient(target)]),
        Route::Refused(why) => Err(no_route(why, &rcpt.forward_path)),
    }
}
