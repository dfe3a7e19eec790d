//! The greeting, and what is announced in answer to the client's.

use std::{fmt::Display, time::Duration};

use mail_types::Timestamp;

use super::{
    session::Session,
    state::{Activity, Hello, State},
};
use crate::{
    command::{Xclient, hello_name, render_date_time},
    reply::{Farewell, PeerError, Positive, Refusal, write_hello},
};

impl Session {
    /// Says who we are.
    pub(super) fn greet(&mut self, output: &mut Vec<u8>) {
        Positive::Greeting(&self.options.hostname, self.options.dialect).write(output);
        self.state = State::Fresh;
    }

    /// Says that the client is not welcome.
    pub(super) fn turn_away(&mut self, refusal: &Refusal, output: &mut Vec<u8>) {
        refusal.write(output);
        self.leave(Farewell::NotWelcome, output);
    }

    pub(super) fn hello(
        &mut self,
        argument: &str,
        extended: bool,
        output: &mut Vec<u8>,
    ) -> Result<(), PeerError> {
        let name = hello_name(argument, self.options.dialect)?.into();
        // RFC 5321 §4.1.4: as if RSET had come.
        self.state = State::Greeted(Hello { name, extended }, Activity::Idle);
        if extended {
            self.list_extensions(output);
        } else {
            Positive::Hello(&self.options.hostname).write(output);
        }
        Ok(())
    }

    /// RFC 4954 §4: nothing is announced that this session could not do now.
    fn list_extensions(&self, output: &mut Vec<u8>) {
        let (options, extensions) = (&self.options, &self.options.extensions);
        let mut lines = vec![
            "PIPELINING".to_owned(),
            format!("SIZE {}", options.message_octets_max),
            "8BITMIME".to_owned(),
            "SMTPUTF8".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
            "DSN".to_owned(),
            "CHUNKING".to_owned(),
            "BINARYMIME".to_owned(),
            limits(options.limits.messages, options.limits.recipients),
        ];
        if let Some(least) = extensions.deliver_by {
            // RFC 2852 §2: without a parameter there is no such limit.
            lines.push(match least {
                0 => "DELIVERBY".to_owned(),
                least => format!("DELIVERBY {least}"),
            });
        }
        lines.extend(self.future_release());
        let mut also = |announced: bool, line: &str| {
            if announced {
                lines.push(line.to_owned());
            }
        };
        also(extensions.priority, "MT-PRIORITY");
        also(self.can_start_tls(), "STARTTLS");
        also(self.is_own(), "VRFY");
        // RFC 5321 §3.5.2.
        also(self.is_own(), "EXPN");
        also(extensions.etrn, "ETRN");
        also(extensions.require_tls && self.has_tls(), "REQUIRETLS");
        also(self.trusts_peer(), Xclient::ATTRIBUTES);
        let mechanisms = self.announced();
        if !mechanisms.is_empty() {
            let names: Vec<&str> = mechanisms.iter().map(|mechanism| mechanism.name()).collect();
            lines.push(format!("AUTH {}", names.join(" ")));
        }
        let lines: Vec<&dyn Display> = lines.iter().map(|line| line as &dyn Display).collect();
        write_hello(output, &options.hostname, &lines);
    }

    /// FUTURERELEASE with its two limits (RFC 4865 §3), where a message can be held.
    fn future_release(&self) -> Option<String> {
        let (seconds, until) = self.longest_hold()?;
        Some(format!("FUTURERELEASE {seconds} {}", render_date_time(until)))
    }

    /// How long a message is held at most, in seconds, and until when.
    ///
    /// The time is that of the connection's beginning, so that it is the same whenever EHLO comes
    /// and whenever MAIL is looked at.
    pub(super) fn longest_hold(&self) -> Option<(u32, Timestamp)> {
        // RFC 4865 §6: for those only who may send.
        let longest = self.options.extensions.future_release.filter(|_| self.is_own())?;
        let seconds = u32::try_from(longest.as_secs()).unwrap_or(u32::MAX).min(999_999_999);
        Some((seconds, self.opened_at?.plus(Duration::from_secs(u64::from(seconds)))))
    }
}

/// LIMITS (RFC 9422 §4): no value has more than six digits.
fn limits(messages: u32, recipients: u32) -> String {
    let value = |limit: u32| limit.clamp(1, 999_999);
    format!("LIMITS MAILMAX={} RCPTMAX={}", value(messages), value(recipients))
}
