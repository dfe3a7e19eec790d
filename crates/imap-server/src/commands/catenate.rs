//! Parts of messages that an APPEND is put together from (RFC 4469 §3).

use agent_kit::Gone;
use imap_core::{
    response::{Code, Completion},
    server::{AppendUrl, Ask},
    url::MessageUrl,
};
use mail_store::{MessageReader, MessageRow, StoreError, UidSet, Want};
use mail_types::Right;

use super::{
    append::Appending,
    fetch_content::{Content, PIECE, size},
};
use crate::{
    handler::{Conversation, Talk},
    place::Place,
    trouble,
};

impl Conversation {
    pub(crate) async fn append_url(
        &mut self,
        ask: Ask<AppendUrl>,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        let mut appending = self.appending.take();
        let taken = match &mut appending {
            Some(appending) => self.take_url(&ask, appending, talk).await?,
            None => Err(trouble::out_of_order()),
        };
        let (session, wire) = talk.parts();
        match taken {
            Ok(octets) => {
                self.appending = appending;
                ask.taken(session, octets);
            }
            Err(completion) => ask.refuse(session, wire, completion),
        }
        Ok(())
    }

    /// Adds the octets; answers how many they were.
    async fn take_url(
        &self,
        ask: &Ask<AppendUrl>,
        appending: &mut Appending,
        talk: &mut Talk<'_>,
    ) -> Result<Result<u64, Completion>, Gone> {
        let Some(url) = MessageUrl::parse(&ask.command().url) else {
            return Ok(Err(ask.bad_url()));
        };
        let place = match self.place(&url.mailbox).await {
            Ok(place) => place,
            Err(refused) if refused.code == Some(Code::NonExistent) => {
                return Ok(Err(ask.bad_url()));
            }
            // No fault of the URL.
            Err(failed) => return Ok(Err(failed)),
        };
        let (reader, row) = match place.message_at(&url).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Err(ask.bad_url())),
            Err(error) => return Ok(Err(trouble::completion(&error))),
        };
        let content = match Content::of(&reader, &row, &url.section, url.partial).await {
            Ok(content) => content,
            Err(error) => return Ok(Err(trouble::completion(&error))),
        };
        let (range, chosen) = match content {
            Content::Range(range) => (range, Vec::new()),
            Content::Chosen(octets) => (0..octets.len() as u64, octets),
            Content::Nothing | Content::Decoded(_) | Content::Unknown => {
                return Ok(Err(ask.bad_url()));
            }
        };
        let octets = range.end.saturating_sub(range.start);
        if octets > ask.command().room {
            return Ok(Err(Completion::no(Code::TooBig, "The message is too large")));
        }
        if !chosen.is_empty() {
            return Ok(appending.take(&chosen).await.map(|()| octets));
        }
        let mut at = range.start;
        while at < range.end {
            let piece = reader.read_at(at, size(range.end - at).min(PIECE)).await;
            let piece = match piece {
                Ok(piece) if !piece.is_empty() => piece,
                Ok(_) => return Ok(Err(trouble::expunge_issued())),
                Err(error) => return Ok(Err(trouble::completion(&error))),
            };
            if let Err(refused) = appending.take(&piece).await {
                return Ok(Err(refused));
            }
            at += piece.len() as u64;
            talk.checkpoint().await?;
        }
        Ok(Ok(octets))
    }
}

impl Place {
    /// The message that a URL means, if it is there and may be read.
    pub(super) async fn message_at(
        &self,
        url: &MessageUrl,
    ) -> Result<Option<(MessageReader, MessageRow)>, StoreError> {
        let Ok(state) = self.allows(Right::Read) else { return Ok(None) };
        if url.uid_validity.is_some_and(|epoch| epoch != state.uid_validity) {
            return Ok(None);
        }
        let uids = UidSet::from(url.uid);
        let mut rows = self.mailboxes.fetch(state.id, &uids, Want::Details).await?;
        let Some(row) = rows.pop() else { return Ok(None) };
        match self.mailboxes.read(&row.file).await {
            Ok(reader) => Ok(Some((reader, row))),
            Err(StoreError::MessageGone) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
