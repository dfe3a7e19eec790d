//! Every word that a client reads.
//!
//! Response codes are those of RFC 2449 §8 and RFC 3206: `[AUTH]` only for wrong credentials, so
//! that a client asks its owner for a new password only then. Texts are in the language that the
//! client chose (RFC 6856 §3); codes, numbers and commands are in none.

use std::{fmt::Display, io::Write as _};

use mail_types::Domain;

use crate::{
    language::{Language, Text},
    maildrop::{Absent, Maildrop},
};

/// What a connection too many is told instead of the greeting.
pub const TOO_MANY_CONNECTIONS: &str =
    "-ERR [SYS/TEMP] Too many connections, please try again later\r\n";

/// A response that starts with `+`.
pub(crate) enum Positive<'a> {
    /// With a timestamp in angle brackets where APOP is there, which that announces (RFC 1939 §7).
    Greeting(&'a Domain, Option<&'a str>),
    Capabilities,
    StartTls,
    /// To USER: for any name, so that nobody learns which exist (RFC 1939 §7).
    SendPassword,
    /// RFC 5034 §4: `+`, a space, and base64.
    Challenge(&'a str),
    SignedIn(&'a Maildrop),
    /// RFC 1939 §5, drop listing.
    Stat(&'a Maildrop),
    /// One scan listing or unique-id listing.
    Listed(usize, &'a dyn Display),
    ListFollows(&'a Maildrop),
    MessageFollows(u64),
    TopFollows,
    Deleted(usize),
    Reset(&'a Maildrop),
    Noop,
    /// RFC 6856 §2.1.
    Utf8,
    /// RFC 6856 §3.2: each line a tag and a name.
    Languages,
    /// RFC 6856 §3.2: the tag, and a text in the new language.
    Speaks(Language),
    Bye,
}

impl Positive<'_> {
    pub(crate) fn write(&self, language: Language, output: &mut Vec<u8>) {
        let say = |english, korean| Text::new(english, korean).say(language);
        // Writing to memory does not fail.
        let _ = match self {
            Self::Greeting(host, None) => write!(output, "+OK {host} POP3 Postrider\r\n"),
            Self::Greeting(host, Some(timestamp)) => {
                write!(output, "+OK {host} POP3 Postrider {timestamp}\r\n")
            }
            Self::Challenge(base64) => write!(output, "+ {base64}\r\n"),
            Self::SignedIn(maildrop) | Self::ListFollows(maildrop) | Self::Reset(maildrop) => {
                let (messages, octets) = maildrop.totals();
                match language {
                    Language::English => {
                        write!(output, "+OK {messages} messages ({octets} octets)\r\n")
                    }
                    Language::Korean => {
                        write!(output, "+OK 메시지 {messages}통 ({octets} 옥텟)\r\n")
                    }
                }
            }
            Self::Stat(maildrop) => {
                let (messages, octets) = maildrop.totals();
                write!(output, "+OK {messages} {octets}\r\n")
            }
            Self::Listed(number, what) => write!(output, "+OK {number} {what}\r\n"),
            Self::MessageFollows(octets) => {
                write!(output, "+OK {octets} {}\r\n", say("octets", "옥텟"))
            }
            Self::Deleted(number) => match language {
                Language::English => write!(output, "+OK Message {number} marked\r\n"),
                Language::Korean => write!(output, "+OK 메시지 {number} 삭제 표시\r\n"),
            },
            Self::Speaks(new) => {
                let text = Text::new("I speak English", "한국어로 답합니다").say(*new);
                write!(output, "+OK {} {text}\r\n", new.tag())
            }
            Self::Noop => write!(output, "+OK\r\n"),
            Self::Capabilities => {
                write!(output, "+OK {}\r\n", say("Capabilities follow", "지원 기능 목록"))
            }
            Self::StartTls => {
                write!(output, "+OK {}\r\n", say("Start TLS now", "TLS를 시작하십시오"))
            }
            Self::SendPassword => {
                write!(output, "+OK {}\r\n", say("Send the password", "비밀번호를 보내십시오"))
            }
            Self::TopFollows => {
                let text = say("Top of the message follows", "메시지의 앞부분");
                write!(output, "+OK {text}\r\n")
            }
            Self::Utf8 => write!(output, "+OK {}\r\n", say("UTF-8 it is", "UTF-8로 합니다")),
            Self::Languages => write!(output, "+OK {}\r\n", say("Languages follow", "언어 목록")),
            Self::Bye => write!(output, "+OK {}\r\n", say("Bye", "안녕히 가십시오")),
        };
    }
}

/// How a client broke the protocol. Counted: too many end the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeerError {
    UnknownCommand,
    LineTooLong,
    /// A line that ends in a bare LF, or has a control character.
    ControlCharacter,
    /// Wrong arguments, and how the command reads.
    Syntax(&'static str),
    NotSignedIn,
    SignedIn,
    /// PASS without USER.
    NoName,
    NoTlsHere,
    TlsStands,
    NeedsTls,
    UnknownMechanism,
    /// APOP where the greeting has not announced it.
    NoApopHere,
    /// An initial response for a mechanism that begins with the server.
    NoInitialResponse,
    BadBase64,
    BadResponse,
    Cancelled,
    UnknownLanguage,
}

impl PeerError {
    pub(crate) fn write(self, language: Language, output: &mut Vec<u8>) {
        let text = match self {
            Self::Syntax(usage) => {
                let text = Text::new("It reads:", "올바른 형식:").say(language);
                // Writing to memory does not fail.
                let _ = write!(output, "-ERR {text} {usage}\r\n");
                return;
            }
            Self::UnknownCommand => Text::new("No such command", "그런 명령은 없습니다"),
            Self::LineTooLong => Text::new("This line is too long", "줄이 너무 깁니다"),
            Self::ControlCharacter => Text::new(
                "Lines end in CRLF and have no control characters",
                "줄은 CRLF로 끝나며 제어 문자가 없어야 합니다",
            ),
            Self::NotSignedIn => Text::new("Sign in first", "먼저 로그인하십시오"),
            Self::SignedIn => Text::new("You are signed in already", "이미 로그인했습니다"),
            Self::NoName => Text::new("Say USER first", "먼저 USER를 보내십시오"),
            Self::NoTlsHere => {
                Text::new("No TLS to start here", "여기서는 TLS를 시작할 수 없습니다")
            }
            Self::NoApopHere => Text::new("No APOP here", "여기서는 APOP을 쓸 수 없습니다"),
            Self::TlsStands => Text::new("TLS stands already", "이미 TLS 연결입니다"),
            Self::NeedsTls => Text::new(
                "Start TLS before you sign in (STLS, or port 995)",
                "로그인하기 전에 TLS를 시작하십시오 (STLS 또는 포트 995)",
            ),
            Self::UnknownMechanism => Text::new("No such mechanism", "그런 인증 방식은 없습니다"),
            Self::NoInitialResponse => Text::new(
                "This mechanism begins with the server",
                "이 인증 방식은 서버가 먼저 시작합니다",
            ),
            Self::BadBase64 => Text::new("This is not base64", "base64가 아닙니다"),
            Self::BadResponse => {
                Text::new("Unreadable sign-in data", "인증 데이터를 읽을 수 없습니다")
            }
            Self::Cancelled => Text::new("Sign-in cancelled", "로그인을 취소했습니다"),
            Self::UnknownLanguage => Text::new(
                "I do not speak that; LANG alone lists what I do",
                "모르는 언어입니다. LANG만 보내면 목록을 볼 수 있습니다",
            ),
        };
        let _ = write!(output, "-ERR {}\r\n", text.say(language));
    }
}

/// Why the agent says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such account, or a wrong password: not said which (RFC 3206 §5).
    BadCredentials,
    /// Another session has the maildrop (RFC 2449 §8.1.2).
    InUse,
    /// Too many wrong passwords came from there, or for that name (RFC 3206 §4).
    Blocked,
    /// The account signed in a moment ago (RFC 2449 §8.1.1).
    TooSoon,
    /// Trouble of ours that will pass (RFC 3206 §4).
    Failure,
    /// Trouble of ours that somebody has to look at (RFC 3206 §4).
    Broken,
    /// The message was removed by other means since the maildrop was opened.
    MessageGone,
    /// Not all marked messages were removed (RFC 1939 §6).
    NotRemoved,
}

impl Refusal {
    pub(crate) fn write(self, language: Language, output: &mut Vec<u8>) {
        let (code, text) = match self {
            Self::BadCredentials => (
                "[AUTH] ",
                Text::new("Wrong name or password", "이름 또는 비밀번호가 올바르지 않습니다"),
            ),
            Self::Blocked => (
                "[SYS/TEMP] ",
                Text::new(
                    "Too many wrong passwords: sign-in is blocked for a while",
                    "틀린 비밀번호가 너무 많아 당분간 로그인이 차단되었습니다",
                ),
            ),
            Self::InUse => (
                "[IN-USE] ",
                Text::new(
                    "The maildrop is open in another session",
                    "다른 세션에서 메일함을 사용 중입니다",
                ),
            ),
            Self::TooSoon => (
                "[LOGIN-DELAY] ",
                Text::new(
                    "You signed in a moment ago, please wait a little",
                    "방금 로그인했습니다. 잠시 후 다시 시도하십시오",
                ),
            ),
            Self::Failure => (
                "[SYS/TEMP] ",
                Text::new(
                    "Trouble here, please try again later",
                    "서버에 문제가 있습니다. 나중에 다시 시도하십시오",
                ),
            ),
            Self::Broken => (
                "[SYS/PERM] ",
                Text::new(
                    "Trouble here, please ask whoever runs this server",
                    "서버에 문제가 있습니다. 서버 관리자에게 문의하십시오",
                ),
            ),
            Self::MessageGone => ("", Text::new("The message is gone", "메시지가 이미 없습니다")),
            Self::NotRemoved => (
                "[SYS/TEMP] ",
                Text::new(
                    "Some deleted messages were not removed",
                    "삭제 표시한 메시지 일부를 지우지 못했습니다",
                ),
            ),
        };
        let _ = write!(output, "-ERR {code}{}\r\n", text.say(language));
    }
}

impl Absent {
    /// A message-number without a message.
    pub(crate) fn write(self, language: Language, output: &mut Vec<u8>) {
        let text = match self {
            Self::Never => Text::new("No such message", "그런 메시지는 없습니다"),
            Self::Deleted => {
                Text::new("The message is marked as deleted", "삭제 표시한 메시지입니다")
            }
        };
        let _ = write!(output, "-ERR {}\r\n", text.say(language));
    }
}

/// The last words before the server closes by itself. RFC 1939 §3: none when a client was silent
/// for too long.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Farewell {
    Stopping,
    /// The sign-in does not count any more.
    SignedOut,
    TooManyErrors,
}

impl Farewell {
    pub(crate) fn write(self, language: Language, output: &mut Vec<u8>) {
        let (code, text) = match self {
            Self::Stopping => (
                "[SYS/TEMP] ",
                Text::new(
                    "Restarting, please try again soon",
                    "서버를 다시 시작합니다. 잠시 후 다시 시도하십시오",
                ),
            ),
            Self::SignedOut => (
                "[AUTH] ",
                Text::new(
                    "Your account has changed, please sign in again",
                    "계정이 변경되었습니다. 다시 로그인하십시오",
                ),
            ),
            Self::TooManyErrors => {
                ("", Text::new("Too many errors, closing", "오류가 너무 많아 연결을 끊습니다"))
            }
        };
        let _ = write!(output, "-ERR {code}{}\r\n", text.say(language));
    }
}
