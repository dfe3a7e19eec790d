//! Where the words of HTML stand: lines, paragraphs, cells, lists, quotations.

/// What is between the last word and the next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) enum Gap {
    #[default]
    Nothing,
    Space,
    Cell,
    Line,
    Paragraph,
}

/// Puts words where tags say that they stand. Gaps are written before a word, so that there are
/// none at the beginning and at the end.
#[derive(Debug, Default)]
pub(super) struct Layout {
    gap: Gap,
    begun: bool,
    quotes: usize,
    /// How deep the last word is quoted.
    quoted_before: usize,
    preformatted: usize,
    /// The number of the next item of each open list; `None` if it counts nothing.
    lists: Vec<Option<u32>>,
    /// What stands before the next word: the mark of an item.
    mark: Option<String>,
}

/// Deeper quotations and lists are shown as if they were at this depth.
const DEPTH_MAX: usize = 10;

impl Layout {
    /// Puts text without ASCII white space in it.
    pub(super) fn put(&mut self, text: &str, out: &mut String) {
        if text.is_empty() {
            return;
        }
        self.settle(out);
        out.push_str(text);
    }

    /// White space between words; kept as it is where it is preformatted.
    pub(super) fn white(&mut self, white: char, out: &mut String) {
        match white {
            _ if self.preformatted == 0 => self.gap(Gap::Space),
            // The first line end of preformatted text is not of it.
            '\n' if self.gap < Gap::Paragraph => {
                self.settle(out);
                self.gap = Gap::Line;
            }
            '\r' | '\n' => {}
            white => {
                self.settle(out);
                out.push(white);
            }
        }
    }

    /// There is at least this between what was and what comes.
    pub(super) fn gap(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    /// A tag; names of no meaning here leave nothing.
    pub(super) fn tag(&mut self, name: &str, closes: bool) {
        let count = |number: &mut usize| match closes {
            true => *number = number.saturating_sub(1),
            false => *number = number.saturating_add(1).min(DEPTH_MAX),
        };
        match name {
            "br" => self.line_break(),
            "td" | "th" => self.gap(Gap::Cell),
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "dl" | "hr" => {
                self.gap(Gap::Paragraph);
            }
            "blockquote" => {
                self.gap(Gap::Paragraph);
                count(&mut self.quotes);
            }
            "pre" | "textarea" | "listing" => {
                self.gap(Gap::Paragraph);
                count(&mut self.preformatted);
            }
            "ul" | "ol" => {
                let outermost = self.lists.len() <= usize::from(closes);
                self.gap(if outermost { Gap::Paragraph } else { Gap::Line });
                if closes {
                    self.lists.pop();
                } else if self.lists.len() < DEPTH_MAX {
                    self.lists.push((name == "ol").then_some(1));
                }
            }
            "li" => {
                self.gap(Gap::Line);
                if !closes {
                    self.mark = Some(self.item_mark());
                }
            }
            "div" | "tr" | "body" | "head" | "html" | "center" | "form" | "fieldset"
            | "address" | "article" | "section" | "header" | "footer" | "main" | "nav"
            | "aside" | "figure" | "figcaption" | "caption" | "dt" | "dd" | "thead" | "tbody"
            | "tfoot" | "option" => {
                self.gap(Gap::Line);
            }
            _ => {}
        }
    }

    /// One ends a line, a second makes an empty one.
    fn line_break(&mut self) {
        self.gap = if self.gap >= Gap::Line { Gap::Paragraph } else { Gap::Line };
    }

    fn item_mark(&mut self) -> String {
        let indent = "  ".repeat(self.lists.len().saturating_sub(1));
        match self.lists.last_mut() {
            Some(Some(number)) => {
                let mark = format!("{indent}{number}. ");
                *number = number.saturating_add(1);
                mark
            }
            _ => format!("{indent}- "),
        }
    }

    /// Writes what stands before a word.
    fn settle(&mut self, out: &mut String) {
        let gap = std::mem::take(&mut self.gap);
        let quotes = "> ".repeat(self.quotes);
        let begins_line = !self.begun || gap >= Gap::Line;
        match gap {
            _ if !self.begun => {}
            Gap::Nothing => {}
            Gap::Space => out.push(' '),
            Gap::Cell => out.push('\t'),
            Gap::Line => out.push('\n'),
            Gap::Paragraph => {
                out.push('\n');
                let around = "> ".repeat(self.quotes.min(self.quoted_before));
                out.push_str(around.trim_end());
                out.push('\n');
            }
        }
        if begins_line {
            out.push_str(&quotes);
        }
        if let Some(mark) = self.mark.take() {
            out.push_str(&mark);
        }
        self.quoted_before = self.quotes;
        self.begun = true;
    }
}
