//! One question at a time: the cache, then the name servers, from alias to alias.
//!
//! What a stranger controls: every answer. The transport drops what comes from elsewhere or bears
//! another number, and asks again by TCP what was cut; [`chain`] takes nothing but what was asked
//! for; all waits end by [`Patience`].
//!
//! Whether an answer is proved by DNSSEC is the word of the name server (the AD bit), which counts
//! from those only that [`Believe`] names: a stub resolver that validates nothing itself may rely
//! on a resolver that it trusts and reaches by a path that nobody can write into (RFC 7672 §2.1.1,
//! RFC 4035 §4.9.3).

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use hickory_resolver::{
    Hosts, NameServerPool, PoolContext, TlsConfig,
    config::{ConnectionConfig, NameServerConfig, ResolverOpts},
    net::{
        DnsError, NetError, NoRecords,
        runtime::TokioRuntimeProvider,
        xfer::{DnsHandle, FirstAnswer, RetryDnsHandle},
    },
    proto::{
        op::{DnsRequest, DnsRequestOptions, DnsResponse, Query, ResponseCode},
        rr::{Name, RData, RecordType},
    },
    system_conf::read_system_conf,
};

use crate::{
    Believe, Patience,
    cache::{Cache, Sort},
    chain::{self, MAX_ALIASES, TooManyAliases, Walk},
};

/// Docker's resolver in each container: it hands on what others say, over whichever path.
const OF_CONTAINERS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));
/// Most records of one answer that are looked at.
const RECORDS_MAX: usize = 100;

/// What is known of a name, for sure.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Whether the name that its aliases lead to exists.
    pub(crate) exists: bool,
    /// The name that its aliases lead to.
    pub(crate) end: Name,
    /// Whether it had aliases.
    pub(crate) is_alias: bool,
    /// The records of the type; may be none.
    pub(crate) records: Vec<RData>,
    /// Whether all replies that led here were proved by DNSSEC. Of what is not there nothing is
    /// said.
    pub(crate) secure: bool,
}

/// No answer that could be relied on, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unanswered(pub(crate) String);

/// One reply, as the cache keeps it.
#[derive(Debug, Clone)]
enum Reply {
    Found { walk: Walk, exists: bool, secure: bool },
    Nothing { exists: bool },
}

type Handle = RetryDnsHandle<NameServerPool<TokioRuntimeProvider>>;

/// Asks name servers.
pub(crate) struct Asker {
    servers: Handle,
    /// The system's own list of names, where the system's servers are asked.
    hosts: Hosts,
    options: DnsRequestOptions,
    /// Whether what the servers say of DNSSEC counts.
    believed: bool,
    cache: Arc<Mutex<Cache<Reply>>>,
}

impl Asker {
    /// Asks whom the system asks.
    pub(crate) fn system(patience: Patience, believe: Believe) -> Result<Self, String> {
        let none = |error: NetError| format!("/etc/resolv.conf names no server: {error}");
        let (config, options) = read_system_conf().map_err(none)?;
        let servers = config.name_servers().to_vec();
        let hosts = Hosts::from_system().unwrap_or_default();
        Self::new(servers, options, hosts, (patience, believe))
    }

    /// Asks these servers.
    pub(crate) fn with_servers(
        servers: &[SocketAddr],
        patience: Patience,
        believe: Believe,
    ) -> Result<Self, String> {
        let servers = servers.iter().map(name_server).collect();
        Self::new(servers, ResolverOpts::default(), Hosts::default(), (patience, believe))
    }

    fn new(
        servers: Vec<NameServerConfig>,
        mut options: ResolverOpts,
        hosts: Hosts,
        (patience, believe): (Patience, Believe),
    ) -> Result<Self, String> {
        options.timeout = patience.timeout;
        options.edns0 = true;
        let believed = match believe {
            Believe::Nobody => false,
            // Any of them may be the one that answers.
            Believe::Loopback => {
                servers.iter().all(|server| server.ip.is_loopback() && server.ip != OF_CONTAINERS)
            }
            Believe::All => true,
        };
        let mut asking = DnsRequestOptions::default();
        asking.use_edns = true;
        asking.edns_payload_len = options.edns_payload_len;
        asking.recursion_desired = true;
        let tls = TlsConfig::new().map_err(|error| error.to_string())?;
        let context = Arc::new(PoolContext::new(options, tls));
        let pool = NameServerPool::from_config(servers, context, TokioRuntimeProvider::default());
        Ok(Self {
            servers: RetryDnsHandle::new(pool, patience.repeats),
            hosts,
            options: asking,
            believed,
            cache: Arc::new(Mutex::new(Cache::new())),
        })
    }

