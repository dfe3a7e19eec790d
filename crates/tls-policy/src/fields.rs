//! Texts of the DNS that are `name=value` pairs, divided by semicolons.

/// The one text of this version among all that stand at a name, without the version. Texts that
/// begin with something else do not count; if not exactly one is left, there is none (RFC 8461
/// §3.1, RFC 8460 §3).
pub(crate) fn only_one<'t>(texts: &'t [String], version: &str) -> Option<&'t str> {
    let of_version = |text: &'t String| text.strip_prefix(version)?.strip_prefix(';');
    let mut found = texts.iter().filter_map(of_version);
    let one = found.next()?;
    found.next().is_none().then_some(one)
}

/// Its fields; nothing if it can't be divided into such.
pub(crate) fn pairs(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut fields: Vec<&str> = text.split(';').map(trim).collect();
    // A semicolon may stand at the end.
    if fields.last() == Some(&"") {
        fields.pop();
    }
    fields.into_iter().map(pair).collect()
}

fn pair(field: &str) -> Option<(&str, &str)> {
    let (name, value) = field.split_once('=')?;
    let starts_well = name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let good = starts_well && name.len() <= 32 && name.bytes().all(rest) && !value.is_empty();
    good.then_some((name, value))
}

/// Without `WSP` at the ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
