//! The options of sendmail, as programs have used them for forty years.
//!
//! Letters may be followed by their value at once or in the next argument. What would change how
//! mail is delivered is the agents' business and is passed over.

use std::{ffi::OsString, path::PathBuf};

use super::ending::Ending;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Send the message on standard input.
    Message,
    /// Speak SMTP on standard input and output (`-bs`).
    Smtp,
    /// Show the queue (`-bp`).
    Queue,
    /// Nothing, successfully (`-bi` rebuilds aliases elsewhere, `-q` runs the queue).
    Nothing,
}

/// What was said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) mode: Mode,
    /// `-t`.
    pub(super) recipients_from_header: bool,
    /// A line with a single dot ends the message (no `-i`).
    pub(super) dot_ends: bool,
    /// `-f`.
    pub(super) sender: Option<String>,
    /// `-F`.
    pub(super) full_name: Option<String>,
    /// Without a dash.
    pub(super) recipients: Vec<String>,
    /// `--config`.
    pub(super) config: Option<PathBuf>,
}

/// Letters that take a value which means nothing here: DSN and MIME wishes, log and protocol
/// settings.
const VALUE_IGNORED: &str = "BCdDhLMNOopRVX";
/// Letters alone that mean nothing here: error modes, verbosity, the like.
const IGNORED: &str = "AcEeGmnsUv";

impl Options {
    pub(super) fn parse(arguments: &[OsString]) -> Result<Self, Ending> {
        let mut options = Self {
            mode: Mode::Message,
            recipients_from_header: false,
            dot_ends: true,
            sender: None,
            full_name: None,
            recipients: Vec::new(),
            config: None,
        };
        let mut words = arguments.iter().map(|word| word.to_string_lossy().into_owned());
        while let Some(word) = words.next() {
            match word.strip_prefix('-') {
                None => options.recipients.push(word),
                Some("-") => options.recipients.extend(words.by_ref()),
                Some(option) => options.take(option, &mut words)?,
            }
        }
        Ok(options)
    }

    fn take(
        &mut self,
        option: &str,
        further: &mut impl Iterator<Item = String>,
    ) -> Result<(), Ending> {
        let mut letters = option.chars();
        let Some(letter) = letters.next() else {
            return Err(Ending::Usage("a dash alone is no option".to_owned()));
        };
        let attached = letters.as_str();
        let mut value = || match attached {
            "" => further
                .next()
                .ok_or_else(|| Ending::Usage(format!("-{letter} needs a value behind it"))),
            attached => Ok(attached.to_owned()),
        };
        match letter {
            't' => self.recipients_from_header = true,
            'i' => self.dot_ends = false,
            'f' | 'r' => self.sender = Some(value()?),
            'F' => self.full_name = Some(value()?),
            'b' => self.mode = mode(&value()?)?,
            'q' => self.mode = Mode::Nothing,
            'o' => {
                if value()?.starts_with('i') {
                    self.dot_ends = false;
                }
            }
            '-' => match option.strip_prefix("-config") {
                Some("") => self.config = further.next().map(PathBuf::from),
                Some(file) if file.starts_with('=') => self.config = file.get(1..).map(Into::into),
                _ => return Err(Ending::Usage(format!("-{option} is not known here"))),
            },
            letter if VALUE_IGNORED.contains(letter) => drop(value()?),
            letter if IGNORED.contains(letter) => {}
            _ => return Err(Ending::Usage(format!("-{option} is not known here"))),
        }
        // Letters without a value may stand together: `-ti`.
        match letter {
            't' | 'i' if !attached.is_empty() => self.take(attached, further),
            _ => Ok(()),
        }
    }
}

fn mode(letter: &str) -> Result<Mode, Ending> {
    match letter {
        "m" => Ok(Mode::Message),
        "s" => Ok(Mode::Smtp),
        "p" => Ok(Mode::Queue),
        "i" => Ok(Mode::Nothing),
        other => Err(Ending::Usage(format!("-b{other} is not known here"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_say() {
        let parse =
            |line: &str| Options::parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        // PHP, cron, mail(1), git and logwatch.
        let php = parse("-t -i -fwww@example.org").unwrap();
        assert!(php.recipients_from_header && !php.dot_ends);
        assert_eq!(php.sender.as_deref(), Some("www@example.org"));
        let cron = parse("-FCronDaemon -i -B8BITMIME -oem root").unwrap();
        assert_eq!(cron.full_name.as_deref(), Some("CronDaemon"));
        assert_eq!(cron.recipients, ["root"]);
        assert!(!cron.dot_ends && !cron.recipients_from_header);
        let mail = parse("-oi -f a@example.org -- -odd@example.org b@example.org").unwrap();
        assert_eq!(mail.recipients, ["-odd@example.org", "b@example.org"]);
        assert!(!mail.dot_ends);
        let joined = parse("-ti -o db -r x@example.org -N never -R hdrs -v").unwrap();
        assert!(joined.recipients_from_header && !joined.dot_ends);
        assert_eq!(joined.recipients, [""; 0]);
        let plain = parse("--config /x/config.toml bob").unwrap();
        assert_eq!(plain.config, Some(PathBuf::from("/x/config.toml")));
        assert!(plain.dot_ends);
        let modes = ["-bm", "-bs", "-bp", "-bi", "-q15m"].map(|word| parse(word).unwrap().mode);
        let [message, smtp, queue, aliases, run] = modes;
        assert_eq!((message, smtp, queue), (Mode::Message, Mode::Smtp, Mode::Queue));
        assert_eq!((aliases, run), (Mode::Nothing, Mode::Nothing));
        for bad in ["-z", "-f", "-bt", "-", "--help-me"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
