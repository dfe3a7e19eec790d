//! The argument of MAIL.

use mail_types::{BodyKind, DsnReturn, Priority, ReversePath};

use super::{
    by::By,
    hold::Hold,
    parameter::{self, Parameter},
    path,
    xtext::decode_xtext,
};
use crate::reply::PeerError;

/// `MAIL FROM:<reverse-path> [parameters]` (RFC 5321 §4.1.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailFrom {
    /// Where failures are reported to.
    pub reverse_path: ReversePath,
    /// SIZE: the octets to come, as the client believes (RFC 1870 §6).
    pub size: Option<u64>,
    /// BODY (RFC 6152 §2, RFC 3030 §3).
    pub body: BodyKind,
    /// SMTPUTF8 (RFC 6531 §3.4): addresses and header may be UTF-8.
    pub smtputf8: bool,
    /// RET (RFC 3461 §4.3).
    pub ret: Option<DsnReturn>,
    /// ENVID, decoded (RFC 3461 §4.4).
    pub envid: Option<Box<str>>,
    /// AUTH: who submitted it elsewhere; the null path for `<>` (RFC 4954 §5).
    pub submitter: Option<ReversePath>,
    /// BY (RFC 2852 §4).
    pub by: Option<By>,
    /// HOLDFOR or HOLDUNTIL (RFC 4865 §3).
    pub hold: Option<Hold>,
    /// MT-PRIORITY (RFC 6710 §4.1).
    pub priority: Option<Priority>,
    /// REQUIRETLS (RFC 8689 §2).
    pub require_tls: bool,
}

impl MailFrom {
    /// The longest ENVID (RFC 3461 §4.4).
    pub const ENVID_OCTETS: usize = 100;

    /// What nothing more was said about than the path.
    pub fn new(reverse_path: ReversePath) -> Self {
        Self {
            reverse_path,
            size: None,
            body: BodyKind::default(),
            smtputf8: false,
            ret: None,
            envid: None,
            submitter: None,
            by: None,
            hold: None,
            priority: None,
            require_tls: false,
        }
    }

    /// Parses what stands behind `MAIL`. A space beside the colon is forbidden (RFC 5321 §3.3) and
    /// still sent by programs, so it is no error here.
    pub fn parse(argument: &str) -> Result<Self, PeerError> {
        const USAGE: PeerError = PeerError::Syntax("MAIL FROM:<address> [parameters]");
        let (word, text) = argument.split_once(':').ok_or(USAGE)?;
        if !word.trim_end().eq_ignore_ascii_case("FROM") {
            return Err(USAGE);
        }
        let (address, rest) = path::split(text.trim_start()).map_err(PeerError::BadSender)?;
        let reverse_path = ReversePath::parse(address).map_err(PeerError::BadSender)?;
        let mut parameters = Parameters::default();
        for parameter in parameter::all(rest) {
            parameters.take(parameter)?;
        }
        if parameters.smtputf8.is_none() && !address.is_ascii() {
            return Err(PeerError::NeedsSmtpUtf8);
        }
        Ok(Self {
            reverse_path,
            size: parameters.size,
            body: parameters.body.unwrap_or_default(),
            smtputf8: parameters.smtputf8.is_some(),
            ret: parameters.ret,
            envid: parameters.envid,
            submitter: parameters.submitter,
            by: parameters.by,
            hold: parameters.hold,
            priority: parameters.priority,
            require_tls: parameters.require_tls.is_some(),
        })
    }
}

#[derive(Default)]
struct Parameters {
    size: Option<u64>,
    body: Option<BodyKind>,
    smtputf8: Option<()>,
    ret: Option<DsnReturn>,
    envid: Option<Box<str>>,
    submitter: Option<ReversePath>,
    by: Option<By>,
    hold: Option<Hold>,
    priority: Option<Priority>,
    require_tls: Option<()>,
}

