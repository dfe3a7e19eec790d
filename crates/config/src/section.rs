//! A table of the configuration as a struct: field, default and explanation written once.

use crate::{page::Page, reader::Reader, value::Value};

/// A table with known keys.
pub(crate) trait Section: Sized {
    /// Takes what the reader's table holds; the rest stays as in `defaults`.
    fn read(defaults: Self, reader: &mut Reader<'_>) -> Self;

    /// Adds its keys to the example.
    fn show(&self, page: &mut Page);
}

/// What may stand behind a key: a value, or a table.
pub(crate) trait Field: Sized {
    /// Takes the key from the reader's table; `self`, the default, if it isn't there.
    fn take(self, key: &'static str, reader: &mut Reader<'_>) -> Self;

    /// Adds the key to the example; `sample` stands in for a default that is nothing.
    fn show_field(&self, docs: &[&str], key: &str, sample: Option<&str>, page: &mut Page);
}

impl<V: Value> Field for V {
    fn take(self, key: &'static str, reader: &mut Reader<'_>) -> Self {
        reader.value(key).unwrap_or(self)
    }

    fn show_field(&self, docs: &[&str], key: &str, sample: Option<&str>, page: &mut Page) {
        page.key(docs, key, sample.unwrap_or(&self.render()));
    }
}

impl<V: Value> Field for Option<V> {
    fn take(self, key: &'static str, reader: &mut Reader<'_>) -> Self {
        reader.value(key).or(self)
    }

    fn show_field(&self, docs: &[&str], key: &str, sample: Option<&str>, page: &mut Page) {
        let rendered = self.as_ref().map(Value::render);
        page.key(docs, key, sample.or(rendered.as_deref()).unwrap_or("\"\""));
    }
}

/// Defines sections: `field: Type = default`, and `=> "sample"` where the default is nothing.
/// Doc comments become the example's explanations; those of a field that is a section explain
/// the table.
macro_rules! sections {
    ($(
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $( $(#[doc = $doc:literal])* pub $field:ident : $kind:ty = $default:expr $(=> $sample:literal)? , )*
        }
    )*) => {$(
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $doc])* pub $field: $kind, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        impl $crate::section::Section for $name {
            fn read(defaults: Self, reader: &mut $crate::reader::Reader<'_>) -> Self {
                use $crate::section::Field;
                Self { $( $field: defaults.$field.take(stringify!($field), reader), )* }
            }

            fn show(&self, page: &mut $crate::page::Page) {
                use $crate::section::Field;
                $(
                    let sample: Option<&str> = None $( .or(Some($sample)) )?;
                    self.$field.show_field(&[$($doc),*], stringify!($field), sample, page);
                )*
            }
        }
    )*};
}

/// Makes sections usable as fields of others.
macro_rules! tables {
    ($($name:ty),* $(,)?) => {$(
        impl $crate::section::Field for $name {
            fn take(self, key: &'static str, reader: &mut $crate::reader::Reader<'_>) -> Self {
                match reader.table(key) {
                    Some(mut inner) => {
                        let section = $crate::section::Section::read(self, &mut inner);
                        inner.finish();
                        section
                    }
                    None => self,
                }
            }

            fn show_field(
                &self,
                docs: &[&str],
                key: &str,
                _sample: Option<&str>,
                page: &mut $crate::page::Page,
            ) {
                page.table(docs, key, |page| $crate::section::Section::show(self, page));
            }
        }
    )*};
}

pub(crate) use {sections, tables};
