//! Parameters behind a path.

use crate::reply::PeerError;

/// One `esmtp-param` (RFC 5321 §4.1.2): a keyword, and a value if there is an `=`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter<'a> {
    pub(super) keyword: &'a str,
    pub(super) value: Option<&'a str>,
}

/// The parameters of a line.
///
/// ```text
/// Mail-parameters = esmtp-param *(SP esmtp-param)      RFC 5321 §4.1.2
/// esmtp-param     = esmtp-keyword ["=" esmtp-value]
/// ```
///
/// A value ends at the next space whatever stands in it, so none can smuggle in another parameter.
pub(super) fn all(text: &str) -> impl Iterator<Item = Parameter<'_>> {
    text.split(' ').filter(|word| !word.is_empty()).map(|word| match word.split_once('=') {
        Some((keyword, value)) => Parameter { keyword, value: Some(value) },
        None => Parameter { keyword: word, value: None },
    })
}

impl<'a> Parameter<'a> {
    /// Notes a parameter that has no value and comes once.
    pub(super) fn mark(&self, place: &mut Option<()>, name: &'static str) -> Result<(), PeerError> {
        match (self.value, place.replace(())) {
            (None, None) => Ok(()),
            _ => Err(PeerError::BadParameter(name)),
        }
    }

    /// Whether it is the one of this name; case does not count.
    pub(super) fn is(&self, name: &str) -> bool {
        self.keyword.eq_ignore_ascii_case(name)
    }

    /// Its value, parsed, into a place that must still be empty: no parameter may come twice.
    pub(super) fn set<T>(
        &self,
        place: &mut Option<T>,
        name: &'static str,
        parse: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<(), PeerError> {
        let value = self.value.filter(|value| !value.is_empty()).and_then(parse);
        match (value, place.is_none()) {
            (Some(value), true) => {
                *place = Some(value);
                Ok(())
            }
            _ => Err(PeerError::BadParameter(name)),
        }
    }
}
