//! Responses that are a claim by themselves.

use mail_types::Secret;

use super::{ExchangeError, MAX_FIELD_OCTETS};
use crate::{Claim, Setting};

/// `message = [authzid] UTF8NUL authcid UTF8NUL passwd` (RFC 4616 §2).
pub(super) fn plain(message: &[u8]) -> Result<Claim, ExchangeError> {
    let mut parts = message.split(|byte| *byte == 0);
    let (Some(authorization), Some(authentication), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ExchangeError::Malformed);
    };
    let authorization = if authorization.is_empty() { None } else { Some(field(authorization)?) };
    // RFC 4616 §2 has UTF-8 for the password as well.
    let password = field(password)?;
    Claim::password(authorization, field(authentication)?, &Secret::new(password))
        .ok_or(ExchangeError::Malformed)
}

/// The password of LOGIN may be in any charset: no document says otherwise, and old clients send
/// their own.
pub(super) fn login(name: &str, password: &[u8]) -> Result<Claim, ExchangeError> {
    if password.len() > MAX_FIELD_OCTETS {
        return Err(ExchangeError::TooLong);
    }
    Claim::password(None, name, &Secret::new(password)).ok_or(ExchangeError::Malformed)
}

/// `EXTERNAL-message = [authz-id]` (RFC 4422 §A.2).
pub(super) fn external(message: &[u8], setting: &Setting<'_>) -> Result<Claim, ExchangeError> {
    let authorization = if message.is_empty() { None } else { Some(field(message)?) };
    if authorization.is_some_and(|name| name.contains('\0')) {
        return Err(ExchangeError::Malformed);
    }
    let certificate = *setting.certificate.ok_or(ExchangeError::Binding)?;
    let authorization = authorization.map(|name| crate::prepare(name).into_owned());
    Ok(Claim::External { authorization, certificate })
}

/// A name or a password in UTF-8.
pub(super) fn field(bytes: &[u8]) -> Result<&str, ExchangeError> {
    if bytes.len() > MAX_FIELD_OCTETS {
        return Err(ExchangeError::TooLong);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() => Ok(text),
        _ => Err(ExchangeError::Malformed),
    }
}
