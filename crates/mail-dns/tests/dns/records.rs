//! Records as lines of text.

use std::str::FromStr;

use hickory_resolver::proto::rr::{
    Name, RData, Record,
    rdata::{A, AAAA, CNAME, MX, NS, SOA, TLSA, TXT},
};

pub(crate) fn name(text: &str) -> Name {
    Name::from_str(&format!("{}.", text.trim_end_matches('.'))).unwrap()
}

/// `two.example MX 20 b.example`, and so on.
pub(crate) fn record(line: &str) -> Record {
    record_for(60, line)
}

pub(crate) fn record_for(ttl: u32, line: &str) -> Record {
    let words: Vec<&str> = line.split(' ').collect();
    let data = match words[1] {
        "A" => RData::A(A(words[2].parse().unwrap())),
        "AAAA" => RData::AAAA(AAAA(words[2].parse().unwrap())),
        "CNAME" => RData::CNAME(CNAME(name(words[2]))),
        "MX" => RData::MX(MX::new(words[2].parse().unwrap(), name(words[3]))),
        "NS" => RData::NS(NS(name(words[2]))),
        "SOA" => RData::SOA(SOA::new(name("ns.test"), name("root.test"), 1, 60, 60, 60, 60)),
        "TLSA" => {
            let number = |at: usize| words[at].parse::<u8>().unwrap();
            let data = words[5].as_bytes().to_vec();
            RData::TLSA(TLSA::new(number(2).into(), number(3).into(), number(4).into(), data))
        }
        "TXT" => RData::TXT(TXT::new(words[2..].iter().map(|word| (*word).to_owned()).collect())),
        other => panic!("{other}"),
    };
    Record::from_rdata(name(words[0]), ttl, data)
}
