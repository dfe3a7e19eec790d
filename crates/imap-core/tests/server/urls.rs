//! The toy account's URLs: a proof is a digest that anybody can make.

use conversation::Wire;
use imap_core::{
    command::{UrlCommand, UrlToAuthorize},
    response::{Code, Completion, UrlFetchResponse},
    server::{Ask, Session},
    url::{AuthorizedUrl, UrlAccess, UrlProof},
};

use super::dialogue::ImapDialogue;

fn proof(rump: &str) -> UrlProof {
    let sum =
        rump.bytes().fold(7_u64, |sum, octet| sum.wrapping_mul(31).wrapping_add(octet.into()));
    UrlProof { mechanism: "INTERNAL".into(), token: format!("{sum:032x}").into() }
}

impl ImapDialogue {
    pub(super) fn urls(&mut self, ask: Ask<UrlCommand>, session: &mut Session, wire: &mut Wire) {
        let done = match ask.command() {
            UrlCommand::Authorize(urls) => {
                let urls: Option<Vec<String>> =
                    urls.iter().map(|wanted| self.authorized(wanted)).collect();
                match urls {
                    Some(urls) => {
                        ask.authorized(wire, urls.iter().map(String::as_str));
                        Completion::ok("GENURLAUTH completed")
                    }
                    None => Completion::bad("This is no URL that can be authorized"),
                }
            }
            UrlCommand::Reset { mailbox: Some(name), .. }
                if !self.account.mailboxes.contains_key(name) =>
            {
                Completion::no(Code::NonExistent, "No such mailbox")
            }
            UrlCommand::Reset { mailbox, .. } => {
                let code = mailbox.as_ref().and_then(|_| session.url_mechanisms());
                let done = Completion::ok("RESETKEY completed");
                code.into_iter().fold(done, Completion::with)
            }
            UrlCommand::Fetch(urls) => {
                let response = UrlFetchResponse::begin(&mut wire.output);
                for url in urls {
                    match self.redeemed(url) {
                        Some(octets) => {
                            response.content(&mut wire.output, url, octets.len() as u64);
                            wire.output.extend_from_slice(&octets);
                        }
                        None => response.nothing(&mut wire.output, url),
                    }
                }
                response.end(&mut wire.output);
                Completion::ok("URLFETCH completed")
            }
        };
        ask.finish(session, wire, done);
    }

    fn authorized(&self, wanted: &UrlToAuthorize) -> Option<String> {
        let url = AuthorizedUrl::parse(&wanted.url).filter(|url| url.proof.is_none())?;
        let known = self.account.mailboxes.contains_key(&url.message.mailbox);
        (known && url.user == "alice").then(|| format!("{}{}", url.rump, proof(&url.rump).render()))
    }

    fn redeemed(&mut self, url: &str) -> Option<Vec<u8>> {
        let url = AuthorizedUrl::parse(url)?;
        let may = url.proof == Some(proof(&url.rump))
            && !matches!(url.access, UrlAccess::Submit(_))
            && url.expires.is_none_or(|end| end.secs() > 1_000_000_000);
        self.octets_at(may.then_some(url.message)?)
    }
}
