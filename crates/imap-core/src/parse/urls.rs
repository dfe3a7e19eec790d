//! GENURLAUTH, RESETKEY and URLFETCH (RFC 4467 §9).

use super::{
    SyntaxError,
    cursor::Cursor,
    values::{mailbox, text},
};
use crate::{
    command::{UrlCommand, UrlToAuthorize},
    url::is_url_mechanism,
};

type Parsed<T> = Result<T, SyntaxError>;

/// URLs, or mechanisms, of one command.
const URLS_MAX: usize = 100;

/// `genurlauth = "GENURLAUTH" 1*(SP url-rump SP mechanism)`
pub(super) fn authorize(cursor: &mut Cursor<'_>) -> Parsed<UrlCommand> {
    let urls = some_of(cursor, |cursor| {
        let url = url(cursor)?;
        cursor.space()?;
        Ok(UrlToAuthorize { url, mechanism: mechanism(cursor)? })
    })?;
    Ok(UrlCommand::Authorize(urls))
}

/// `urlfetch = "URLFETCH" 1*(SP url-full)`
pub(super) fn fetch(cursor: &mut Cursor<'_>) -> Parsed<UrlCommand> {
    some_of(cursor, url).map(UrlCommand::Fetch)
}

/// `resetkey = "RESETKEY" [SP mailbox *(SP mechanism)]`
pub(super) fn reset(cursor: &mut Cursor<'_>) -> Parsed<UrlCommand> {
    if !cursor.eat(b' ') {
        return Ok(UrlCommand::Reset { mailbox: None, mechanisms: Vec::new() });
    }
    let mailbox = Some(mailbox(cursor)?);
    let mechanisms = if cursor.eat(b' ') { some_of(cursor, mechanism)? } else { Vec::new() };
    Ok(UrlCommand::Reset { mailbox, mechanisms })
}

fn some_of<'c, T>(
    cursor: &mut Cursor<'c>,
    one: impl Fn(&mut Cursor<'c>) -> Parsed<T>,
) -> Parsed<Vec<T>> {
    let mut all = vec![one(cursor)?];
    while cursor.eat(b' ') {
        if all.len() == URLS_MAX {
            return Err(SyntaxError::TooManyUrls);
        }
        all.push(one(cursor)?);
    }
    Ok(all)
}

/// `url-rump = astring`, `url-full = astring`; what is in it is not looked at before it is used.
fn url(cursor: &mut Cursor<'_>) -> Parsed<Box<str>> {
    Ok(text(&cursor.astring("a URL")?)?.into())
}

fn mechanism(cursor: &mut Cursor<'_>) -> Parsed<Box<str>> {
    const WHAT: &str = "a mechanism such as INTERNAL";
    let atom = cursor.atom(WHAT)?;
    if is_url_mechanism(atom) { Ok(text(atom)?.into()) } else { Err(SyntaxError::Expected(WHAT)) }
}
