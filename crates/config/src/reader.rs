//! Takes keys from a parsed table and remembers what was wrong with them.

use std::{collections::BTreeSet, path::Path};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{error::Mistake, value::Value};

/// Parses the text as TOML.
pub(crate) fn document<'t>(text: &'t str, mistakes: &mut Vec<Mistake>) -> DeTable<'t> {
    let (document, errors) = DeTable::parse_recoverable(text);
    mistakes.extend(errors.iter().map(|error| Mistake {
        line: error.span().map(|span| line_of(text, span.start)),
        key: String::new(),
        problem: error.message().to_owned(),
    }));
    document.into_inner()
}

/// One table, of which every known key is asked for once; the rest is unknown.
pub(crate) struct Reader<'a> {
    table: &'a DeTable<'a>,
    name: String,
    text: &'a str,
    folder: &'a Path,
    known: BTreeSet<&'static str>,
    mistakes: &'a mut Vec<Mistake>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        table: &'a DeTable<'a>,
        text: &'a str,
        folder: &'a Path,
        mistakes: &'a mut Vec<Mistake>,
    ) -> Self {
        Self { table, name: String::new(), text, folder, known: BTreeSet::new(), mistakes }
    }

    /// The value behind a key: nothing if the key isn't there or its value is wrong, which is then
    /// remembered.
    pub(crate) fn value<V: Value>(&mut self, key: &'static str) -> Option<V> {
        self.known.insert(key);
        let found = self.table.get(key)?;
        match V::read(found.get_ref(), self.folder) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.wrong(key, found, problem);
                None
            }
        }
    }

    /// The table behind a key.
    pub(crate) fn table(&mut self, key: &'static str) -> Option<Reader<'_>> {
        self.known.insert(key);
        let found = self.table.get(key)?;
        let Some(table) = found.get_ref().as_table() else {
            let problem = format!("is a table: write [{}] and its keys below", self.full(key));
            self.wrong(key, found, problem);
            return None;
        };
        Some(Reader {
            table,
            name: self.full(key),
            text: self.text,
            folder: self.folder,
            known: BTreeSet::new(),
            mistakes: self.mistakes,
        })
    }

    /// All entries of a table whose keys are free, as far as they are right.
    pub(crate) fn entries<T>(&mut self, read: impl Fn(&str, &str) -> Result<T, String>) -> Vec<T> {
        let mut entries = Vec::new();
        for (key, found) in self.table {
            let key = key.get_ref();
            let entry = match found.get_ref().as_str() {
                Some(text) => read(key, text),
                None => Err("must be a text in quotes".to_owned()),
            };
            match entry {
                Ok(entry) => entries.push(entry),
                Err(problem) => self.wrong(key, found, problem),
            }
        }
        entries
    }

    /// All entries of a table whose keys are free and whose values are lists.
    pub(crate) fn lists<V: Value, K>(
        &mut self,
        read: impl Fn(&str) -> Result<K, String>,
    ) -> Vec<(K, Vec<V>)> {
        let mut entries = Vec::new();
        for (key, found) in self.table {
            let key = key.get_ref();
            let entry = read(key).and_then(|known| {
                Vec::read(found.get_ref(), self.folder).map(|values| (known, values))
            });
            match entry {
                Ok(entry) => entries.push(entry),
                Err(problem) => self.wrong(key, found, problem),
            }
        }
        entries
    }

    /// All tables of a table whose keys are free, as far as they are right.
    pub(crate) fn tables<T>(
        &mut self,
        read: impl Fn(&str, &mut Reader<'_>) -> Result<T, String>,
    ) -> Vec<T> {
        let mut tables = Vec::new();
        for (key, found) in self.table {
            let key = key.get_ref();
            let name = self.full(&format!("\"{key}\""));
            let Some(table) = found.get_ref().as_table() else {
                self.wrong(key, found, format!("is a table: write [{name}] and its keys below"));
                continue;
            };
            let (text, folder, known) = (self.text, self.folder, BTreeSet::new());
            let mut inner =
                Reader { table, name, text, folder, known, mistakes: &mut *self.mistakes };
            let read = read(key, &mut inner);
            inner.finish();
            match read {
                Ok(read) => tables.push(read),
                Err(problem) => self.wrong(key, found, problem),
            }
        }
        tables
    }

    /// Remembers that a key is missing.
    pub(crate) fn require(&mut self, key: &'static str, sample: &str) {
        if self.table.get(key).is_none() {
            let problem = format!("is missing: add a line such as {key} = {sample}");
            self.mistakes.push(Mistake::of_key(&self.full(key), problem));
        }
    }

    /// Remembers the keys that nobody asked for.
    pub(crate) fn finish(self) {
        for key in self.table.keys() {
            if self.known.contains(&**key.get_ref()) {
                continue;
            }
            let problem = match nearest(key.get_ref(), &self.known) {
                Some(known) => format!("is not known here; did you mean {known}?"),
                None => {
                    let known: Vec<&str> = self.known.iter().copied().collect();
                    format!("is not known here; known are {}", known.join(", "))
                }
            };
            let line = Some(line_of(self.text, key.span().start));
            self.mistakes.push(Mistake { line, key: self.full(key.get_ref()), problem });
        }
    }

    fn wrong(&mut self, key: &str, found: &Spanned<DeValue<'_>>, problem: String) {
        let line = Some(line_of(self.text, found.span().start));
        self.mistakes.push(Mistake { line, key: self.full(key), problem });
    }

    fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The known key with the fewest letters to change, if they are few enough to be a slip.
fn nearest(key: &str, known: &BTreeSet<&'static str>) -> Option<&'static str> {
    let limit = key.chars().count().max(3) / 3 + 1;
    known
        .iter()
        .map(|candidate| (distance(key, candidate), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: letters to insert, delete or replace.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        let mut next = vec![left];
        for (above, other) in row.iter().skip(1).zip(&to) {
            left = (left + 1).min(above + 1).min(diagonal + usize::from(letter != *other));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("listn", "listen", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }
}
