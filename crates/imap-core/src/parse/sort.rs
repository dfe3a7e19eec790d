//! SORT and THREAD (RFC 5256 §5, RFC 5957 §5, RFC 5267 §3).

use super::{
    SyntaxError,
    cursor::Cursor,
    search::{charset, keys, returns},
};
use crate::command::{
    Arrange, Numbering, Search, SearchKey, SearchReturn, SortCriterion, SortKey, ThreadAlgorithm,
};

type Parsed<T> = Result<T, SyntaxError>;

/// `sort = ["UID" SP] "SORT" [SP "RETURN" SP "(" .. ")"] SP sort-criteria SP search-criteria`,
/// `search-criteria = charset 1*(SP search-key)`
pub(super) fn sort(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Search> {
    let (returns, update) = returns(cursor)?;
    let mut criteria: Vec<SortCriterion> = Vec::new();
    for criterion in cursor.list("a list of sort criteria", criterion)? {
        // By what it was sorted already nothing is sorted again, in neither direction.
        if criteria.iter().all(|before| before.key != criterion.key) {
            criteria.push(criterion);
        }
    }
    cursor.space()?;
    let key = search_criteria(cursor, returns)?;
    Ok(Search { numbering, returns, key, arrange: Arrange::Sorted(criteria), update })
}

/// `thread = ["UID" SP] "THREAD" SP thread-alg SP search-criteria`
pub(super) fn thread(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Search> {
    let algorithm = if cursor.eat_word("ORDEREDSUBJECT") {
        ThreadAlgorithm::OrderedSubject
    } else if cursor.eat_word("REFERENCES") {
        ThreadAlgorithm::References
    } else {
        return Err(SyntaxError::Expected("ORDEREDSUBJECT or REFERENCES"));
    };
    cursor.space()?;
    let key = search_criteria(cursor, None)?;
    let arrange = Arrange::Threaded(algorithm);
    Ok(Search { numbering, returns: None, key, arrange, update: None })
}

fn search_criteria(cursor: &mut Cursor<'_>, returns: Option<SearchReturn>) -> Parsed<SearchKey> {
    charset(cursor, returns)?;
    cursor.space()?;
    keys(cursor)
}

/// `sort-criterion = ["REVERSE" SP] sort-key`
fn criterion(cursor: &mut Cursor<'_>) -> Parsed<SortCriterion> {
    let reverse = cursor.eat_word("REVERSE");
    if reverse {
        cursor.space()?;
    }
    let key = match cursor.word().to_ascii_uppercase().as_slice() {
        b"ARRIVAL" => SortKey::Arrival,
        b"CC" => SortKey::Cc,
        b"DATE" => SortKey::Date,
        b"FROM" => SortKey::From,
        b"SIZE" => SortKey::Size,
        b"SUBJECT" => SortKey::Subject,
        b"TO" => SortKey::To,
        b"DISPLAYFROM" => SortKey::DisplayFrom,
        b"DISPLAYTO" => SortKey::DisplayTo,
        _ => {
            return Err(SyntaxError::Expected(
                "ARRIVAL, CC, DATE, FROM, SIZE, SUBJECT, TO, DISPLAYFROM or DISPLAYTO",
            ));
        }
    };
    Ok(SortCriterion { key, reverse })
}
