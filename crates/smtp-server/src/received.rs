//! The Received field (RFC 5321 §4.4), and the same facts in words for the queue's journey.

use std::fmt::Write as _;

use conversation::{Peer, TlsFacts};
use mail_types::{Domain, ForwardPath, Priority, QueueId, Timestamp};
use message_queue::Origin;
use mime_core::header::date::DateTime;
use smtp_core::{
    command::MailFrom,
    server::{Dialect, Session},
};

/// As long as most trace fields are at most.
const USUAL_OCTETS: usize = 320;

/// What a trace field tells.
#[derive(Debug)]
pub(crate) struct Trace<'a> {
    /// The name that the client gave itself.
    pub(crate) client_name: &'a str,
    pub(crate) peer: Option<Peer>,
    pub(crate) tls: Option<&'a TlsFacts>,
    /// Of the registry: ESMTPSA and its like.
    pub(crate) protocol: &'static str,
    /// What MAIL asked for.
    pub(crate) priority: Option<Priority>,
}

impl<'a> Trace<'a> {
    /// What the session knows, and what MAIL said.
    pub(crate) fn of(session: &'a Session, mail: &MailFrom) -> Self {
        Self {
            client_name: session.client_name().unwrap_or_default(),
            peer: session.peer(),
            tls: session.tls(),
            protocol: protocol(
                session.options().dialect,
                session.is_extended(),
                mail.smtputf8,
                session.tls().is_some(),
                session.is_signed_in(),
            ),
            priority: mail.priority,
        }
    }

    /// The field with its line ends.
    ///
    /// ```text
    /// Time-stamp-line = "Received:" FWS Stamp <CRLF>
    /// Stamp           = From-domain By-domain Opt-info [CFWS] ";" FWS date-time
    /// ```
    pub(crate) fn field(
        &self,
        host: &Domain,
        id: QueueId,
        only_recipient: Option<&ForwardPath>,
        now: Timestamp,
        hide_client: bool,
    ) -> String {
        let mut field = String::with_capacity(USUAL_OCTETS);
        field.push_str("Received: ");
        // Writing to memory does not fail.
        let _ = write!(field, "from {}\r\n", self.from(hide_client));
        let _ = write!(field, "\tby {host} (Postrider) with {}", self.protocol);
        if let Some(tls) = self.tls {
            let _ = write!(field, "\r\n\t({} {})", tls.version, tls.cipher);
        }
        let _ = write!(field, "\r\n\tid {id}");
        // What is no mailbox of the grammar, or not ASCII, is left out: the field goes along to
        // wherever the message is forwarded, even where SMTPUTF8 is not known.
        if let Some(ForwardPath::Address(recipient)) = only_recipient
            && !recipient.needs_smtputf8()
        {
            let _ = write!(field, "\r\n\tfor <{recipient}>");
        }
        if let Some(priority) = self.priority {
            // RFC 6710 §4.1, §7
            let _ = write!(field, "\r\n\tpriority {priority}");
        }
        let date = DateTime { at: now, offset_minutes: 0 }.render();
        let _ = write!(field, ";\r\n\t{date}\r\n");
        field
    }

    fn from(&self, hide_client: bool) -> String {
        if hide_client {
            return "localhost (client address withheld)".to_owned();
        }
        // What is no domain could forge the rest of the field.
        let name = Domain::parse(self.client_name).map_or("unknown".to_owned(), |d| d.to_string());
        match self.peer {
            Some(Peer::Tcp { remote, .. }) => format!("{name} ({})", Domain::from_ip(remote.ip())),
            Some(Peer::Unix { uid }) => format!("{name} (uid {uid})"),
            None => name,
        }
    }

    /// For the journey.
    pub(crate) fn origin(&self, agent: &str) -> Origin {
        Origin {
            agent: agent.to_owned(),
            peer: self.peer.map(|peer| match peer {
                Peer::Tcp { remote, .. } => {
                    format!("{} {}", self.client_name, Domain::from_ip(remote.ip()))
                }
                Peer::Unix { uid } => format!("uid {uid}"),
            }),
            protocol: Some(self.protocol.to_owned()),
            tls: self.tls.map(|tls| format!("{} {}", tls.version, tls.cipher)),
        }
    }
}

