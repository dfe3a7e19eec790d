//! From the text to the checked whole, and from the defaults to the example.

use std::path::Path;

use crate::{
    Config, ConfigErrors, Folders, Mistake, Route,
    page::Page,
    reader::{self, Reader},
    section::Section,
    units::ByteSize,
};

/// What has no default that could be right, with a sample.
pub(crate) const REQUIRED: [(&str, &str); 1] = [("hostname", "\"mail.example.org\"")];

impl Config {
    /// Reads and checks a file; relative paths in it are relative to its folder.
    pub fn load(file: &Path) -> Result<Self, ConfigErrors> {
        let text =
            std::fs::read_to_string(file).map_err(|error| ConfigErrors::unreadable(file, error))?;
        let folder = file.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|errors| errors.of_file(file))
    }

    /// Checks a text; relative paths in it are relative to `folder`.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ConfigErrors> {
        let mut mistakes = Vec::new();
        let document = reader::document(text, &mut mistakes);
        // After a slip in the syntax, what was read would only cause further, misleading errors.
        if !mistakes.is_empty() {
            return Err(ConfigErrors::of(mistakes));
        }
        let mut reader = Reader::new(&document, text, folder, &mut mistakes);
        for (key, sample) in REQUIRED {
            reader.require(key, sample);
        }
        let config = Self::read(Self::default(), &mut reader);
        reader.finish();
        config.check(&mut mistakes);
        if mistakes.is_empty() { Ok(config) } else { Err(ConfigErrors::of(mistakes)) }
    }

    /// Where everything lies under `data_dir`.
    pub fn folders(&self) -> Folders {
        Folders::under(&self.data_dir)
    }

    /// The largest message that any listener takes.
    pub fn largest_message(&self) -> ByteSize {
        self.submission.max_message_size.max(self.relay.max_message_size)
    }

    /// What no field can judge alone.
    fn check(&self, mistakes: &mut Vec<Mistake>) {
        let (certificate, key) = (self.tls.certificate.is_some(), self.tls.key.is_some());
        if certificate != key {
            let missing = if certificate { "tls.key" } else { "tls.certificate" };
            mistakes.push(Mistake::of_key(missing, "is missing: certificate and key go together"));
        }
        let devices = &self.submission.without_sign_in;
        if devices.networks.is_empty() != devices.senders.is_empty() {
            let missing = if devices.senders.is_empty() { "senders" } else { "networks" };
            let problem = "is missing: networks and senders go together, as nobody may send as \
                           anybody without a sign-in";
            let key = format!("submission.without_sign_in.{missing}");
            mistakes.push(Mistake::of_key(&key, problem));
        }
        let of_domains = self.routes.routes().map(|route| ("routes", route));
        let of_senders = self.sender_routes.routes().map(|route| ("sender_routes", route));
        for (key, route) in of_domains.chain(of_senders) {
            if let Route::Via(name) = route
                && self.smarthosts.named(name).is_none()
            {
                let problem = format!(
                    "has \"via:{name}\", but there is no [smarthosts.\"{name}\"] with its host"
                );
                mistakes.push(Mistake::of_key(key, problem));
            }
        }
        for (key, count) in [
            ("relay.outbound.concurrency", self.relay.outbound.concurrency),
            ("relay.call_forward.concurrency", self.relay.call_forward.concurrency),
            ("relay.call_forward.per_client", self.relay.call_forward.per_client),
            ("relay.outbound.concurrency_per_host", self.relay.outbound.concurrency_per_host),
        ] {
            if count == 0 {
                mistakes.push(Mistake::of_key(key, "must be 1 or more"));
            }
        }
        if self.relay.call_forward.timeout.is_zero() {
            mistakes.push(Mistake::of_key("relay.call_forward.timeout", "must be more than 0s"));
        }
        if !self.relay.outbound.ipv4.enabled && !self.relay.outbound.ipv6.enabled {
            let problem = "is false, as is ipv4's: no server could be reached";
            mistakes.push(Mistake::of_key("relay.outbound.ipv6.enabled", problem));
        }
        for (key, retry) in [
            ("relay.outbound.retry.factor", &self.relay.outbound.retry),
            ("delivery.retry.factor", &self.delivery.retry),
        ] {
            if !(1.0..=10.0).contains(&retry.factor) {
                mistakes.push(Mistake::of_key(key, "must be from 1.0 to 10.0"));
            }
        }
        self.check_ranges(mistakes);
        let tls_listeners = [
            ("submission.listen_tls", &self.submission.listen_tls),
            ("imap.listen_tls", &self.imap.listen_tls),
            ("pop3.listen_tls", &self.pop3.listen_tls),
        ];
        if let Some((key, _)) = tls_listeners.iter().find(|(_, addresses)| !addresses.is_empty())
            && !certificate
            && mistakes.is_empty()
        {
            let cure = format!(
                "is missing, and {key} needs it: name the certificate's file, and its key in \
                 tls.key (to do without TLS, empty every listen_tls)"
            );
            mistakes.push(Mistake::of_key("tls.certificate", cure));
        }
    }

    /// What is too much, or too little.
    fn check_ranges(&self, mistakes: &mut Vec<Mistake>) {
        if self.delivery.duplicates_within.as_secs() > 30 * 24 * 3600 {
            mistakes.push(Mistake::of_key("delivery.duplicates_within", "must be 30 days at most"));
        }
        for (key, limit) in [
            ("imap.message_limit", self.imap.message_limit),
            ("imap.save_limit", self.imap.save_limit),
        ] {
            if (1..1000).contains(&limit) {
                // RFC 9738 §3
                mistakes.push(Mistake::of_key(key, "must be 0, or 1000 at least"));
            }
        }
        if self.submission.max_priority > 9 {
            // RFC 6710 §5
            mistakes.push(Mistake::of_key("submission.max_priority", "must be from 0 to 9"));
        }
        if self.submission.max_hold.as_secs() > 999_999_999 {
            // RFC 4865 §3
            mistakes
                .push(Mistake::of_key("submission.max_hold", "must be 999999999 seconds at most"));
        }
    }
}

/// The text of `config.example.toml`: every key with its explanation and its default.
pub fn example() -> String {
    let mut page = Page::default();
    page.paragraph(&[
        " The configuration of Postrider. Every key is shown with its default, commented out;",
        " what has no `#` before it must be set. `postrider check-config` judges the result.",
        "",
        " Durations are written \"90s\", \"5m\", \"1h 30m\", \"5d\"; sizes \"32 KiB\", \"50 MiB\".",
        " Relative paths are relative to the folder of this file.",
    ]);
    Config::default().show(&mut page);
    page.finish()
}
