//! A throwaway authority, and the certificate that it gives the demo's server.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use jiff::{ToSpan, Zoned};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use super::HOST;

/// Under which names and addresses a client reaches the demo.
const NAMES: [&str; 4] = ["localhost", HOST, "127.0.0.1", "::1"];
/// How long the certificates are good: some clients refuse more than 825 days.
const DAYS_VALID: i64 = 800;

/// The authority's certificate.
pub(super) fn authority(folder: &Path) -> PathBuf {
    keys(folder).join("ca.pem")
}

/// The server's certificate, relative to the folder.
pub(super) const CERTIFICATE: &str = "keys/certificate.pem";
/// The server's key, relative to the folder.
pub(super) const KEY: &str = "keys/key.pem";

fn keys(folder: &Path) -> PathBuf {
    folder.join("keys")
}

/// Makes authority and certificate if one of the files is missing. The authority's key is thrown
/// away at once: it can never sign anything else.
pub(super) fn make_missing(folder: &Path) -> anyhow::Result<()> {
    let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
    if [&authority(folder), &certificate, &key].into_iter().all(|file| file.exists()) {
        return Ok(());
    }
    let (authority_pem, certificate_pem, key_pem) = make()?;
    fs::create_dir_all(keys(folder))?;
    write(&authority(folder), &authority_pem, 0o644)?;
    write(&certificate, &certificate_pem, 0o644)?;
    write(&key, &key_pem, 0o600)
}

fn make() -> anyhow::Result<(String, String, String)> {
    let mut authority = dated(CertificateParams::new(Vec::new())?)?;
    authority.distinguished_name.push(DnType::CommonName, "Postrider demo, throwaway authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();

    let mut server = dated(CertificateParams::new(NAMES.map(str::to_owned))?)?;
    server.distinguished_name.push(DnType::CommonName, HOST);
    server.is_ca = IsCa::ExplicitNoCa;
    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let server_key = KeyPair::generate()?;
    let issuer = Issuer::new(authority, authority_key);
    let certificate = server.signed_by(&server_key, &issuer)?;
    Ok((authority_pem, certificate.pem(), server_key.serialize_pem()))
}

/// Valid from yesterday on, for clients whose clock is behind.
fn dated(mut params: CertificateParams) -> anyhow::Result<CertificateParams> {
    let date = |days: i64| -> anyhow::Result<_> {
        let day = Zoned::now().checked_add(days.days())?.date();
        let (month, day_of_month) = (u8::try_from(day.month())?, u8::try_from(day.day())?);
        Ok(date_time_ymd(i32::from(day.year()), month, day_of_month))
    };
    params.not_before = date(-1)?;
    params.not_after = date(DAYS_VALID)?;
    Ok(params)
}

fn write(file: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    // A file that stands in the way would keep its own mode.
    let _ = fs::remove_file(file);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pair_fits_and_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        make_missing(folder.path()).unwrap();
        let key = fs::read_to_string(folder.path().join(KEY)).unwrap();
        let certificate = folder.path().join(CERTIFICATE);
        agent_kit::tls::ServerTls::load(&certificate, &folder.path().join(KEY)).unwrap();
        make_missing(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join(KEY)).unwrap(), key);
        fs::remove_file(certificate).unwrap();
        make_missing(folder.path()).unwrap();
        assert_ne!(fs::read_to_string(folder.path().join(KEY)).unwrap(), key);
    }
}
