//! Every field of the configuration: its type, its default, its explanation.
//!
//! The explanations are read twice: as documentation of the code, and in `config.example.toml`.
//! Within a section, tables come after plain keys.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use mail_types::{Address, Domain, MailboxName};

use crate::{
    destinations::{Destinations, OverIpv4, OverIpv6},
    etrn::Etrn,
    networks::{Network, SenderName},
    notice_languages::NoticeLanguages,
    routes::Routes,
    section::{sections, tables},
    sender_routes::SenderRoutes,
    sendmail::Sendmail,
    smarthosts::Smarthosts,
    tls_domains::TlsDomains,
    units::{ByteSize, Percent},
    words::{
        BareLineEnds, DnssecWord, HostTls, ImapCapability, ImapSharing, LogFormat, LogLevel,
        NoticeLanguage, Pop3Deleted, SignInMechanism, Unreachable,
    },
};

sections! {
    /// The whole configuration.
    pub struct Config {
        /// The name of this host as the world knows it: in greetings, in EHLO, in trace headers.
        /// Its address must point back to it, or other servers will distrust it.
        pub hostname: Domain = Domain::from_ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        /// Where everything is kept: directory, queue, mailboxes.
        pub data_dir: PathBuf = PathBuf::from("/var/lib/postrider"),
        /// Marks the throwaway installation that `postrider up` makes without a configuration.
        pub demo: bool = false,
        /// The certificate that all listeners show. Changed files are noticed by themselves.
        pub tls: Tls = Tls::default(),
        /// Mail from our own people: port 587 with STARTTLS, port 465 with TLS from the start.
        pub submission: Submission = Submission::default(),
        /// Mail from other servers, and to them.
        pub relay: Relay = Relay::default(),
        /// How mail reaches other domains: "mx" asks the DNS; "host:port" is always that host;
        /// "via:name" is the host of the smarthost with that name;
        /// "lmtp:host:port" or "lmtp:/path" is an LMTP server;
        /// "hold: reason" keeps it in the queue until it is released; "discard" takes it durably
        /// and drops it (for tests). "*" stands for all domains without a line of their own.
        pub routes: Routes = Routes::default(),
        /// Another way for the mail of single senders: by the account that submitted it, the address
        /// in its envelope, or that one's domain; the first of these that has a line counts. A
        /// domain with a line of its own in the routes is reached by that, whoever sends.
        pub sender_routes: SenderRoutes = SenderRoutes::default(),
        /// What a host of a route wants that other servers do not: a table each, by the host's name;
        /// or by any name, if it says which host it is for, so that one host can know several
        /// accounts.
        pub smarthosts: Smarthosts = Smarthosts::default(),
        /// What is different about the way to a destination: a table each, by the domain of the
        /// addresses or the name of a smarthost.
        pub destinations: Destinations = Destinations::default(),
        /// Who may have the mail sent that waits for a domain, by asking for it with ETRN
        /// (RFC 1985): the networks of its own servers. It is meant for domains whose mail is taken
        /// and held here ("hold:") until they are there to take it. Nobody, unless there are lines.
        pub etrn: Etrn = Etrn::default(),
        /// From the queue into mailboxes.
        pub delivery: Delivery = Delivery::default(),
        /// Mailboxes: how full they may get, and what goes by itself.
        pub storage: Storage = Storage::default(),
        /// Reading mail over IMAP: port 143 with STARTTLS, port 993 with TLS from the start.
        pub imap: Imap = Imap::default(),
        /// Reading mail over POP3: port 110 with STLS, port 995 with TLS from the start.
        pub pop3: Pop3 = Pop3::default(),
        /// Passwords.
        pub sign_in: SignIn = SignIn::default(),
        /// What waits to be delivered.
        pub queue: Queue = Queue::default(),
        /// What senders are told when something cannot be delivered.
        pub notices: Notices = Notices::default(),
        /// How much one peer may take, in each process.
        pub limits: Limits = Limits::default(),
        /// Proxies in front of this host, such as HAProxy or nginx.
        pub proxies: Proxies = Proxies::default(),
        /// Name servers.
        pub dns: Dns = Dns::default(),
        /// Whom programs of this machine write as when they call `sendmail`: uid = address. Others
        /// write as their user name at the host's name.
        pub sendmail: Sendmail = Sendmail::default(),
        /// How `postrider up` runs the agents.
        pub supervisor: Supervisor = Supervisor::default(),
        /// Numbers for a monitoring system, in the text format of Prometheus.
        pub metrics: Metrics = Metrics::default(),
        /// What is written about all this.
        pub log: Log = Log::default(),
    }

    /// The certificate that all listeners show.
    pub struct Tls {
        /// The certificate chain in PEM, this host's own certificate first.
        pub certificate: Option<PathBuf> = None => "\"/etc/postrider/tls/fullchain.pem\"",
        /// Its private key in PEM.
        pub key: Option<PathBuf> = None => "\"/etc/postrider/tls/privkey.pem\"",
    }

    /// Mail from our own people.
    pub struct Submission {
        /// Where to listen with STARTTLS; several addresses are possible, [] is nowhere, port 0
        /// takes any free port.
        pub listen: Vec<SocketAddr> = everywhere(587),
        /// Where to listen with TLS from the start.
        pub listen_tls: Vec<SocketAddr> = everywhere(465),
        /// The largest message that is taken.
        pub max_message_size: ByteSize = ByteSize::mib(50),
        /// The most recipients of one message.
        pub max_recipients: u32 = 1000,
        /// How long a message may be held before it leaves, if its sender asks for that
        /// (FUTURERELEASE, RFC 4865 §4.2); "0s": it may not, and that is not offered.
        pub max_hold: Duration = hours(30 * 24),
        /// The highest priority that people may give to a message (MT-PRIORITY, 0 to 9: RFC 6710
        /// §4.1); one above it becomes this.
        pub max_priority: u32 = 9,
        /// Whose mail to other servers gets a reverse-path for each recipient, which names him:
        /// news+bob=example.net@example.org (VERP). What comes back leads to the sender's own mailbox,
        /// as all subaddresses do, and its Delivered-To field says who could not be reached: for
        /// lists and newsletters. Addresses, or all of a domain.
        pub verp: Vec<SenderName> = Vec::new() => "[\"news@example.org\"]",
        /// Leave the sender's network address out of the trace header that everyone can read.
        pub hide_client_address: bool = true,
        /// How long a client may keep silent.
        pub idle_timeout: Duration = minutes(5),
        /// What becomes of messages with a CR or LF that stands alone: "refuse" them, or "repair"
        /// them, for devices that send such. Neither ends a message, whatever stands here.
        pub bare_line_ends: BareLineEnds = BareLineEnds::Refuse,
        /// How much one account may send to other servers; mail between our own people is not
        /// counted. What goes beyond is held in the queue, and the account's owner and the
        /// postmaster are told: a stolen password must not become a flood of spam. `postrider queue
        /// release` lets it go. Beyond twice as much, further mail is refused for a while. 0 is no
        /// limit; a house of people does well with 200, 500, 1000, 2000 and a jump of 10.
        pub sending: Sending = Sending::default(),
        /// Devices that cannot sign in (printers, a NAS) and may submit on port 587 all the same,
        /// with TLS or without. Nobody, unless both lists have an entry.
        pub without_sign_in: WithoutSignIn = WithoutSignIn::default(),
    }

    /// How much one account may send to other servers.
    pub struct Sending {
        /// The most messages in an hour of the clock.
        pub messages_per_hour: u32 = 0,
        /// The most recipients in an hour of the clock.
        pub recipients_per_hour: u32 = 0,
        /// The most messages in 24 hours.
        pub messages_per_day: u32 = 0,
        /// The most recipients in 24 hours.
        pub recipients_per_day: u32 = 0,
        /// A sudden jump is held as well: so many times the recipients of the account's busiest hour
        /// in the past month ..
        pub jump_factor: u32 = 0,
        /// .. once there are so many in an hour.
        pub jump_from: u32 = 200,
    }

    /// Devices that cannot sign in.
    pub struct WithoutSignIn {
        /// The networks that they are in.
        pub networks: Vec<Network> = Vec::new() => "[\"192.168.1.0/24\", \"2001:db8:0:1::/64\"]",
        /// What they may send as, in the envelope and in the From field: addresses, or all of a
        /// domain.
        pub senders: Vec<SenderName> = Vec::new() => "[\"scanner@example.org\", \"@printers.example.org\"]",
    }

    /// Mail from other servers, and to them.
    pub struct Relay {
        /// Where to listen for other servers.
        pub listen: Vec<SocketAddr> = everywhere(25),
        /// The largest message that is taken.
        pub max_message_size: ByteSize = ByteSize::mib(50),
        /// The most recipients of one message; 100 at least (RFC 5321 §4.5.3.1.8).
        pub max_recipients: u32 = 500,
        /// How long a peer may keep silent (RFC 5321 §4.5.3.2.7).
        pub idle_timeout: Duration = minutes(5),
        /// What becomes of messages with a CR or LF that stands alone: "refuse" them, or "repair"
        /// them. Neither ends a message, whatever stands here.
        pub bare_line_ends: BareLineEnds = BareLineEnds::Refuse,
        /// The most messages of one connection; a peer connects anew for more.
        pub max_messages_per_connection: u32 = 100_000,
        /// The most recipients that are refused in one connection, before it is closed: more is a
        /// search for addresses.
        pub max_refused_recipients: u32 = 100,
        /// The most breaches of the protocol in one connection, before it is closed.
        pub max_errors: u32 = 20,
        /// After so many refusals in one connection each further one is said later than the one
        /// before it, by a second each ..
        pub tarpit_after: u32 = 5,
        /// .. up to this; "0s" is never.
        pub tarpit_max: Duration = Duration::from_secs(10),
        /// Asking the servers of relayed domains for their recipients, while the sender waits.
        pub call_forward: CallForward = CallForward::default(),
        /// Mail to other servers.
        pub outbound: Outbound = Outbound::default(),
    }

    /// Asking the servers of relayed domains for their recipients, while the sender waits: for domains
    /// that were added with `postrider domain add --relay asked`.
    pub struct CallForward {
        /// When the server cannot be asked, or its answer settles nothing: "defer" has the sender try
        /// again later; "accept" takes the mail, which may have to be returned.
        pub unreachable: Unreachable = Unreachable::Defer,
        /// How long a question may take, and how long it may wait for its turn before.
        pub timeout: Duration = Duration::from_secs(10),
        /// How long it is remembered that an address is taken ..
        pub taken_kept: Duration = hours(24),
        /// .. and that it is refused.
        pub refused_kept: Duration = minutes(15),
        /// The most questions at once to the servers of one domain.
        pub concurrency: u32 = 4,
        /// The most questions that one client may cause in a minute; what is remembered costs none.
        /// The others are to try again later.
        pub per_client: u32 = 60,
    }

    /// Mail to other servers.
    pub struct Outbound {
        /// The port of other servers.
        pub port: u16 = 25,
        /// The most conversations at once, with all destinations together.
        pub concurrency: u32 = 40,
        /// The most conversations at once with one host, whatever domains it serves. It begins with
        /// two, and gets more as it bears them.
        pub concurrency_per_host: u32 = 20,
        /// How long to wait for a connection (RFC 5321 §4.5.4.1 speaks of minutes; a dead host
        /// would keep the others waiting).
        pub connect_timeout: Duration = Duration::from_secs(30),
        /// The authorities whose certificates are valid, where a certificate must be: a file in PEM.
        /// Without it, the system's.
        pub authorities: Option<PathBuf> = None => "\"/etc/ssl/certs/ca-certificates.crt\"",
        /// Who this host is over IPv4.
        pub ipv4: OverIpv4 = OverIpv4::default(),
        /// Who this host is over IPv6. Do without, if its address there does not point back to a
        /// name: many servers refuse such.
        pub ipv6: OverIpv6 = OverIpv6::default(),
        /// When to try again.
        pub retry: Retry = Retry::default(),
        /// How sure one must be of other servers; docs/operations/tls.md explains it.
        pub tls: OutboundTls = OutboundTls::default(),
    }

    /// How sure one must be of other servers.
    pub struct OutboundTls {
        /// Hold servers to the TLSA records that DNSSEC proves (DANE). It needs a resolver that
        /// validates: see dns.dnssec.
        pub dane: bool = true,
        /// Hold domains to the policies that they publish by HTTPS (MTA-STS).
        pub mta_sts: bool = true,
        /// The port of the servers that have these policies; another one is for tests.
        pub https_port: u16 = 443,
        /// Ask servers at private addresses too (127.0.0.1, 10.0.0.0/8, fd00::/8 and their like) for
        /// policies, and post reports there: for closed networks and tests. Otherwise no other
        /// domain can have this host connect to one of its own network.
        pub https_to_private: bool = false,
        /// Reports about that to the domains that ask for them (TLSRPT).
        pub reports: TlsReports = TlsReports::default(),
        /// What is demanded by domain, and "*" of all others: "as-published", what the domain
        /// itself demands; "required", TLS with any certificate, "verified", TLS with a certificate
        /// that is valid for the server's name, and "dane", TLS with TLSA records, all three on top
        /// of that; "opportunistic", TLS where it is offered, and "none", both whatever the domain
        /// demands.
        pub domains: TlsDomains = TlsDomains::default(),
    }

    /// Reports to other domains about TLS with their servers.
    pub struct TlsReports {
        /// Whom they can ask about a report; without it nothing is counted and nothing reported.
        /// Reports by mail come from this address, and most receivers ignore what its domain has
        /// not signed (DKIM).
        pub contact: Option<Address> = None => "\"postmaster@example.org\"",
        /// Whose reports these are; the host's name without it.
        pub organization: Option<String> = None => "\"Example Org\"",
        /// Yesterday's reports go out at some time within this after midnight, UTC.
        pub within: Duration = hours(4),
    }

    /// What a host of the routes wants.
    pub struct Smarthost {
        /// The host and its port, if the name of this table is not the host's.
        pub host: Option<String> = None => "\"smart.example.net:587\"",
        /// Whom to sign in as.
        pub user: Option<String> = None => "\"me@example.net\"",
        /// The file with the password, and nothing else in it; smtp-relay must be able to read it.
        pub password_file: Option<PathBuf> = None => "\"/etc/postrider/smart.example.net.password\"",
        /// TLS: "starttls", or "tls" from the start (port 465), both with a certificate that is
        /// valid for the host's name; "opportunistic" as between all servers; "none".
        pub tls: HostTls = HostTls::StartTls,
    }

    /// When to try again after an attempt that failed for now.
    pub struct Retry {
        /// The pause after the first attempt; each further one is longer.
        pub first_retry: Duration = minutes(5),
        /// By how much: 2.0 doubles it each time; from 1.0 (always the same) to 10.0.
        pub factor: f64 = 2.0,
        /// The longest pause.
        pub max_retry: Duration = hours(4),
        /// When to tell the sender that the message is late; "0s" for never.
        pub delay_notice_after: Duration = hours(4),
        /// When to give up and return the message (RFC 5321 §4.5.4.1: four to five days).
        pub give_up_after: Duration = hours(5 * 24),
    }

    /// From the queue into mailboxes.
    pub struct Delivery {
        /// Where to take mail by LMTP (RFC 2033) from another server of yours, in clear and
        /// without a sign-in: whoever can connect can deliver to mailboxes here. Not port 25.
        pub lmtp_listen: Vec<SocketAddr> = Vec::new(),
        /// A Unix socket for the same, which every user of this machine may connect to.
        pub lmtp_socket: Option<PathBuf> = None => "\"/run/postrider/lmtp.sock\"",
        /// The most deliveries at once.
        pub concurrency: u32 = 8,
        /// Whether a message says in X-Original-To to which address it was sent, where that is another
        /// than the mailbox's own: an alias, a list, a catch-all.
        pub original_to: bool = true,
        /// A message whose Message-ID came to the same mailbox within this time is not filed again;
        /// "0s": each copy is filed. 30 days at most. docs/operations/mailboxes.md says what that
        /// means for lists, and what can go wrong.
        pub duplicates_within: Duration = Duration::ZERO,
        /// When to try again, such as after a full mailbox.
        pub retry: Retry = Retry { first_retry: minutes(1), max_retry: hours(1), ..Retry::default() },
    }

    /// Mailboxes: how full they may get, and what goes by itself. How much mail an account or a
    /// domain may have is set with `postrider account quota` and `postrider domain quota`.
    pub struct Storage {
        /// At which parts of its quota, in percent, an account is warned by a message in its inbox:
        /// once each time it gets there. Nobody, if the list is empty.
        pub warn_at: Vec<Percent> = vec![Percent(80), Percent(95)],
        /// A full mailbox takes no mail for now, and senders try again. After so long without room
        /// mail for it is refused for good, so that senders hear of it.
        pub full_grace: Duration = hours(3 * 24),
        /// How long messages stay in the mailbox for deleted ones (\Trash), counted from when they
        /// came into it; "0s": until somebody removes them.
        pub trash_kept: Duration = Duration::ZERO,
        /// How long messages stay in the mailbox for unwanted ones (\Junk); likewise.
        pub junk_kept: Duration = Duration::ZERO,
        /// For how long `postrider store undelete` can bring back what was removed, by whomever. It
        /// takes room on the disk, and counts for no quota. "0s": what is removed is gone at once.
        pub removed_kept: Duration = hours(7 * 24),
    }

    /// Reading mail over IMAP.
    pub struct Imap {
        /// Where to listen with STARTTLS.
        pub listen: Vec<SocketAddr> = everywhere(143),
        /// Where to listen with TLS from the start.
        pub listen_tls: Vec<SocketAddr> = everywhere(993),
        /// The largest message that a client may put into a mailbox.
        pub max_message_size: ByteSize = ByteSize::mib(50),
        /// How long a signed-in client may keep silent; 30 minutes at least (RFC 9051 §5.4).
        pub idle_timeout: Duration = minutes(31),
        /// Capabilities that are offered only if they stand here, because some clients break on
        /// them: "UTF8=ACCEPT" (RFC 9755), with which a client that has not enabled it may append
        /// no message whose header is not ASCII, and "UIDONLY" (RFC 9586), which saves clients of
        /// large mailboxes the sequence numbers. Clients that speak IMAP4rev2 need none of them.
        pub extra_capabilities: Vec<ImapCapability> = Vec::new(),
        /// How many messages one command works on at most, told to clients as MESSAGELIMIT (RFC 9738);
        /// 0: as many as there are. It bounds what one command costs, and only clients that know it get
        /// at all of a mailbox with more messages: to others FETCH, SEARCH, STORE and MOVE seem to be
        /// done when they were done for its last messages only, and COPY and THREAD fail. 1000 at least,
        /// if it is not 0. docs/operations/mailboxes.md says more.
        pub message_limit: u32 = 0,
        /// The same for COPY and APPEND only, told as SAVELIMIT, which all clients can live with: to
        /// copy too many messages at once fails. 0: no limit, else 1000 at least. Without effect beside
        /// message_limit.
        pub save_limit: u32 = 0,
        /// With whom people can share their mailboxes, from a client that knows IMAP's ACL extension:
        /// "everyone": with single accounts, or with all of this server ("anyone"); "accounts": with
        /// single ones only; "off": not at all, nor single messages by URL. Nothing is shared until its owner says so. What others
        /// share is shown below "Other Users", so that an own mailbox of that name is out of
        /// reach unless this is "off".
        pub sharing: ImapSharing = ImapSharing::Everyone,
        /// Addresses of the accounts with which submission servers sign in that fetch parts of messages by
        /// URL for their clients (BURL; "submit+", RFC 4467). The submission agent here does not.
        pub submission_servers: Vec<Address> = Vec::new(),
        /// How many annotations (RFC 5464) a mailbox, or the server, has for one account; 10 at
        /// least.
        pub max_annotations: u32 = 100,
        /// The largest value of an annotation; 1 KiB at least.
        pub max_annotation_size: ByteSize = ByteSize::kib(64),
        /// How people reach you, told to clients that ask for it: a URI.
        pub admin_contact: Option<String> = None => "\"mailto:postmaster@example.org\"",
        /// What clients are told of this server if they ask for it.
        pub server_comment: Option<String> = None => "\"Mail of the Example family\"",
    }

    /// Reading mail over POP3.
    pub struct Pop3 {
        /// Where to listen with STLS.
        pub listen: Vec<SocketAddr> = everywhere(110),
        /// Where to listen with TLS from the start.
        pub listen_tls: Vec<SocketAddr> = everywhere(995),
        /// How long a client may keep silent; 10 minutes at least (RFC 1939 §3).
        pub idle_timeout: Duration = minutes(10),
        /// The mailbox that is the maildrop.
        pub mailbox: MailboxName = MailboxName::inbox(),
        /// What becomes of a message that a client deletes: "remove", or "trash": it is moved
        /// into the mailbox for deleted messages.
        pub deleted: Pop3Deleted = Pop3Deleted::Remove,
        /// Messages older than this are not shown; "0s" shows them all.
        pub hide_older_than: Duration = Duration::ZERO,
        /// Only the newest so many messages are shown; 0 shows them all.
        pub show_at_most: u32 = 0,
        /// Messages that were read before a session and are older than this are removed when it
        /// ends; "0s" keeps them until a client deletes them. Told to clients in whole days
        /// (RFC 2449 §6.7).
        pub keep_read_for: Duration = Duration::ZERO,
        /// How long an account has to wait between two sign-ins (RFC 2449 §6.5).
        pub login_delay: Duration = Duration::ZERO,
        /// How often an account may sign in within a minute.
        pub sign_ins_per_minute: u32 = 120,
    }

    /// Passwords.
    pub struct SignIn {
        /// The ways to sign in: "SCRAM-SHA-256", "SCRAM-SHA-1", "EXTERNAL", "DIGEST-MD5",
        /// "CRAM-MD5", "APOP", "PLAIN", "LOGIN". Each but the last two needs something to be kept
        /// of every password, from its next change on, and some of that is as good as the password
        /// to a thief: docs/operations/signing-in.md says what each costs.
        pub mechanisms: Vec<SignInMechanism> =
            vec![SignInMechanism::ScramSha256, SignInMechanism::Plain, SignInMechanism::Login],
        /// Offer SCRAM with channel binding to the TLS connection (-PLUS) as well. Clients that
        /// know it choose it first; some of them then cannot do it and give up (mutt of Debian 12).
        pub channel_binding: bool = false,
        /// Offer the mechanisms that do not send the password itself also where there is no TLS.
        /// Whoever listens can then try passwords against what was heard.
        pub challenges_without_tls: bool = false,
        /// Allow IMAP and POP3 clients to sign in without TLS if they connect from this machine
        /// itself (127.0.0.0/8 or ::1). From elsewhere TLS is always needed.
        pub without_tls_on_loopback: bool = false,
        /// The domain of names that are typed without one.
        pub default_domain: Option<Domain> = None => "\"example.org\"",
        /// The key under which app passwords are digested and password equivalents are sealed;
        /// made by `postrider migrate` where there was none. Otherwise `secret.key` beside the
        /// credentials.
        pub key_file: Option<PathBuf> = None => "\"/etc/postrider/keys/sign-in.key\"",
        /// How many passwords each process checks at once; one takes 19 MiB while it lasts.
        pub checks_at_once: u32 = 1,
        /// How long a proven password is remembered (as a keyed digest in memory), so that a
        /// client that connects every minute costs little. "0s" for never.
        pub remember_for: Duration = minutes(5),
        /// The longest pause before an address that keeps failing gets its answer.
        pub max_delay: Duration = Duration::from_secs(15),
        /// When to block an address (an IPv6 network of 64 bits), and an account from addresses
        /// that it has not signed in from.
        pub block: Block = Block::default(),
    }

    /// Blocks against guessing, which end by themselves; `postrider block` lists and lifts them.
    pub struct Block {
        /// After so many different wrong passwords from an address; 0 is never.
        pub address_after: u32 = 12,
        /// After so many different wrong passwords for an account; 0 is never.
        pub account_after: u32 = 60,
        /// Within this time.
        pub within: Duration = hours(1),
        /// For how long.
        pub lasting: Duration = hours(1),
        /// Never these networks. An address with a good sign-in within the last 30 days is never
        /// blocked either.
        pub never: Vec<Network> = Vec::new() => "[\"192.168.1.0/24\", \"2001:db8:0:1::/64\"]",
    }

    /// What waits to be delivered.
    pub struct Queue {
        /// Messages up to this size lie in the queue's database, larger ones in files beside it.
        pub inline_limit: ByteSize = ByteSize::kib(32),
        /// How long `postrider trace` can tell what became of a message.
        pub journey_kept: Duration = hours(30 * 24),
        /// How many of the last refused messages `postrider trace` remembers.
        pub refusals_kept: u32 = 10_000,
    }

    /// What senders are told when something cannot be delivered.
    pub struct Notices {
        /// In which language: "en" (English), "ko" (Korean), or "ko+en" for both. The words of
        /// other servers are told as they are. With Korean, it is also what mail clients get that
        /// ask an IMAP server for its default language (LANGUAGE).
        pub language: NoticeLanguage = NoticeLanguage::English,
        /// Whether the postmaster is told of a notice that cannot be delivered itself.
        pub double_bounces: bool = false,
        /// The language of notices to senders of these domains, or with these addresses.
        pub languages: NoticeLanguages = NoticeLanguages::default(),
    }

    /// How much one peer may take.
    pub struct Limits {
        /// The most connections of each process.
        pub connections: u32 = 2000,
        /// The most connections from one address. Mail clients open up to ten, and a family or an
        /// office shares one address.
        pub connections_per_address: u32 = 100,
        /// How much of a message has to come in a second, on average; who is slower is cut off.
        pub content_per_second: ByteSize = ByteSize(100),
        /// How long a connection may last without having signed in, where one must sign in.
        pub sign_in_within: Duration = minutes(3),
    }

    /// Proxies in front of this host, such as HAProxy or nginx. What one of them says of its client
    /// counts as if that one had connected: name no network that anybody else can connect from.
    pub struct Proxies {
        /// Proxies that begin each connection, to any listener, with the PROXY protocol (version 1
        /// or 2). One without it is closed.
        pub proxy_protocol: Vec<Network> = Vec::new() => "[\"192.0.2.10\"]",
        /// Proxies that may say with the SMTP command XCLIENT who their client is.
        pub xclient: Vec<Network> = Vec::new() => "[\"192.0.2.10\"]",
    }

    /// Name servers.
    pub struct Dns {
        /// Ask these instead of the system's own: an IP address with its port each.
        pub servers: Vec<SocketAddr> = Vec::new() => "[\"127.0.0.1:53\"]",
        /// How long to wait for an answer before asking again.
        pub timeout: Duration = Duration::from_secs(5),
        /// Whose word counts that an answer is proved by DNSSEC: "loopback", that of resolvers on
        /// this machine, if there are no others; "servers", that of all, because nobody else can
        /// write into the path to them; "off", nobody's. The resolver must validate, as unbound does.
        pub dnssec: DnssecWord = DnssecWord::Loopback,
    }

    /// How `postrider up` runs the agents.
    pub struct Supervisor {
        /// When started as root, run each agent under a user of its own if those exist (deploy/
        /// creates them), otherwise under the owner of data_dir.
        pub own_users: bool = true,
        /// How long an agent may take to stop.
        pub stop_within: Duration = Duration::from_secs(10),
        /// The longest pause before an agent that keeps dying is started again.
        pub max_restart_pause: Duration = minutes(1),
    }

    /// Numbers for a monitoring system.
    pub struct Metrics {
        /// Where `postrider up` (and `postrider metrics --serve`) answers GET /metrics, for all
        /// agents together; nowhere if empty, and then no agent answers at all. Whoever can connect
        /// can read: there are no addresses in it, but how much mail there is.
        pub listen: Vec<SocketAddr> = Vec::new() => "[\"127.0.0.1:9180\"]",
    }

    /// What is written about all this.
    pub struct Log {
        /// How much: "error", "warn", "info", "debug" or "trace".
        pub level: LogLevel = LogLevel::Info,
        /// How: "text", "json", or "auto": colours on a terminal.
        pub format: LogFormat = LogFormat::Auto,
    }
}

tables!(
    Tls,
    Submission,
    Sending,
    WithoutSignIn,
    Relay,
    CallForward,
    Outbound,
    OutboundTls,
    TlsReports,
    Retry,
    Delivery,
    Storage,
    Imap,
    Pop3,
    SignIn,
    Block,
    Queue,
    Notices,
    Limits,
    Proxies,
    Dns,
    Supervisor,
    Metrics,
    Log
);

/// IPv6 first, so that a log that shows the first address of a listener shows the wider one.
fn everywhere(port: u16) -> Vec<SocketAddr> {
    vec![
        SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port),
        SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
    ]
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

fn hours(count: u64) -> Duration {
    minutes(count * 60)
}
