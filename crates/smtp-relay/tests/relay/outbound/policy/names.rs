//! A name server that proves what a test wants proved, and whose records a test may change.

use std::{
    collections::HashMap,
    net::SocketAddr,
    str::FromStr,
    sync::{Arc, Mutex},
};

use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{
        Name, RData, Record,
        rdata::{A, CNAME, MX, SOA, TLSA, TXT},
    },
};
use tokio::net::UdpSocket;

pub(super) struct Names {
    pub(super) address: SocketAddr,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
}

/// A record, and whether it is proved; none is an illness of the server.
type Answer = (Option<Record>, bool);

impl Names {
    pub(super) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let answers: Arc<Mutex<HashMap<String, Answer>>> = Arc::default();
        let known = answers.clone();
        tokio::spawn(async move {
            let mut packet = [0; 1500];
            while let Ok((length, peer)) = socket.recv_from(&mut packet).await {
                let query = Message::from_vec(&packet[..length]).unwrap();
                let reply = reply(&query, &known.lock().unwrap());
                socket.send_to(&reply.to_vec().unwrap(), peer).await.unwrap();
            }
        });
        Self { address, answers }
    }

    /// Answers `a.test MX` so; with a `+` in front, DNSSEC proves it. Nothing is kept by anybody.
    pub(super) fn set(&self, question: &str, record: &str) {
        let secure = question.starts_with('+');
        let question = question.trim_start_matches('+').to_owned();
        self.answers.lock().unwrap().insert(question, (Some(parse(record)), secure));
    }

    /// Fails when it is asked this.
    pub(super) fn fail(&self, question: &str) {
        self.answers.lock().unwrap().insert(question.to_owned(), (None, false));
    }

    /// Knows nothing of this any more.
    pub(super) fn forget(&self, question: &str) {
        self.answers.lock().unwrap().remove(question);
    }
}

fn reply(query: &Message, known: &HashMap<String, Answer>) -> Message {
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    let question = query.queries[0].clone();
    let name = question.name().to_ascii();
    let asked = format!("{} {}", name.trim_end_matches('.'), question.query_type());
    reply.add_query(question);
    match known.get(&asked) {
        Some((Some(record), secure)) => {
            reply.add_answer(record.clone());
            reply.metadata.authentic_data = *secure;
        }
        Some((None, _)) => reply.metadata.response_code = ResponseCode::ServFail,
        None => {
            let exists = known.keys().any(|key| key.split(' ').next() == asked.split(' ').next());
            if !exists {
                reply.metadata.response_code = ResponseCode::NXDomain;
            }
            let soa = SOA::new(name_of("ns.test"), name_of("root.test"), 1, 60, 60, 60, 0);
            reply.add_authority(Record::from_rdata(name_of("test"), 0, RData::SOA(soa)));
        }
    }
    reply
}

fn name_of(text: &str) -> Name {
    Name::from_str(&format!("{text}.")).unwrap()
}

fn parse(record: &str) -> Record {
    let words: Vec<&str> = record.split(' ').collect();
    let number = |at: usize| words[at].parse::<u16>().unwrap();
    let data = match words[1] {
        "A" => RData::A(A(words[2].parse().unwrap())),
        "CNAME" => RData::CNAME(CNAME(name_of(words[2]))),
        "MX" => RData::MX(MX::new(number(2), name_of(words[3]))),
        "TXT" => RData::TXT(TXT::new(vec![words[2].to_owned()])),
        _ => {
            let octet = |at: usize| u8::try_from(number(at)).unwrap();
            let digits = words[5].as_bytes().chunks(2);
            let hex = |pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
            let data = digits.map(hex).collect();
            RData::TLSA(TLSA::new(octet(2).into(), octet(3).into(), octet(4).into(), data))
        }
    };
    Record::from_rdata(name_of(words[0]), 0, data)
}
