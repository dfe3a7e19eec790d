//! Renders the example.

use crate::load::REQUIRED;

/// A TOML document with explanations, in the making.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
    table: String,
}

impl Page {
    /// An explanation, a line each, as the doc comments have them: with a space in front.
    pub(crate) fn paragraph(&mut self, lines: &[&str]) {
        for line in lines {
            self.text.push('#');
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }

    /// A key, explained; one that must be set is no comment.
    pub(crate) fn key(&mut self, docs: &[&str], key: &str, value: &str) {
        self.text.push('\n');
        self.paragraph(docs);
        match REQUIRED.iter().find(|(name, _)| self.table.is_empty() && *name == key) {
            Some((_, sample)) => self.text.push_str(&format!("{key} = {sample}\n")),
            None => self.example_line(key, value),
        }
    }

    /// A further line of a table whose keys are free.
    pub(crate) fn example_line(&mut self, key: &str, value: &str) {
        self.text.push_str(&format!("#{key} = {value}\n"));
    }

    /// A table within the present one; what is added inside belongs to it.
    pub(crate) fn table(&mut self, docs: &[&str], key: &str, inside: impl FnOnce(&mut Self)) {
        let outer = self.table.clone();
        self.table = if outer.is_empty() { key.into() } else { format!("{outer}.{key}") };
        self.text.push_str("\n\n");
        self.paragraph(docs);
        self.text.push_str(&format!("[{}]\n", self.table));
        inside(self);
        self.table = outer;
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }
}
