//! What a warning says: how full, of what, and what to do about it.

use mail_types::{Address, Domain, MailVolume, Quota};
use mime_core::report::Language;

/// Subject and text for an account's owner in these languages, one after the other; the subject in
/// the first of them.
pub(super) fn of_account(
    languages: &[Language],
    quota: &Quota,
    held: MailVolume,
    address: &Address,
) -> (String, String) {
    let percent = quota.percent(held);
    let subject = match languages.first() {
        Some(Language::Korean) => format!("사서함이 {percent}% 찼습니다"),
        Some(Language::English) | None => format!("Your mailbox is {percent} % full"),
    };
    let texts = languages.iter().map(|language| match language {
        Language::English => english(quota, held, percent, address),
        Language::Korean => korean(quota, held, percent, address),
    });
    (subject, texts.collect::<Vec<_>>().join("\r\n"))
}

/// The same for a domain's postmaster.
pub(super) fn of_domain(
    languages: &[Language],
    quota: &Quota,
    held: MailVolume,
    domain: &Domain,
) -> (String, String) {
    let percent = quota.percent(held);
    let subject = match languages.first() {
        Some(Language::Korean) => format!("{domain} 도메인이 {percent}% 찼습니다"),
        Some(Language::English) | None => format!("The domain {domain} is {percent} % full"),
    };
    let texts = languages.iter().map(|language| match language {
        Language::English => format!(
            "The accounts of {domain} together hold {percent} % of what they may.\r\n\r\n{}\r\n\
             When the domain is full, no account of it gets any more mail. Please see to it that \
             mail\r\nis deleted, or raise the limit:\r\n\r\n\
             \x20 postrider domain quota {domain}\r\n",
            english_numbers(quota, held),
        ),
        Language::Korean => format!(
            "{domain} 도메인의 계정들이 모두 합쳐 한도의 {percent}%를 쓰고 있습니다.\r\n\r\n{}\r\n\
             도메인이 가득 차면 그 도메인의 어느 계정도 메일을 받지 못합니다. 메일을 지우게 하시거나 \
             한도를\r\n늘려 주십시오:\r\n\r\n\
             \x20 postrider domain quota {domain}\r\n",
            korean_numbers(quota, held),
        ),
    });
    (subject, texts.collect::<Vec<_>>().join("\r\n"))
}

fn english(quota: &Quota, held: MailVolume, percent: u32, address: &Address) -> String {
    format!("The mailbox of {address} is {percent} % full.\r\n\r\n")
        + &english_numbers(quota, held)
        + "\r\nWhen it is full, no more mail can be delivered to it, and what others send you is \
            returned to\r\nthem after a while. Please delete what you do not need any more, from \
            Trash and Junk as well.\r\n"
}

fn english_numbers(quota: &Quota, held: MailVolume) -> String {
    let mut text = String::new();
    if let Some(limit) = quota.octets {
        text += &format!("  {} of {} are used.\r\n", size(held.octets), size(limit));
    }
    if let Some(limit) = quota.messages {
        text += &format!("  It holds {} of {limit} messages.\r\n", held.messages);
    }
    text
}

fn korean(quota: &Quota, held: MailVolume, percent: u32, address: &Address) -> String {
    format!("{address} 사서함이 {percent}% 찼습니다.\r\n\r\n")
        + &korean_numbers(quota, held)
        + "\r\n사서함이 가득 차면 더는 메일을 받을 수 없고, 보낸 사람에게 메일이 되돌아갑니다.\r\n\
            필요 없는 메일을 지우고, 휴지통과 스팸 메일함도 비워 주십시오.\r\n"
}

fn korean_numbers(quota: &Quota, held: MailVolume) -> String {
    let mut text = String::new();
    if let Some(limit) = quota.octets {
        text += &format!("  {} 가운데 {}를 쓰고 있습니다.\r\n", size(limit), size(held.octets));
    }
    if let Some(limit) = quota.messages {
        text += &format!("  메일 {limit}통 가운데 {}통이 들어 있습니다.\r\n", held.messages);
    }
    text
}

/// Octets as people read them, rounded to a tenth.
fn size(octets: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if octets < 1024 {
        return format!("{octets} B");
    }
    let (mut tenths, mut name) = (u128::from(octets) * 10 / 1024, "KiB");
    for unit in UNITS.iter().skip(1) {
        if tenths < 10 * 1024 {
            break;
        }
        (tenths, name) = (tenths / 1024, unit);
    }
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (octets, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (10 << 30, "10.0 GiB"),
            (u64::MAX, "16383.9 PiB"),
        ] {
            assert_eq!(size(octets), expected);
        }
    }

    #[test]
    fn both_languages_name_both_limits() {
        let quota = Quota { octets: Some(2048), messages: Some(100) };
        let held = MailVolume { octets: 1024, messages: 85 };
        let address = Address::parse("alice@example.org").unwrap();
        let both = [Language::Korean, Language::English];
        let (subject, text) = of_account(&both, &quota, held, &address);
        assert_eq!(subject, "사서함이 85% 찼습니다");
        for part in
            ["85 of 100 messages", "1.0 KiB of 2.0 KiB", "100통 가운데 85통", "2.0 KiB 가운데"]
        {
            assert!(text.contains(part), "{text}");
        }
        let (subject, text) =
            of_account(&[Language::English], &Quota { messages: None, ..quota }, held, &address);
        assert_eq!(subject, "Your mailbox is 50 % full");
        assert!(!text.contains("messages.") && text.is_ascii());
        let domain = Domain::parse("example.org").unwrap();
        let (subject, text) = of_domain(&both, &quota, held, &domain);
        assert_eq!(subject, "example.org 도메인이 85% 찼습니다");
        for part in
            ["85 of 100 messages", "합쳐 한도의 85%", "  postrider domain quota example.org"]
        {
            assert!(text.contains(part), "{text}");
        }
    }
}
