//! A name server that says what a test has it say.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hickory_resolver::proto::op::{Message, ResponseCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    free_port,
    records::{record, record_for},
};

/// What it sends for a question by UDP, packet after packet, and by TCP.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) udp: Vec<Vec<u8>>,
    pub(crate) tcp: Option<Vec<u8>>,
}

pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Scripted {
    pub(crate) async fn start(
        answer: impl Fn(&Message) -> Said + Send + Sync + 'static,
    ) -> Scripted {
        let (udp, tcp, address) = free_port().await;
        let (asked, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(answer));
        let (count, by_tcp) = (asked.clone(), answer.clone());
        tokio::spawn(async move {
            let mut packet = [0; 4096];
            while let Ok((length, peer)) = udp.recv_from(&mut packet).await {
                count.fetch_add(1, Ordering::Relaxed);
                let query = Message::from_vec(&packet[..length]).unwrap();
                for reply in answer(&query).udp {
                    udp.send_to(&reply, peer).await.unwrap();
                }
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let Ok(length) = stream.read_u16().await else { continue };
                let mut packet = vec![0; usize::from(length)];
                stream.read_exact(&mut packet).await.unwrap();
                let query = Message::from_vec(&packet).unwrap();
                if let Some(reply) = by_tcp(&query).tcp {
                    stream.write_u16(u16::try_from(reply.len()).unwrap()).await.unwrap();
                    stream.write_all(&reply).await.unwrap();
                    // The other side closes when it has read.
                    let _ = stream.read_u8().await;
                }
            }
        });
        Self { address, asked }
    }

    /// Answers the questions that stand in front of `:` as in `two.test MX: two.test MX 10 a.test`,
    /// several records divided by commas; all else is not there. A `+` in front says that DNSSEC
    /// proves it, a `!` that something is ill.
    pub(crate) async fn of(script: &'static [&'static str]) -> Self {
        Self::start(move |query| {
            let asked = question(query);
            let line = script.iter().find(|line| {
                line.trim_start_matches(['+', '!']).split_once(':').unwrap().0 == asked
            });
            let Some(line) = line else {
                let mut reply = Reply::to(query);
                reply.0.metadata.response_code = ResponseCode::NXDomain;
                reply.0.add_authority(record("test SOA"));
                return reply.said();
            };
            let mut reply = Reply::to(query);
            if line.starts_with('!') {
                reply.0.metadata.response_code = ResponseCode::ServFail;
            }
            // RFC 6840 §5.8: who does not ask for it, is not told.
            reply.0.metadata.authentic_data =
                line.starts_with('+') && query.metadata.authentic_data;
            let (_, records) = line.split_once(':').unwrap();
            for one in records.split(',').map(str::trim).filter(|one| !one.is_empty()) {
                reply = reply.with(one);
            }
            if reply.0.answers.is_empty() {
                reply.0.add_authority(record("test SOA"));
            }
            reply.said()
        })
        .await
    }

    /// How often it was asked by UDP.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// `two.test MX`.
pub(crate) fn question(query: &Message) -> String {
    let question = &query.queries[0];
    format!("{} {}", question.name().to_ascii().trim_end_matches('.'), question.query_type())
}

/// A reply in the making.
pub(crate) struct Reply(pub(crate) Message);

impl Reply {
    pub(crate) fn to(query: &Message) -> Self {
        let mut message = Message::response(query.metadata.id, query.metadata.op_code);
        message.metadata.recursion_available = true;
        message.add_query(query.queries[0].clone());
        Self(message)
    }

    pub(crate) fn with(self, line: &str) -> Self {
        self.with_ttl(60, line)
    }

    pub(crate) fn with_ttl(mut self, ttl: u32, line: &str) -> Self {
        self.0.add_answer(record_for(ttl, line));
        self
    }

    pub(crate) fn packet(&self) -> Vec<u8> {
        self.0.to_vec().unwrap()
    }

    pub(crate) fn said(&self) -> Said {
        Said { udp: vec![self.packet()], tcp: None }
    }
}