/// The transmission type (RFC 3848, RFC 6531 §4.3). Nobody signs in to LMTP here.
fn protocol(
    dialect: Dialect,
    extended: bool,
    utf8: bool,
    tls: bool,
    signed_in: bool,
) -> &'static str {
    match (extended, utf8, tls, signed_in) {
        (_, false, false, _) if dialect == Dialect::Lmtp => "LMTP",
        (_, false, true, _) if dialect == Dialect::Lmtp => "LMTPS",
        (_, true, false, _) if dialect == Dialect::Lmtp => "UTF8LMTP",
        (_, true, true, _) if dialect == Dialect::Lmtp => "UTF8LMTPS",
        (false, ..) => "SMTP",
        (true, false, false, false) => "ESMTP",
        (true, false, false, true) => "ESMTPA",
        (true, false, true, false) => "ESMTPS",
        (true, false, true, true) => "ESMTPSA",
        (true, true, false, false) => "UTF8SMTP",
        (true, true, false, true) => "UTF8SMTPA",
        (true, true, true, false) => "UTF8SMTPS",
        (true, true, true, true) => "UTF8SMTPSA",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace<'a>(client_name: &'a str, tls: Option<&'a TlsFacts>) -> Trace<'a> {
        let peer = Peer::Tcp {
            local: "192.0.2.1:25".parse().unwrap(),
            remote: "[2001:db8::7]:4000".parse().unwrap(),
        };
        Trace { client_name, peer: Some(peer), tls, protocol: "ESMTPS", priority: None }
    }

    fn field(trace: &Trace<'_>, hide_client: bool) -> String {
        let host = Domain::parse("mx.example.org").unwrap();
        let to = ForwardPath::parse("bob@example.org").unwrap();
        let id = QueueId::from_bytes([0; 10]);
        trace.field(&host, id, Some(&to), Timestamp::from_secs(0), hide_client)
    }

    #[test]
    fn the_field_has_the_form_of_the_section() {
        let tls = TlsFacts {
            version: "TLSv1.3",
            cipher: "TLS_AES_256_GCM_SHA384",
            server_name: None,
            verified: false,
            ..TlsFacts::default()
        };
        assert_eq!(
            field(&trace("client.example", Some(&tls)), false),
            "Received: from client.example ([IPv6:2001:db8::7])\r\n\
             \tby mx.example.org (Postrider) with ESMTPS\r\n\
             \t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n\
             \tid 0000000000000000\r\n\
             \tfor <bob@example.org>;\r\n\
             \tThu, 1 Jan 1970 00:00:00 +0000\r\n",
            "RFC 5321 §4.4"
        );
    }

    #[test]
    fn only_an_ascii_mailbox_is_named() {
        let (host, id) = (Domain::parse("mx.example.org").unwrap(), QueueId::from_bytes([0; 10]));
        for path in ["postmaster", "\u{e4}@example.org"] {
            let to = ForwardPath::parse(path).unwrap();
            let now = Timestamp::from_secs(0);
            let field = trace("client.example", None).field(&host, id, Some(&to), now, false);
            assert!(field.is_ascii() && !field.contains("\tfor "), "{field}");
        }
    }

    #[test]
    fn a_strange_name_cannot_forge_the_field() {
        let field = field(&trace("a (evil);b", None), false);
        assert!(field.starts_with("Received: from unknown ([IPv6:2001:db8::7])\r\n"), "{field}");
    }

    #[test]
    fn the_client_can_be_left_out() {
        let field = field(&trace("client.example", None), true);
        assert!(!field.contains("client.example") && !field.contains("2001"), "{field}");
    }

    #[test]
    fn every_protocol_has_its_word() {
        let smtp = |extended, utf8, tls, signed_in| {
            protocol(Dialect::Smtp, extended, utf8, tls, signed_in)
        };
        assert_eq!(smtp(false, false, false, false), "SMTP");
        assert_eq!(smtp(true, false, true, true), "ESMTPSA");
        assert_eq!(smtp(true, true, true, false), "UTF8SMTPS");
        assert_eq!(protocol(Dialect::Lmtp, true, false, false, false), "LMTP", "RFC 3848");
        assert_eq!(protocol(Dialect::Lmtp, true, true, true, false), "UTF8LMTPS");
    }
}
