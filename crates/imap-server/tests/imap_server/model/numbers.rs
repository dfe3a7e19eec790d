//! Sets of numbers, as the protocol writes them.

use std::collections::BTreeSet;

/// As a set of the protocol; nothing if it is empty.
pub(crate) fn render(numbers: impl IntoIterator<Item = u32>) -> String {
    let all: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    all.join(",")
}

/// The numbers of a set, in the order in which they stand.
pub(crate) fn parse(set: &str) -> Result<Vec<u32>, String> {
    let mut all = Vec::new();
    for range in set.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let number = |text: &str| text.parse::<u32>().map_err(|_| format!("{set} is no set"));
        all.extend(number(first)?..=number(last)?);
    }
    Ok(all)
}

/// The numbers of a set without their order.
pub(crate) fn parse_set(set: &str) -> Result<BTreeSet<u32>, String> {
    Ok(parse(set)?.into_iter().collect())
}
