//! The argument of MAIL.

use mail_types::{BodyKind, DsnReturn, ReversePath};

use super::{
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
    /// BODY (RFC 6152 §2).
    pub body: BodyKind,
    /// SMTPUTF8 (RFC 6531 §3.4): addresses and header may be UTF-8.
    pub smtputf8: bool,
    /// RET (RFC 3461 §4.3).
    pub ret: Option<DsnReturn>,
    /// ENVID, decoded (RFC 3461 §4.4).
    pub envid: Option<Box<str>>,
}

impl MailFrom {
    /// The longest ENVID (RFC 3461 §4.4).
    pub const ENVID_OCTETS: usize = 100;

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
        let utf8 = parameters.smtputf8;
        if !utf8 && !address.is_ascii() {
            return Err(PeerError::NeedsSmtpUtf8);
        }
        Ok(Self {
            reverse_path,
            size: parameters.size,
            body: parameters.body.unwrap_or_default(),
            smtputf8: utf8,
            ret: parameters.ret,
            envid: parameters.envid,
        })
    }
}

#[derive(Default)]
struct Parameters {
    size: Option<u64>,
    body: Option<BodyKind>,
    smtputf8: bool,
    ret: Option<DsnReturn>,
    envid: Option<Box<str>>,
    auth: Option<()>,
}

impl Parameters {
    fn take(&mut self, parameter: Parameter<'_>) -> Result<(), PeerError> {
        if parameter.is("SIZE") {
            parameter.set(&mut self.size, "SIZE", parse_size)
        } else if parameter.is("BODY") {
            parameter.set(&mut self.body, "BODY", parse_body)
        } else if parameter.is("RET") {
            parameter.set(&mut self.ret, "RET", parse_ret)
        } else if parameter.is("ENVID") {
            parameter.set(&mut self.envid, "ENVID", parse_envid)
        } else if parameter.is("AUTH") {
            // RFC 4954 §5: who submitted it elsewhere; nobody here trusts that, so it is dropped.
            parameter.set(&mut self.auth, "AUTH", |value| decode_xtext(value).map(|_| ()))
        } else if parameter.is("SMTPUTF8") {
            if parameter.value.is_some() || std::mem::replace(&mut self.smtputf8, true) {
                return Err(PeerError::BadParameter("SMTPUTF8"));
            }
            Ok(())
        } else {
            Err(PeerError::UnknownParameter)
        }
    }
}

/// `size-value = 1*20DIGIT` (RFC 1870 §3); more than a `u64` holds is as much as it holds.
fn parse_size(value: &str) -> Option<u64> {
    let digits = value.len() <= 20 && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

/// `7BIT / 8BITMIME` (RFC 6152 §2). BINARYMIME is not announced.
fn parse_body(value: &str) -> Option<BodyKind> {
    let kinds = [("7BIT", BodyKind::SevenBit), ("8BITMIME", BodyKind::EightBitMime)];
    kinds.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(value)).map(|(_, kind)| kind)
}

fn parse_ret(value: &str) -> Option<DsnReturn> {
    let kinds = [("FULL", DsnReturn::Full), ("HDRS", DsnReturn::Headers)];
    kinds.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(value)).map(|(_, kind)| kind)
}

fn parse_envid(value: &str) -> Option<Box<str>> {
    (value.len() <= MailFrom::ENVID_OCTETS).then(|| decode_xtext(value))?.map(Into::into)
}

#[cfg(test)]
mod tests {
    use mail_types::Malformed;

    use super::*;

    fn plain(address: &str) -> MailFrom {
        MailFrom {
            reverse_path: ReversePath::parse(address).unwrap(),
            size: None,
            body: BodyKind::SevenBit,
            smtputf8: false,
            ret: None,
            envid: None,
        }
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
        check(&with("AUTH=<>"), Ok(plain(a)));
        check(&with("SMTPUTF8"), Ok(MailFrom { smtputf8: true, ..plain(a) }));
        check(
            "FROM:<\u{e4}@example.org> SMTPUTF8",
            Ok(MailFrom { smtputf8: true, ..plain("\u{e4}@example.org") }),
        );
        check("FROM:<\u{e4}@example.org>", Err(PeerError::NeedsSmtpUtf8));
        check(&with("SIZE=x"), Err(PeerError::BadParameter("SIZE")));
        check(&with("SIZE="), Err(PeerError::BadParameter("SIZE")));
        check(&with("SIZE=1 SIZE=1"), Err(PeerError::BadParameter("SIZE")));
        check(&with("BODY=BINARYMIME"), Err(PeerError::BadParameter("BODY")));
        check(&with("SMTPUTF8=1"), Err(PeerError::BadParameter("SMTPUTF8")));
        let long = "e".repeat(MailFrom::ENVID_OCTETS + 1);
        check(&with(&format!("ENVID={long}")), Err(PeerError::BadParameter("ENVID")));
        check(&with("HOLDFOR=1"), Err(PeerError::UnknownParameter));
    }
}
