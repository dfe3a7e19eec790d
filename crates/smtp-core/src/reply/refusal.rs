//! What the agent answers when it says no.

use mail_types::{Address, Reply};

use super::Wording;

/// We decline, for now (4xx) or for good (5xx). Each reason has its one reply here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The domain is ours, the mailbox does not exist.
    UnknownMailbox,
    /// The mailbox is switched off.
    MailboxDisabled,
    /// The mailbox is full.
    MailboxFull,
    /// The mailbox has been full for so long that trying again is in vain.
    MailboxFullForLong,
    /// The address is a list, to which this sender may not post.
    PostingDenied,
    /// The domain is relayed, and its own server does not take mail for the address.
    NotTakenThere,
    /// The same, and it cannot be asked now, or not that often.
    NotAskedNow,
    /// Neither end is ours.
    RelayDenied,
    /// The sender's address is not the account's; its own is named.
    SenderNotYours(Option<Address>),
    /// The From or Sender field names an address that is not the account's.
    AuthorNotYours(Address),
    /// The fields that say who wrote the message are longer than what could be checked.
    AuthorUnreadable,
    /// This network may send without a sign-in, but not as this address.
    SenderNeedsAuth,
    /// The account has sent more than is even held for the operator.
    SendingTooMuch,
    /// With what they expand to, the recipients are too many for one message.
    TooManyRecipients,
    /// Larger than we take, in octets.
    TooBig(u64),
    /// The message has been here before.
    Loop,
    /// Binary content that cannot be written as text without breaking a signature, or that is no
    /// message.
    NotConvertible,
    /// ETRN for a domain that this client may not start.
    NodeNotAllowed,
    /// ETRN for a queue that does not exist.
    NoSuchNode,
    /// The disk is nearly full.
    NoStorage,
    /// Name or password is wrong.
    BadCredentials,
    /// The account has changed since the client signed in.
    SignInAgain,
    /// Nobody can sign in at the moment, or not so often.
    SignInLater,
    /// Too many wrong passwords came from there, or for that name: for so many minutes none is
    /// looked at.
    SignInBlocked(u64),
    /// Something of ours failed; the log says what.
    Failure,
}

impl Refusal {
    /// Whether the same may succeed later.
    pub fn is_transient(&self) -> bool {
        self.wording().code / 100 == 4
    }

    pub(crate) fn write(&self, output: &mut Vec<u8>) {
        self.wording().write(output);
    }

