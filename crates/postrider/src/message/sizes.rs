//! Octets in few characters.

/// `812 B`, `3.1 KiB`, `2.0 MiB`.
pub(crate) fn size(octets: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if octets < 1024 {
        return format!("{octets} B");
    }
    // In tenths, so that nothing is rounded up to the next unit.
    let mut tenths = u128::from(octets) * 10 / 1024;
    let mut units = UNITS.iter().peekable();
    while let Some(unit) = units.next() {
        if tenths < 10_240 || units.peek().is_none() {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        tenths /= 1024;
    }
    format!("{octets} B")
}

/// The same, as wide as any: for a column.
pub(crate) fn column(octets: u64) -> String {
    format!("{:>10}", size(octets))
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes() {
        let check = |octets, expected: &str| assert_eq!(size(octets), expected);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1.0 KiB");
        check(3_200, "3.1 KiB");
        check(1_048_575, "1023.9 KiB");
        check(5_368_709_120, "5.0 GiB");
        check(u64::MAX, "16777215.9 TiB");
    }
}
