//! ESEARCH (RFC 7377 §4).

use super::{SyntaxError, cursor::Cursor, notify::one_or_more, search::search};
use crate::command::{MultiSearch, Numbering, SearchReturn, SearchSource};

type Parsed<T> = Result<T, SyntaxError>;

/// Mailboxes that are named in one command.
const NAMES_MAX: usize = 1000;
/// Groups of mailboxes of one command.
const SOURCES_MAX: usize = 100;

/// `esearch = "ESEARCH" [SP "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"]
/// [SP search-return-opts] SP search-program`
pub(super) fn multi_search(cursor: &mut Cursor<'_>) -> Parsed<MultiSearch> {
    let mut sources = vec![SearchSource::Selected];
    if cursor.eat_word("IN") {
        cursor.space()?;
        let mut names = 0;
        sources = cursor.list("mailboxes to search", |cursor| source(cursor, &mut names))?;
        cursor.space()?;
        if names > NAMES_MAX || sources.len() > SOURCES_MAX {
            return Err(SyntaxError::TooManySearched);
        }
    }
    // RFC 7377 §2.1: the numbers of the response are UIDs.
    let mut search = Box::new(search(cursor, Numbering::Uid)?);
    let returns = search.returns.get_or_insert(SearchReturn { all: true, ..Default::default() });
    // RFC 7377 §2.2.
    if returns.save && sources != [SearchSource::Selected] {
        return Err(SyntaxError::Expected("SAVE with the selected mailbox only"));
    }
    Ok(MultiSearch { search, sources })
}

/// `filter-mailboxes` (RFC 5465 §8), without `selected-delayed` and with `subtree-one`.
fn source(cursor: &mut Cursor<'_>, names: &mut usize) -> Parsed<SearchSource> {
    const WHAT: &str = "selected, inboxes, personal, subscribed, subtree, subtree-one or mailboxes";
    Ok(match cursor.word().to_ascii_lowercase().as_slice() {
        b"selected" => SearchSource::Selected,
        b"inboxes" | b"personal" => SearchSource::Personal,
        b"subscribed" => SearchSource::Subscribed,
        b"subtree" => SearchSource::Subtree(one_or_more(cursor, names)?),
        b"subtree-one" => SearchSource::SubtreeOne(one_or_more(cursor, names)?),
        b"mailboxes" => SearchSource::Mailboxes(one_or_more(cursor, names)?),
        _ => return Err(SyntaxError::Expected(WHAT)),
    })
}