    /// What there is of this type at this name, or at the one that it is an alias of.
    pub(crate) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Answer, Unanswered> {
        if let Some(answer) = self.without_servers(name, kind) {
            return Ok(answer);
        }
        let (mut end, mut aliases, mut secure) = (name.clone(), 0, self.believed);
        loop {
            let reply = self.reply(&end, kind).await?;
            let answer = |exists, end, aliases, records, secure| {
                Ok(Answer { exists, end, is_alias: aliases > 0, records, secure })
            };
            match reply {
                Reply::Nothing { exists } => {
                    return answer(exists, end, aliases, Vec::new(), secure);
                }
                Reply::Found { walk, exists, secure: proved } => {
                    secure &= proved;
                    aliases += walk.aliases;
                    // RFC 6604 §3: "no such name" is said of the last name of the chain.
                    if !walk.records.is_empty() || !exists {
                        return answer(exists, walk.end, aliases, walk.records, secure);
                    }
                    if aliases > MAX_ALIASES {
                        return Err(circle(name));
                    }
                    end = walk.end;
                }
            }
        }
    }

    /// Whether it can ever learn that something is proved.
    pub(crate) fn believes(&self) -> bool {
        self.believed
    }

    /// One reply to one question, from the cache or from a server. One with answers of which none
    /// is about the name is no reply.
    async fn reply(&self, name: &Name, kind: RecordType) -> Result<Reply, Unanswered> {
        if let Some(reply) = self.cache().get(name, kind, Instant::now()) {
            return Ok(reply);
        }
        let query = Query::query(name.clone(), kind);
        let (mut message, options) = DnsRequest::from_query(query, self.options).into_parts();
        // RFC 6840 §5.7: so a resolver that validates says what it found, without the signatures.
        message.metadata.authentic_data = true;
        let response = self.servers.send(DnsRequest::new(message, options)).first_answer().await;
        let (reply, ttl, octets) = match response {
            Ok(response) => found(&response, name, kind)?,
            Err(error) => nothing(&error)?,
        };
        let sort = match &reply {
            Reply::Found { exists: true, .. } => Sort::Positive,
            Reply::Found { .. } | Reply::Nothing { .. } => Sort::Negative,
        };
        let (asked, now) = ((name, kind), Instant::now());
        self.cache().put(asked, (reply.clone(), sort, octets), ttl, now);
        Ok(reply)
    }

    /// What no name server is asked about: the system's own names, and this machine (RFC 6761
    /// §6.3).
    fn without_servers(&self, name: &Name, kind: RecordType) -> Option<Answer> {
        let known = |records| {
            let (exists, is_alias, secure) = (true, false, false);
            Some(Answer { exists, end: name.clone(), is_alias, records, secure })
        };
        if let Some(lookup) = self.hosts.lookup_static_host(&Query::query(name.clone(), kind)) {
            return known(lookup.answers().iter().map(|record| record.data.clone()).collect());
        }
        let last = name.iter().next_back()?;
        last.eq_ignore_ascii_case(b"localhost").then_some(())?;
        known(match kind {
            RecordType::A => vec![RData::A(Ipv4Addr::LOCALHOST.into())],
            RecordType::AAAA => vec![RData::AAAA(std::net::Ipv6Addr::LOCALHOST.into())],
            _ => Vec::new(),
        })
    }

    fn cache(&self) -> MutexGuard<'_, Cache<Reply>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn found(
    response: &DnsResponse,
    name: &Name,
    kind: RecordType,
) -> Result<(Reply, u32, usize), Unanswered> {
    let walked = chain::walk(name, kind, &response.answers);
    let mut walk = walked.map_err(|TooManyAliases| circle(name))?;
    if walk.aliases == 0 && walk.records.is_empty() {
        return Err(Unanswered("a name server spoke of something else".to_owned()));
    }
    walk.records.truncate(RECORDS_MAX);
    let (ttl, exists) = (walk.ttl, response.response_code != ResponseCode::NXDomain);
    // What is not there may not be there for another time than the aliases hold.
    let ttl = if exists { ttl } else { ttl.min(response.negative_ttl().unwrap_or(0)) };
    let secure = response.metadata.authentic_data;
    Ok((Reply::Found { walk, exists, secure }, ttl, response.as_buffer().len()))
}

/// Divides definite denials from missing answers: the latter are the error.
fn nothing(error: &NetError) -> Result<(Reply, u32, usize), Unanswered> {
    let NetError::Dns(DnsError::NoRecordsFound(denial)) = error else {
        return Err(Unanswered(error.to_string()));
    };
    let NoRecords { response_code, soa, ns, negative_ttl, .. } = denial;
    let exists = match response_code {
        ResponseCode::NXDomain => false,
        // RFC 2308 §2.2: name servers without a start of authority are a way to go on, which a
        // server that was asked to go it itself should not have left to us.
        ResponseCode::NoError if soa.is_none() && ns.is_some() => {
            return Err(Unanswered("a name server referred to others".to_owned()));
        }
        ResponseCode::NoError => true,
        code => return Err(Unanswered(code.to_string())),
    };
    Ok((Reply::Nothing { exists }, negative_ttl.unwrap_or(0), 0))
}

fn circle(name: &Name) -> Unanswered {
    Unanswered(format!("the aliases of {name} go on and on"))
}

fn name_server(server: &SocketAddr) -> NameServerConfig {
    let (mut udp, mut tcp) = (ConnectionConfig::udp(), ConnectionConfig::tcp());
    udp.port = server.port();
    tcp.port = server.port();
    NameServerConfig::new(server.ip(), true, vec![udp, tcp])
}
