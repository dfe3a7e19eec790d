//! The report that a domain gets (RFC 8460 §4.4).

use mail_types::{Address, Domain, Timestamp};
use serde_json::{Map, Value, json};

use crate::{
    Results,
    results::{Applied, Failure, PolicyKind, Tally},
};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Whose report it is.
#[derive(Debug, Clone)]
pub struct Reporter {
    /// The organization.
    pub organization: String,
    /// Whom to ask about it.
    pub contact: Address,
}

/// The report about a domain, for the day (UTC) that begins at `midnight`; nothing if nothing was
/// counted.
pub fn report(
    results: &Results,
    domain: &Domain,
    midnight: Timestamp,
    (reporter, id): (&Reporter, &str),
) -> Option<String> {
    let policies: Vec<Value> = results.of(domain).iter().map(policy).collect();
    if policies.is_empty() {
        return None;
    }
    let start = midnight.secs().div_euclid(DAY).saturating_mul(DAY);
    let report = json!({
        "organization-name": reporter.organization,
        "date-range": {
            "start-datetime": date_time(start),
            // RFC 8460 §4.4 has 24:00 of the day, RFC 3339 §5.6 the last second before it.
            "end-datetime": date_time(start.saturating_add(DAY - 1)),
        },
        "contact-info": reporter.contact.to_string(),
        "report-id": id,
        "policies": policies,
    });
    Some(report.to_string())
}

fn policy((applied, tally): &(Applied, Tally)) -> Value {
    let mut policy = Map::new();
    policy.insert("policy-type".to_owned(), json!(applied.kind));
    policy.insert("policy-string".to_owned(), json!(applied.text));
    policy.insert("policy-domain".to_owned(), json!(applied.domain));
    if applied.kind == PolicyKind::Sts && !applied.servers.is_empty() {
        policy.insert("mx-host".to_owned(), json!(applied.servers));
    }
    let mut whole = json!({
        "policy": policy,
        "summary": {
            "total-successful-session-count": tally.successes,
            "total-failure-session-count": tally.failures,
        },
    });
    if !tally.details.is_empty() {
        let details: Vec<Value> = tally.details.iter().map(detail).collect();
        if let Some(map) = whole.as_object_mut() {
            map.insert("failure-details".to_owned(), Value::Array(details));
        }
    }
    whole
}

fn detail((failure, count): &(Failure, u64)) -> Value {
    let mut detail = Map::new();
    let mut put = |key: &str, value: Value| drop(detail.insert(key.to_owned(), value));
    put("result-type", json!(failure.kind));
    if let Some(from) = failure.from {
        put("sending-mta-ip", json!(from.to_string()));
    }
    if let Some(server) = &failure.server {
        put("receiving-mx-hostname", json!(server));
    }
    if let Some(to) = failure.to {
        put("receiving-ip", json!(to.to_string()));
    }
    put("failed-session-count", json!(count));
    if !failure.reason.is_empty() {
        put("failure-reason-code", json!(failure.reason));
    }
    Value::Object(detail)
}

/// `2026-11-21T00:00:00Z` (RFC 3339 §5.6).
fn date_time(secs: i64) -> String {
    let (days, rest) = (secs.div_euclid(DAY), secs.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date of a day since 1970-01-01. Years are counted from March, so that the day that leap
/// years add is their last, in cycles of 400 years.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let (cycle, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + cycle * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ResultKind, StsPolicy};

    #[test]
    fn dates() {
        for (secs, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_456_704_000 + 86_399, "2016-02-29T23:59:59Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(date_time(secs), expected);
        }
    }

    #[test]
    fn the_report_of_rfc_8460_appendix_b() {
        let domain = Domain::parse("company-y.example").unwrap();
        let policy = "version: STSv1\nmode: testing\nmx: *.mail.company-y.example\nmax_age: 86400";
        let policy = StsPolicy::parse(policy.as_bytes()).unwrap();
        let applied = Applied::sts(&domain, Some(&policy));
        let mut results = Results::default();
        for _ in 0..5326 {
            results.count(&domain, &applied, Ok(()));
        }
        let failure = |kind, from: &str, server: &str, to: Option<&str>, reason: &str| Failure {
            kind,
            from: Some(from.parse().unwrap()),
            server: Some(server.to_owned()),
            to: to.map(|to| to.parse().unwrap()),
            reason: reason.to_owned(),
        };
        let expired = failure(
            ResultKind::CertificateExpired,
            "2001:db8:abcd:12::1",
            "mx1.mail.company-y.example",
            None,
            "",
        );
        let unsupported = failure(
            ResultKind::StarttlsNotSupported,
            "2001:db8:abcd:13::1",
            "mx2.mail.company-y.example",
            Some("203.0.113.56"),
            "",
        );
        let invalid = failure(
            ResultKind::ValidationFailure,
            "198.51.100.62",
            "mx-backup.mail.company-y.example",
            Some("203.0.113.58"),
            "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED",
        );
        for (failure, count) in [(expired, 100), (unsupported, 200), (invalid, 3)] {
            for _ in 0..count {
                results.count(&domain, &applied, Err(failure.clone()));
            }
        }
        let reporter = Reporter {
            organization: "Company-X".to_owned(),
            contact: Address::parse("sts-reporting@company-x.example").unwrap(),
        };
        let midnight = Timestamp::from_secs(1_459_468_800 + 7);
        let id = "5065427c-23d3-47ca-b6e0-946ea0e8c4be";
        let made = report(&results, &domain, midnight, (&reporter, id)).unwrap();
        let expected = json!({
            "organization-name": "Company-X",
            "date-range": {
                "start-datetime": "2016-04-01T00:00:00Z",
                "end-datetime": "2016-04-01T23:59:59Z"
            },
            "contact-info": "sts-reporting@company-x.example",
            "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
            "policies": [{
                "policy": {
                    "policy-type": "sts",
                    "policy-string": ["version: STSv1", "mode: testing",
                        "mx: *.mail.company-y.example", "max_age: 86400"],
                    "policy-domain": "company-y.example",
                    "mx-host": ["*.mail.company-y.example"]
                },
                "summary": {
                    "total-successful-session-count": 5326,
                    "total-failure-session-count": 303
                },
                "failure-details": [{
                    "result-type": "certificate-expired",
                    "sending-mta-ip": "2001:db8:abcd:12::1",
                    "receiving-mx-hostname": "mx1.mail.company-y.example",
                    "failed-session-count": 100
                }, {
                    "result-type": "starttls-not-supported",
                    "sending-mta-ip": "2001:db8:abcd:13::1",
                    "receiving-mx-hostname": "mx2.mail.company-y.example",
                    "receiving-ip": "203.0.113.56",
                    "failed-session-count": 200
                }, {
                    "result-type": "validation-failure",
                    "sending-mta-ip": "198.51.100.62",
                    "receiving-ip": "203.0.113.58",
                    "receiving-mx-hostname": "mx-backup.mail.company-y.example",
                    "failed-session-count": 3,
                    "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"
                }]
            }]
        });
        assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), expected);
        assert_eq!(report(&Results::default(), &domain, midnight, (&reporter, id)), None);
    }
}
