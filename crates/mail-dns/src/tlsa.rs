//! Which TLSA records speak of a host (RFC 7672 §2.2.2, §2.2.3).

use hickory_resolver::proto::rr::{RData, RecordType};
use mail_types::{Domain, TlsaRecord};

use crate::{
    DnsProblem, MxHost,
    asker::Asker,
    names::{below, no_answer},
};

/// Most records that are looked at.
const RECORDS_MAX: usize = 32;

/// What a host's own domain says of its certificate, proved by DNSSEC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tlsa {
    /// The name under which the records stand: the TLSA base domain.
    pub base: Domain,
    /// The records, usable or not; never empty.
    pub records: Vec<TlsaRecord>,
}

/// The records for a port of the host; nothing where DANE does not apply to it. Where the answer
/// is missing, the host must not be used (RFC 7672 §2.1.2).
pub(crate) async fn of(
    asker: &Asker,
    host: &MxHost,
    port: u16,
) -> Result<Option<Tlsa>, DnsProblem> {
    for base in &host.tlsa_bases {
        let Some(name) = below(&format!("_{port}._tcp"), base) else { continue };
        let answer = asker.ask(&name, RecordType::TLSA).await;
        let answer = answer.map_err(|why| no_answer(base, why))?;
        // What is not proved is as good as not there: the next name is tried.
        let records: Vec<TlsaRecord> = match answer.secure {
            true => answer.records.iter().filter_map(record).take(RECORDS_MAX).collect(),
            false => Vec::new(),
        };
        if !records.is_empty() {
            return Ok(Some(Tlsa { base: base.clone(), records }));
        }
    }
    Ok(None)
}

fn record(data: &RData) -> Option<TlsaRecord> {
    let RData::TLSA(tlsa) = data else { return None };
    Some(TlsaRecord {
        usage: tlsa.cert_usage.into(),
        selector: tlsa.selector.into(),
        matching: tlsa.matching.into(),
        data: tlsa.cert_data.clone(),
    })
}