    fn wording(&self) -> Wording<'static> {
        match self {
            Self::UnknownMailbox => {
                Wording::new(550, (5, 1, 1), "No such mailbox here; please check the address")
            }
            Self::MailboxDisabled => {
                Wording::new(550, (5, 2, 1), "This mailbox takes no mail at present")
            }
            Self::PostingDenied => Wording::new(
                550,
                (5, 7, 2),
                "You may not post to this list; its owner can admit you",
            ),
            // 452 and not 552: room is made, and the sender's queue waits.
            Self::MailboxFull => {
                Wording::new(452, (4, 2, 2), "The mailbox is full, try again later")
            }
            // RFC 5321 §4.2.2.
            Self::MailboxFullForLong => {
                Wording::new(552, (5, 2, 2), "The mailbox has been full for a long time")
            }
            Self::NotTakenThere => Wording::new(
                550,
                (5, 1, 1),
                "The domain's own server takes no mail for this address; please check it",
            ),
            // RFC 3463 §3.5, X.4.3: directory server failure.
            Self::NotAskedNow => Wording::new(
                450,
                (4, 4, 3),
                "It cannot be told now whether there is such a mailbox; try again later",
            ),
            Self::RelayDenied => Wording::new(
                550,
                (5, 7, 1),
                "Relaying denied: this server does not take mail for that domain",
            ),
            // RFC 5321 §4.5.3.1.10; the enhanced status as RFC 5248 has it.
            Self::TooManyRecipients => {
                Wording::new(452, (4, 5, 3), "Too many recipients for one message")
            }
            // RFC 1985 §5.1.
            Self::NodeNotAllowed => {
                Wording::new(459, (4, 7, 1), "You cannot start the queue of this domain")
            }
            Self::NoSuchNode => Wording::new(458, (4, 3, 3), "There is no such queue here"),
            Self::Failure => {
                Wording::new(451, (4, 3, 0), "A failure on our side, please try again later")
            }
            _ => self.message_wording(),
        }
    }

    /// About the message itself, and the room for it.
    fn message_wording(&self) -> Wording<'static> {
        match self {
            // RFC 1870 §6.1, §6.3.
            Self::TooBig(limit) => {
                Wording::new(552, (5, 3, 4), format!("The message is larger than {limit} octets"))
            }
            // RFC 5321 §6.3; 554 as for any failed transaction.
            Self::Loop => {
                Wording::new(554, (5, 4, 6), "This message goes round in circles (mail loop)")
            }
            // RFC 3030 §3: content that cannot be passed on as it is.
            Self::NotConvertible => Wording::new(
                554,
                (5, 6, 3),
                "This binary message cannot be delivered as text; send it encoded as base64",
            ),
            Self::NoStorage => {
                Wording::new(452, (4, 3, 1), "No room for mail at present, try again later")
            }
            _ => self.sender_wording(),
        }
    }

    /// About who sends, and as whom.
    fn sender_wording(&self) -> Wording<'static> {
        match self {
            // RFC 6409 §6.1.
            Self::SenderNotYours(Some(own)) => Wording::new(
                553,
                (5, 7, 1),
                format!("You cannot send as this address; your own is {own}"),
            ),
            Self::SenderNotYours(None) => {
                Wording::new(553, (5, 7, 1), "You cannot send as this address")
            }
            // RFC 6409 §6.1 lets us check authors as well; the reply comes after the content.
            Self::AuthorNotYours(author) => Wording::new(
                550,
                (5, 7, 1),
                format!(
                    "You cannot write as {author}: choose one of your own addresses as sender, or \
                     ask the postmaster to let you send as this one"
                ),
            ),
            Self::AuthorUnreadable => Wording::new(
                550,
                (5, 7, 1),
                "The From field is too long to be checked; name your own address only",
            ),
            Self::SenderNeedsAuth => Wording::new(
                530,
                (5, 7, 0),
                "Sign in first (AUTH): without it only certain senders are allowed here",
            ),
            Self::SendingTooMuch => Wording::new(
                450,
                (4, 7, 1),
                "You have sent too much in a short time; try again later or ask the postmaster",
            ),
            // RFC 4954 §6.
            Self::BadCredentials => Wording::new(535, (5, 7, 8), "Wrong name or password"),
            Self::SignInAgain => {
                Wording::new(530, (5, 7, 0), "Your account has changed, please sign in again")
            }
            Self::SignInLater => {
                Wording::new(454, (4, 7, 0), "Sign-in is not possible now, try again later")
            }
            Self::SignInBlocked(minutes) => Wording::new(
                454,
                (4, 7, 0),
                format!("Too many wrong passwords: sign-in is blocked for {minutes} minutes"),
            ),
            // What stands above comes here never.
            _ => Wording::new(451, (4, 3, 0), "A failure on our side, please try again later"),
        }
    }
}

impl From<&Refusal> for Reply {
    fn from(refusal: &Refusal) -> Self {
        refusal.wording().into_reply()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_refusal_is_positive_and_its_status_has_its_class() {
        let all = [
            Refusal::UnknownMailbox,
            Refusal::MailboxDisabled,
            Refusal::PostingDenied,
            Refusal::MailboxFull,
            Refusal::MailboxFullForLong,
            Refusal::NotTakenThere,
            Refusal::NotAskedNow,
            Refusal::RelayDenied,
            Refusal::SenderNotYours(Address::parse("a@example.org").ok()),
            Refusal::SenderNotYours(None),
            Refusal::AuthorNotYours(Address::parse("a@example.org").unwrap()),
            Refusal::AuthorUnreadable,
            Refusal::SenderNeedsAuth,
            Refusal::SendingTooMuch,
            Refusal::TooManyRecipients,
            Refusal::TooBig(1),
            Refusal::Loop,
            Refusal::NotConvertible,
            Refusal::NodeNotAllowed,
            Refusal::NoSuchNode,
            Refusal::NoStorage,
            Refusal::BadCredentials,
            Refusal::SignInAgain,
            Refusal::SignInLater,
            Refusal::SignInBlocked(5),
            Refusal::Failure,
        ];
        for refusal in all {
            let reply = Reply::from(&refusal);
            let class = reply.status().map(mail_types::EnhancedStatus::class).map(u16::from);
            assert_eq!(class, Some(reply.code() / 100), "{refusal:?}");
            assert!(matches!(class, Some(4 | 5)), "{refusal:?}");
            assert_eq!(refusal.is_transient(), class == Some(4));
            let is_failure = reply.lines() == Reply::from(&Refusal::Failure).lines();
            assert_eq!(is_failure, refusal == Refusal::Failure, "{refusal:?} has words of its own");
        }
    }
}
