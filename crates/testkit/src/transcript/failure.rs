//! What went wrong, printed for a person: a test returns it as its error.

use std::{fmt, io, path::Path};

/// A dialogue that did not go as its file says. `Debug` is the message, because that is what the
/// test harness prints.
pub struct Failure(String);

impl Failure {
    pub(crate) fn new(path: &Path, line: usize, text: &str) -> Self {
        Self(format!("{}:{line}: {text}", path.display()))
    }

    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        Self(format!("{}: {error}", path.display()))
    }

    pub(crate) fn joined(failures: Vec<Self>) -> Option<Self> {
        let texts: Vec<String> = failures.into_iter().map(|failure| failure.0).collect();
        (!texts.is_empty()).then(|| Self(texts.join("\n")))
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}\n(UPDATE_EXPECT=1 rewrites the server's lines)", self.0)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}
