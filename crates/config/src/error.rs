//! What is wrong with a configuration.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// One mistake: where, what, and how to cure it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1, if the mistake stands on one.
    pub line: Option<usize>,
    /// The key in full, such as `relay.outbound.port`; empty if the text is no TOML there.
    pub key: String,
    /// What is wrong, to be read after the key.
    pub problem: String,
}

impl Mistake {
    /// A mistake about a key that stands nowhere.
    pub(crate) fn of_key(key: &str, problem: impl Into<String>) -> Self {
        Self { line: None, key: key.into(), problem: problem.into() }
    }
}

/// All mistakes of a configuration, in the order of its lines.
#[derive(Debug)]
pub struct ConfigErrors {
    file: Option<PathBuf>,
    mistakes: Vec<Mistake>,
    source: Option<io::Error>,
}

impl ConfigErrors {
    pub(crate) fn of(mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(|mistake| mistake.line.unwrap_or(usize::MAX));
        Self { file: None, mistakes, source: None }
    }

    pub(crate) fn unreadable(file: &Path, error: io::Error) -> Self {
        Self { file: Some(file.into()), mistakes: Vec::new(), source: Some(error) }
    }

    pub(crate) fn of_file(mut self, file: &Path) -> Self {
        self.file = Some(file.into());
        self
    }

    /// The mistakes; none if the file could not be read at all.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

/// A line for each mistake: `config.toml:12: imap.listen: ...`.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_deref().unwrap_or(Path::new("configuration")).display();
        if let Some(error) = &self.source {
            return write!(f, "{file}: cannot be read: {error}");
        }
        for (number, mistake) in self.mistakes.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{file}:")?;
            if let Some(line) = mistake.line {
                write!(f, "{line}:")?;
            }
            if !mistake.key.is_empty() {
                write!(f, " {}", mistake.key)?;
            }
            write!(f, " {}", mistake.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}
