//! Every RFC that the code cites stands in docs/rfcs.md, and the other way round.

use std::collections::{BTreeMap, BTreeSet};

use super::{read, report, sources};

/// RFC number to the crates that cite it.
fn cited() -> BTreeMap<u32, BTreeSet<String>> {
    let mut cited: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for source in sources(false) {
        let name = source.path.split('/').nth(1).unwrap_or_default().to_owned();
        for rest in source.text.split("RFC ").skip(1) {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            if let Ok(number) = digits.parse() {
                cited.entry(number).or_default().insert(name.clone());
            }
        }
    }
    cited
}

/// The rows `| 5321 | title | state | crates |`.
fn listed() -> BTreeMap<u32, (String, BTreeSet<String>)> {
    read("docs/rfcs.md")
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [number, _, state, crates] = cells[..] else { return None };
            let crates = crates.split(',').map(|c| c.trim().trim_matches('`').to_owned());
            Some((
                number.parse().ok()?,
                (state.to_owned(), crates.filter(|c| !c.is_empty()).collect()),
            ))
        })
        .collect()
}

#[test]
fn cited_and_listed_rfcs_agree() {
    let (cited, listed) = (cited(), listed());
    let mut findings = Vec::new();
    for (number, crates) in &cited {
        match listed.get(number) {
            None => findings.push(format!("RFC {number} is cited in {crates:?} and not listed")),
            Some((_, named)) if named != crates => {
                findings
                    .push(format!("RFC {number} is listed for {named:?} and cited in {crates:?}"));
            }
            Some(_) => {}
        }
    }
    findings.extend(
        listed
            .keys()
            .filter(|number| !cited.contains_key(*number))
            .map(|number| format!("RFC {number} is listed and cited nowhere")),
    );
    report(
        "docs/rfcs.md lists each RFC that decides something in the code, with the crates where it does.",
        &findings,
    );
}

#[test]
fn citations_have_one_form() {
    let mut findings = Vec::new();
    for source in sources(false) {
        for (number, line) in source.text.lines().enumerate() {
            let stuck = line.match_indices("RFC").any(|(at, _)| {
                line.get(at + 3..).is_some_and(|rest| {
                    // RFC822 is the name of an item of IMAP's FETCH.
                    rest.starts_with(|c: char| c.is_ascii_digit()) && !rest.starts_with("822")
                })
            });
            if stuck || line.contains("RFC-") {
                findings.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    report("Cite as `RFC 5321 §4.1.1.4`.", &findings);
}