impl Parameters {
    fn take(&mut self, parameter: Parameter<'_>) -> Result<(), PeerError> {
        match parameter.keyword.to_ascii_uppercase().as_str() {
            "SIZE" => parameter.set(&mut self.size, "SIZE", parse_size),
            "BODY" => parameter.set(&mut self.body, "BODY", parse_body),
            "SMTPUTF8" => parameter.mark(&mut self.smtputf8, "SMTPUTF8"),
            "RET" => parameter.set(&mut self.ret, "RET", parse_ret),
            "ENVID" => parameter.set(&mut self.envid, "ENVID", parse_envid),
            "AUTH" => parameter.set(&mut self.submitter, "AUTH", parse_submitter),
            "BY" => parameter.set(&mut self.by, "BY", By::parse),
            // RFC 4865 §4.2: one of the two, once.
            "HOLDFOR" => parameter.set(&mut self.hold, "HOLDFOR", Hold::parse_for),
            "HOLDUNTIL" => parameter.set(&mut self.hold, "HOLDUNTIL", Hold::parse_until),
            "MT-PRIORITY" => parameter
                .set(&mut self.priority, "MT-PRIORITY", |value| Priority::parse(value).ok()),
            "REQUIRETLS" => parameter.mark(&mut self.require_tls, "REQUIRETLS"),
            _ => Err(PeerError::UnknownParameter),
        }
    }
}

/// `size-value = 1*20DIGIT` (RFC 1870 §3); more than a `u64` holds is as much as it holds.
fn parse_size(value: &str) -> Option<u64> {
    let digits = value.len() <= 20 && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

/// `7BIT / 8BITMIME` (RFC 6152 §2), `BINARYMIME` (RFC 3030 §3).
fn parse_body(value: &str) -> Option<BodyKind> {
    let kinds = [
        ("7BIT", BodyKind::SevenBit),
        ("8BITMIME", BodyKind::EightBitMime),
        ("BINARYMIME", BodyKind::BinaryMime),
    ];
    kinds.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(value)).map(|(_, kind)| kind)
}

fn parse_ret(value: &str) -> Option<DsnReturn> {
    let kinds = [("FULL", DsnReturn::Full), ("HDRS", DsnReturn::Headers)];
    kinds.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(value)).map(|(_, kind)| kind)
}

fn parse_envid(value: &str) -> Option<Box<str>> {
    (value.len() <= MailFrom::ENVID_OCTETS).then(|| decode_xtext(value))?.map(Into::into)
}

/// `"<>" / Mailbox`, as xtext (RFC 4954 §5). An `=` is no xtext, but old clients leave it as it is.
fn parse_submitter(value: &str) -> Option<ReversePath> {
    if value == "<>" {
        return Some(ReversePath::Null);
    }
    let address = decode_xtext(value)?;
    (!address.is_empty()).then(|| ReversePath::parse(&address).ok())?
}

#[cfg(test)]
mod tests {
    use mail_types::Malformed;

    use super::*;

    fn plain(address: &str) -> MailFrom {
        MailFrom::new(ReversePath::parse(address).unwrap())
    }

    fn check(argument: &str, expected: Result<MailFrom, PeerError>) {
        assert_eq!(MailFrom::parse(argument), expected, "{argument}");
    }

    #[test]
    fn reads_the_path() {
        check("FROM:<a@example.org>", Ok(plain("a@example.org")));
        check("from: <a@example.org> ", Ok(plain("a@example.org")));
        check("FROM:<>", Ok(plain("")));
        check("FROM:<@b.example,@c.example:a@example.org>", Ok(plain("a@example.org")));
        check("FROM:<\"a>b\"@example.org>", Ok(plain("\"a>b\"@example.org")));
        let bad = |why| Err(PeerError::BadSender(Malformed(why)));
        check("FROM:a@example.org", bad("the address must stand in angle brackets"));
        check("FROM:<a@example.org", bad("the address must stand in angle brackets"));
        check("FROM:<a>", bad("the address lacks @"));
        check("FROM:<a@example.org>SIZE=1", bad("a space must stand behind the closing bracket"));
        check("FROM:<@b.example>", bad("the source route lacks a colon"));
        check("TO:<a@b>", Err(PeerError::Syntax("MAIL FROM:<address> [parameters]")));
    }

