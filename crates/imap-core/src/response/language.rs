//! Which languages texts can be in (RFC 5255 §3.3).

/// `* LANGUAGE`: the one that is spoken from here on, or all that can be chosen.
pub(crate) fn languages(out: &mut Vec<u8>, tags: &[&str]) {
    out.extend_from_slice(format!("* LANGUAGE ({})\r\n", tags.join(" ")).as_bytes());
}
