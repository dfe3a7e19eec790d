//! English.

use super::{Cause, Phrases};

pub(super) const PHRASES: Phrases = Phrases {
    subject_failed: "Your message could not be delivered",
    subject_delayed: "Your message is delayed",
    subject_passed: "Your message was delivered",
    system: ["This is the mail system of ", "."],
    about: "Your message was: ",
    failed: "It could not be delivered to:",
    delayed: "It could not be delivered yet, and delivery is still being tried, to:",
    delivered: "It was delivered to:",
    relayed: "It was passed on to a server that may not report its delivery, to:",
    expanded: "It was passed on to the members of:",
    said: " said: ",
    answered: "The answer was: ",
    until: ["Delivery is tried until ", ". You need not send it again."],
    advice,
};

fn advice(cause: Cause) -> &'static str {
    match cause {
        Cause::NoMailbox => {
            "There is no such mailbox. Look whether the address is written as it should be, or ask \
             the recipient for it in another way."
        }
        Cause::NoDomain => {
            "The part behind the @ takes no mail. Look whether it is written as it should be."
        }
        Cause::Disabled => {
            "The mailbox is closed. Reach the recipient in another way; sending again will not help."
        }
        Cause::Full => {
            "The mailbox has no room. Tell the recipient in another way, and send the message again \
             later."
        }
        Cause::TooLarge => {
            "The message is too large. Send it again without its attachments, or a link to them."
        }
        Cause::Unreachable => {
            "The recipient's server could not be reached. Nothing is wrong with your message: send it \
             again later, or reach the recipient in another way."
        }
        Cause::Expired => {
            "The time for its delivery is over, and it is not tried again. Send it again if it is \
             still of use, or reach the recipient in another way."
        }
        Cause::Loop => {
            "The message went round in circles between servers. Only a postmaster can mend that: pass \
             this notice on to yours."
        }
        Cause::TooMany => "There were too many recipients. Send it to fewer of them at a time.",
        Cause::NotCapable => {
            "The recipient's server cannot take a message of this kind. Send it as plain text, from \
             and to addresses without international characters."
        }
        Cause::Policy => {
            "The recipient's server does not want it. Its own words say why; if they do not help, \
             reach the recipient in another way, or pass this notice on to your postmaster."
        }
        Cause::NoTls => {
            "You asked that it travel under TLS all the way, and that was not possible. Send it again \
             without asking for that if it need not be secret."
        }
        Cause::Other => {
            "Send it again later. If it fails again, pass this notice on to your postmaster."
        }
    }
}
