//! Mailbox names as Maildir++ folder names: `a.b/c` is `.a&AC4-b.c`.
//!
//! INBOX is the account's folder itself, which is the empty folder name here. Levels are divided
//! by dots and written in modified UTF-7 (RFC 3501 §5.1.3), with the dots inside a level encoded
//! as well. A folder name that would be too long is a hash; then only `postrider-folder` in it
//! knows the mailbox's name.

use mail_types::MailboxName;

/// The longest folder name, in octets: 255 is what file systems take.
const FOLDER_OCTETS_MAX: usize = 200;
/// No modified UTF-7 starts like this.
const HASHED: &str = ".&&";

/// The folder of a mailbox, below the account's folder.
pub(crate) fn encode(name: &MailboxName) -> String {
    if name.is_inbox() {
        return String::new();
    }
    let mut folder = String::new();
    for level in name.levels() {
        folder.push('.');
        encode_level(level, &mut folder);
    }
    if folder.len() > FOLDER_OCTETS_MAX {
        let hash = blake3::hash(name.as_str().as_bytes()).to_hex();
        return format!("{HASHED}{}", hash.get(..32).unwrap_or_default());
    }
    folder
}

/// The mailbox of a folder, as far as its name tells; none for a hash, and for what is no
/// mailbox's name. Modified UTF-7, and what isn't, as UTF-8.
pub(crate) fn decode(folder: &str) -> Option<MailboxName> {
    if folder.is_empty() {
        return Some(MailboxName::inbox());
    }
    let levels: Vec<&str> = folder.strip_prefix('.')?.split('.').collect();
    let decoded: Option<Vec<String>> = levels.iter().map(|level| decode_level(level)).collect();
    let name = decoded.map_or_else(|| levels.join("/"), |levels| levels.join("/"));
    if folder.starts_with(HASHED) {
        return None;
    }
    MailboxName::parse(&name).ok().filter(|name| !name.is_inbox())
}

/// `modified-base64` of RFC 3501 §9, in order.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

fn encode_level(level: &str, out: &mut String) {
    let mut shifted: Vec<u16> = Vec::new();
    for c in level.chars() {
        // RFC 3501 §5.1.3: printable US-ASCII stands for itself, "&" is "&-". The dot is ours.
        if matches!(c, ' '..='~') && c != '.' {
            unshift(&mut shifted, out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            shifted.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    unshift(&mut shifted, out);
}

fn unshift(units: &mut Vec<u16>, out: &mut String) {
    if units.is_empty() {
        return;
    }
    out.push('&');
    let (mut bits, mut count) = (0u32, 0u32);
    let mut digit = |value: u32| {
        let at = usize::try_from(value & 63).unwrap_or(0);
        out.push(char::from(DIGITS.get(at).copied().unwrap_or(b'A')));
    };
    for unit in units.drain(..) {
        bits = (bits & 0xff) << 16 | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            digit(bits >> count);
        }
    }
    if count > 0 {
        digit(bits << (6 - count));
    }
    out.push('-');
}

fn decode_level(level: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = level;
    while let Some((plain, shifted)) = rest.split_once('&') {
        out.push_str(plain);
        let (digits, after) = shifted.split_once('-')?;
        if digits.is_empty() {
            out.push('&');
        } else {
            out.push_str(&decode_shifted(digits)?);
        }
        rest = after;
    }
    out.push_str(rest);
    out.is_ascii().then_some(()).or_else(|| level.is_ascii().then_some(()))?;
    Some(out)
}

fn decode_shifted(digits: &str) -> Option<String> {
    let (mut bits, mut count) = (0u32, 0u32);
    let mut units: Vec<u16> = Vec::new();
    for digit in digits.bytes() {
        let value = DIGITS.iter().position(|d| *d == digit)?;
        bits = (bits & 0xffff) << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push(u16::try_from(bits >> count & 0xffff).ok()?);
        }
    }
    // What is left over is padding: fewer than six bits, all zero.
    let padding = bits & ((1 << count) - 1);
    let text = String::from_utf16(&units).ok()?;
    (count < 6 && padding == 0 && !text.contains('/')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> MailboxName {
        MailboxName::parse(text).unwrap()
    }

    #[test]
    fn known_names() {
        let check = |mailbox: &str, folder: &str| {
            assert_eq!(encode(&name(mailbox)), folder, "{mailbox}");
            assert_eq!(decode(folder), Some(name(mailbox)), "{folder}");
        };
        check("INBOX", "");
        check("INBOX/Sub", ".INBOX.Sub");
        check("Sent", ".Sent");
        check("Archive/2026", ".Archive.2026");
        check("a.b/c", ".a&AC4-b.c");
        check("Tom & Jerry", ".Tom &- Jerry");
        check("받은 편지함", ".&vBvHQA- &07jJwNVo-");
        // RFC 3501 §5.1.3 has this example (with "~peter" and the levels of a name).
        check("~peter/mail/台北/日本語", ".~peter.mail.&U,BTFw-.&ZeVnLIqe-");
        check("🦀", ".&2D7dgA-");
    }

    #[test]
    fn what_other_tools_make() {
        assert_eq!(decode(".Entwürfe"), Some(name("Entwürfe")));
        assert_eq!(decode(".a&b"), Some(name("a&b")), "no modified UTF-7: taken as it is");
        assert_eq!(decode(".a..b"), None);
        assert_eq!(decode(".INBOX"), None, "there is one INBOX");
        assert_eq!(decode("cur"), None);
        assert_eq!(decode(".."), None);
        assert_eq!(decode("..gone-7"), None);
    }

    #[test]
    fn long_names_are_hashes() {
        let long = name(&"가".repeat(200));
        let folder = encode(&long);
        assert!(folder.len() < FOLDER_OCTETS_MAX && folder.starts_with(HASHED));
        assert_ne!(folder, encode(&name(&"나".repeat(200))));
        assert_eq!(decode(&folder), None);
    }

    proptest::proptest! {
        #[test]
        fn every_name_comes_back_and_is_one_safe_file_name(text in "[ -~가-힣🦀é./&+,-]{1,60}") {
            if let Ok(name) = MailboxName::parse(&text) {
                let folder = encode(&name);
                proptest::prop_assert!(folder.is_ascii() && !folder.contains(['/', '\0']));
                proptest::prop_assert!(folder != "." && folder != ".." && folder.len() <= 255);
                if !folder.starts_with(HASHED) {
                    proptest::prop_assert_eq!(decode(&folder), Some(name));
                }
            }
        }

        #[test]
        fn two_names_never_share_a_folder(a in "[a&.~/-]{1,8}", b in "[a&.~/-]{1,8}") {
            if let (Ok(a), Ok(b)) = (MailboxName::parse(&a), MailboxName::parse(&b)) {
                proptest::prop_assert_eq!(encode(&a) == encode(&b), a == b);
            }
        }

        #[test]
        fn nothing_panics(folder in ".*") {
            let _ = decode(&folder);
        }
    }
}