    #[test]
    fn reads_parameters() {
        let a = "a@example.org";
        let with = |parameters: &str| format!("FROM:<{a}> {parameters}");
        let body = BodyKind::EightBitMime;
        check(
            &with("SIZE=1000 body=8bitmime"),
            Ok(MailFrom { size: Some(1000), body, ..plain(a) }),
        );
        check(
            &with("SIZE=99999999999999999999"),
            Ok(MailFrom { size: Some(u64::MAX), ..plain(a) }),
        );
        let envid = Some("a+b".into());
        let ret = Some(DsnReturn::Headers);
        check(&with("RET=HDRS ENVID=a+2Bb"), Ok(MailFrom { ret, envid, ..plain(a) }));
        let submitter = |path: &str| ReversePath::parse(path).ok();
        check(&with("AUTH=<>"), Ok(MailFrom { submitter: submitter(""), ..plain(a) }));
        check(
            &with("AUTH=e+3Dmc2@example.com"),
            Ok(MailFrom { submitter: submitter("e=mc2@example.com"), ..plain(a) }),
        );
        check(&with("SMTPUTF8"), Ok(MailFrom { smtputf8: true, ..plain(a) }));
        check(
            "FROM:<\u{e4}@example.org> SMTPUTF8",
            Ok(MailFrom { smtputf8: true, ..plain("\u{e4}@example.org") }),
        );
        check("FROM:<\u{e4}@example.org>", Err(PeerError::NeedsSmtpUtf8));
        check(&with("SIZE=x"), Err(PeerError::BadParameter("SIZE")));
        check(&with("SIZE="), Err(PeerError::BadParameter("SIZE")));
        check(&with("SIZE=1 SIZE=1"), Err(PeerError::BadParameter("SIZE")));
        check(&with("BODY=9BIT"), Err(PeerError::BadParameter("BODY")));
        check(&with("AUTH="), Err(PeerError::BadParameter("AUTH")));
        check(&with("AUTH=nobody"), Err(PeerError::BadParameter("AUTH")));
        check(
            &with("HOLDFOR=1 HOLDUNTIL=2027-01-01T00:00:00Z"),
            Err(PeerError::BadParameter("HOLDUNTIL")),
        );
        check(&with("REQUIRETLS=yes"), Err(PeerError::BadParameter("REQUIRETLS")));
        check(&with("MT-PRIORITY=10"), Err(PeerError::BadParameter("MT-PRIORITY")));
        check(&with("SMTPUTF8=1"), Err(PeerError::BadParameter("SMTPUTF8")));
        let long = "e".repeat(MailFrom::ENVID_OCTETS + 1);
        check(&with(&format!("ENVID={long}")), Err(PeerError::BadParameter("ENVID")));
        check(&with("XYZ=1"), Err(PeerError::UnknownParameter));
    }

    #[test]
    fn reads_how_the_message_is_to_be_handled() {
        let a = "a@example.org";
        let with = |parameters: &str| format!("FROM:<{a}> {parameters}");
        let by = By::parse("120;RT");
        assert!(by.is_some());
        check(&with("BY=120;RT"), Ok(MailFrom { by, ..plain(a) }));
        let hold = Hold::parse_for("3600");
        check(&with("holdfor=3600"), Ok(MailFrom { hold, ..plain(a) }));
        let priority = Priority::new(-3).ok();
        check(&with("MT-PRIORITY=-3"), Ok(MailFrom { priority, ..plain(a) }));
        check(&with("REQUIRETLS"), Ok(MailFrom { require_tls: true, ..plain(a) }));
    }
}
