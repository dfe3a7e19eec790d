//! The example, the defaults, and what a mistake is answered with.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::path::Path;

use config::{ByteSize, Config, DomainTls, Route};
use mail_types::Domain;

const MINIMAL: &str = r#"hostname = "mail.example.org"
tls.certificate = "c.pem"
tls.key = "/etc/k.pem"
"#;

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("/etc/postrider")).unwrap_or_else(|errors| panic!("{errors}"))
}

fn mistakes(text: &str) -> Vec<String> {
    let errors = Config::parse(text, Path::new("/etc/postrider")).unwrap_err();
    errors
        .to_string()
        .lines()
        .map(|line| line.trim_start_matches("configuration:").into())
        .collect()
}

/// With `UPDATE_EXPECT=1` it writes the example instead.
#[test]
fn the_example_is_rendered_from_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config.example.toml");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&file, config::example()).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == config::example(),
        "config.example.toml is out of date: run `UPDATE_EXPECT=1 cargo test -p config`"
    );
}

/// Every commented key is a real one, and shows its real default.
#[test]
fn the_example_without_its_comments_is_the_default() {
    let example: String = config::example()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if !key.is_empty() && !key.starts_with(' ') => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let shown = parse(&example);
    let mut expected = parse(MINIMAL);
    // These have no default, or a default that is nothing: the example shows a sample.
    expected.tls = shown.tls.clone();
    expected.dns.servers = shown.dns.servers.clone();
    expected.routes = shown.routes.clone();
    expected.submission.verp = shown.submission.verp.clone();
    expected.submission.without_sign_in = shown.submission.without_sign_in.clone();
    expected.proxies = shown.proxies.clone();
    expected.sendmail = shown.sendmail.clone();
    expected.smarthosts = shown.smarthosts.clone();
    expected.sender_routes = shown.sender_routes.clone();
    expected.destinations = shown.destinations.clone();
    expected.etrn = shown.etrn.clone();
    expected.relay.outbound.ipv4 = shown.relay.outbound.ipv4.clone();
    expected.relay.outbound.ipv6 = shown.relay.outbound.ipv6.clone();
    expected.sign_in.default_domain = shown.sign_in.default_domain.clone();
    expected.sign_in.key_file = shown.sign_in.key_file.clone();
    expected.sign_in.block.never = shown.sign_in.block.never.clone();
    expected.relay.outbound.tls.domains = shown.relay.outbound.tls.domains.clone();
    expected.relay.outbound.tls.reports.contact = shown.relay.outbound.tls.reports.contact.clone();
    expected.relay.outbound.tls.reports.organization =
        shown.relay.outbound.tls.reports.organization.clone();
    expected.relay.outbound.authorities = shown.relay.outbound.authorities.clone();
    expected.delivery.lmtp_socket = shown.delivery.lmtp_socket.clone();
    expected.metrics = shown.metrics.clone();
    expected.notices.languages = shown.notices.languages.clone();
    expected.imap.admin_contact = shown.imap.admin_contact.clone();
    expected.imap.server_comment = shown.imap.server_comment.clone();
    assert_eq!(shown, expected);
    assert!(shown.tls.key.is_some() && shown.sendmail.address(1000).is_some());
}

#[test]
fn the_minimum_is_a_name_and_a_certificate() {
    let config = parse(MINIMAL);
    assert_eq!(config.hostname, Domain::parse("mail.example.org").unwrap());
    assert_eq!(config.tls.certificate.as_deref(), Some(Path::new("/etc/postrider/c.pem")));
    assert_eq!(config.tls.key.as_deref(), Some(Path::new("/etc/k.pem")));
    assert_eq!(config.submission.max_message_size, ByteSize::mib(50));
    assert_eq!(config.folders().queue, Path::new("/var/lib/postrider/queue"));
}

#[test]
fn values_override_defaults_one_by_one() {
    let config = parse(&format!(
        "{MINIMAL}
        data_dir = \"data\"
        [imap]
        listen = [\"127.0.0.1:0\", \"[::1]:0\"]
        listen_tls = []
        [pop3]
        listen = \"127.0.0.1:1110\"
        [relay.outbound]
        port = 2525
        [relay.outbound.retry]
        first_retry = \"1s\"
        [relay.outbound.tls.domains]
        \"*\" = \"required\"
        \"Example.NET\" = \"verified\"
        [routes]
        \"*\" = \"hold: this is a test\"
        \"Example.NET\" = \"127.0.0.2:2525\"
        "
    ));
    assert_eq!(config.data_dir, Path::new("/etc/postrider/data"));
    assert_eq!(config.imap.listen.len(), 2);
    assert_eq!(config.imap.idle_timeout, parse(MINIMAL).imap.idle_timeout);
    assert_eq!(config.pop3.listen, ["127.0.0.1:1110".parse().unwrap()]);
    assert_eq!(config.relay.outbound.port, 2525);
    assert_eq!(config.relay.outbound.retry.first_retry.as_secs(), 1);
    let route = |domain| config.routes.to(&Domain::parse(domain).unwrap()).clone();
    assert_eq!(route("example.com"), Route::Hold("this is a test".into()));
    assert!(matches!(route("example.net"), Route::Host(host) if host.port == 2525));
    let tls = |domain| config.relay.outbound.tls.domains.of(&Domain::parse(domain).unwrap());
    assert_eq!((tls("example.net"), tls("b.test")), (DomainTls::Verified, DomainTls::Required));
}

/// One line of configuration, and what is said about it.
#[test]
fn mistakes_name_line_key_and_cure() {
    for (line, expected) in [
        ("hostnme = 1", "4: hostnme is not known here; did you mean hostname?"),
        ("imap.listn = []", "4: imap.listn is not known here; did you mean listen?"),
        ("imap.listen = [\"0.0.0.0\"]", "lacks the port"),
        ("imap.listen = 143", "4: imap.listen must be an IP address with its port"),
        (
            "relay.outbound.tls.domains.\"a.test\" = \"secret\"",
            "must be one of \"as-published\", \"none\"",
        ),
        ("relay.outbound.tls.reports.contact = \"me\"", "is no address"),
        ("imap = 1", "4: imap is a table: write [imap]"),
        ("queue.inline_limit = \"12 apples\"", "4: queue.inline_limit must be a size such as"),
        ("queue.journey_kept = 30", "4: queue.journey_kept must be a duration such as"),
        (
            "relay.outbound.port = 70000",
            "4: relay.outbound.port must be a whole number from 0 to 65535",
        ),
        ("relay.outbound.retry.factor = \"x\"", "must be a number such as 1.5"),
        ("relay.outbound.retry.factor = 0.5", "must be from 1.0 to 10.0"),
        ("delivery.retry.factor = 11", "must be from 1.0 to 10.0"),
        ("submission.max_priority = 10", "must be from 0 to 9"),
        ("delivery.duplicates_within = \"31d\"", "must be 30 days at most"),
        ("imap.message_limit = 999", "imap.message_limit must be 0, or 1000 at least"),
        ("imap.save_limit = 1", "imap.save_limit must be 0, or 1000 at least"),
        ("submission.max_hold = \"20000d\"", "must be 999999999 seconds at most"),
        ("notices.language = \"fr\"", "must be one of"),
        (
            "relay.hostname = \"x\"",
            "4: relay.hostname is not known here; known are bare_line_ends,",
        ),
        ("routes.\"a b\" = \"mx\"", "is neither a domain nor"),
        ("routes.\"*\" = \"fly\"", "must be \"mx\", \"discard\","),
        ("sendmail.alice = \"alice@example.org\"", "4: sendmail.alice is no uid"),
        ("sendmail.1 = \"alice\"", "lacks @"),
        ("submission.bare_line_ends = \"keep\"", "must be one of \"refuse\", \"repair\""),
        ("submission.without_sign_in.networks = \"10.0.0.0/33\"", "must be a network such as"),
        (
            "submission.without_sign_in.networks = \"10.0.0.0/8\"",
            "submission.without_sign_in.senders is missing",
        ),
        ("submission.without_sign_in.senders = \"a\"", "must be an address such as"),
        ("submission.without_sign_in.senders = \"@a\"", "networks is missing"),
        ("log.level = \"loud\"", "must be one of \"error\", \"warn\""),
        ("demo = \"yes\"", "4: demo must be true or false"),
        ("data_dir = \"\"", "4: data_dir must be a path"),
        ("x = [", "4: "),
    ] {
        let found = mistakes(&format!("{MINIMAL}{line}\n"));
        assert!(found.len() == 1 && found[0].contains(expected), "{line}: {found:#?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_order_of_lines() {
    let found = mistakes("demo = 1\nhostname = \"\"\n[pop3]\nspeed = 9\n");
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("1:") && found[1].starts_with("2:") && found[2].starts_with("4:"));
}

#[test]
fn what_must_be_there() {
    assert!(mistakes("").iter().any(|m| m.contains("hostname is missing: add a line such as")));
    let without_tls = mistakes("hostname = \"a\"");
    assert!(without_tls[0].contains("tls.certificate is missing"), "{without_tls:?}");
    let half = mistakes("hostname = \"a\"\ntls.certificate = \"c\"");
    assert!(half[0].contains("tls.key is missing"), "{half:?}");
    parse(
        "hostname = \"a\"\nsubmission.listen_tls = []\nimap.listen_tls = []\npop3.listen_tls = []",
    );
}

/// A misspelt key must not pass in any table.
#[test]
fn unknown_keys_are_refused_in_every_table() {
    for table in config::example().lines().filter_map(|l| l.strip_prefix('[')?.strip_suffix(']')) {
        let found = mistakes(&format!("{MINIMAL}{table}.\"no such key\" = \"\"\n"));
        assert!(
            found.iter().any(|mistake| mistake.contains(&format!("{table}.no such key"))),
            "{table}: {found:?}"
        );
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let error = Config::load(&file).unwrap_err().to_string();
    assert!(error.contains("config.toml") && error.contains("cannot be read"), "{error}");
    std::fs::write(&file, MINIMAL).unwrap();
    assert_eq!(Config::load(&file).unwrap().tls.certificate, Some(folder.path().join("c.pem")));
}

#[test]
fn smarthosts() {
    let config = parse(&format!(
        "{MINIMAL}[smarthosts.\"smart.example.net\"]\nuser = \"me\"\npassword_file = \"p\"\n\
         [smarthosts.\"[127.0.0.1]\"]\ntls = \"none\"\n"
    ));
    let of = |host: &str| config.smarthosts.of(&Domain::parse(host).unwrap());
    let smart = of("smart.example.net").unwrap();
    assert_eq!((smart.user.as_deref(), smart.tls.as_str()), (Some("me"), "starttls"));
    assert_eq!(smart.password_file.as_deref(), Some(Path::new("/etc/postrider/p")));
    assert_eq!(of("[127.0.0.1]").map(|host| host.tls.as_str()), Some("none"));
    assert_eq!(of("example.net"), None);
    let wrong = |lines: &str| mistakes(&format!("{MINIMAL}[smarthosts.\"a.example\"]\n{lines}"));
    for (lines, expected) in [
        ("user = \"me\"", "both user and password_file"),
        (
            "user = \"me\"\npassword_file = \"p\"\ntls = \"opportunistic\"",
            "must not be sent a password",
        ),
        ("usr = \"me\"", "did you mean user?"),
        ("tls = \"yes\"", "must be one of"),
    ] {
        let found = wrong(lines);
        assert!(found.len() == 1 && found[0].contains(expected), "{lines}: {found:?}");
    }
    assert!(
        mistakes(&format!("{MINIMAL}smarthosts.\"a b\".tls = \"none\""))[0].contains("is no host")
    );
}

#[test]
fn one_host_for_several_accounts() {
    let config = parse(&format!(
        "{MINIMAL}[sender_routes]\n\"alice@example.org\" = \"via:a b\"\n\"@example.org\" = \"mx\"\n\
         [smarthosts.\"a b\"]\nhost = \"smart.example.net:587\"\nuser = \"a\"\npassword_file = \"p\"\n"
    ));
    let (host, smarthost) = config.smarthosts.named("a b").unwrap();
    assert_eq!((host.to_string().as_str(), host.port), ("smart.example.net:587", 587));
    assert_eq!(smarthost.user.as_deref(), Some("a"));
    let alice = mail_types::Address::parse("Alice@example.org").unwrap();
    assert_eq!(config.sender_routes.of(None, Some(&alice)), Some("alice@example.org"));
    assert_eq!(
        config.sender_routes.named("alice@example.org"),
        Some(&Route::Via("a b".to_owned()))
    );
    for (lines, expected) in [
        ("routes.\"*\" = \"via:nobody\"", "there is no [smarthosts.\"nobody\"]"),
        ("sender_routes.\"@example.org\" = \"via:nobody\"", "there is no [smarthosts.\"nobody\"]"),
        ("sender_routes.\"@example.org\" = \"discard\"", "is said by domain"),
        ("sender_routes.\"alice\" = \"mx\"", "is neither an address"),
        ("smarthosts.\"x\".host = \"smart.example.net\"", "must have a host with its port"),
        ("relay.outbound.ipv4.enabled = false\nrelay.outbound.ipv6.enabled = false", "no server"),
        ("relay.outbound.concurrency = 0", "must be 1 or more"),
        ("relay.call_forward.per_client = 0", "must be 1 or more"),
        ("relay.call_forward.timeout = \"0s\"", "must be more than 0s"),
        ("destinations.\"example.net\".concurrency = 0", "1 or more"),
        ("destinations.\"example.net\".source_ipv4 = \"::1\"", "must be an address such as"),
        ("etrn.\"example.net\" = \"everybody\"", "must be a network"),
        ("etrn.\"a b\" = []", "is no domain"),
    ] {
        let found = mistakes(&format!("{MINIMAL}{lines}"));
        assert!(found.iter().any(|line| line.contains(expected)), "{lines}: {found:?}");
    }
}

#[test]
fn who_may_ask_for_mail() {
    let config = parse(&format!("{MINIMAL}[etrn]\n\"example.com\" = [\"192.0.2.0/24\"]\n"));
    let may = |client: &str, domain| {
        config.etrn.may_ask(client.parse().unwrap(), &Domain::parse(domain).unwrap())
    };
    assert!(may("192.0.2.7", "example.com") && may("::ffff:192.0.2.7", "a.b.example.com"));
    assert!(!may("192.0.3.7", "example.com") && !may("192.0.2.7", "notexample.com"));
    assert!(!may("192.0.2.7", "com"), "RFC 1985 §8");
    assert!(parse(MINIMAL).etrn.is_empty());
}
