//! What can be wrong: its name for programs, what it is, what it means for a reader, and the
//! section of the standard that it breaks. The only place with these words.

/// A kind of defect.
pub(crate) struct Rule {
    /// Stays the same for ever: scripts compare it.
    pub(crate) code: &'static str,
    pub(crate) what: &'static str,
    pub(crate) means: &'static str,
    pub(crate) standard: Option<&'static str>,
}

macro_rules! rules {
    ($($name:ident: $code:literal, $standard:expr, $what:literal, $means:literal;)*) => {
        $(pub(super) static $name: Rule =
            Rule { code: $code, what: $what, means: $means, standard: $standard };)*

        /// All of them.
        #[cfg(test)]
        pub(super) static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // The header's form.
    NOT_A_FIELD: "not-a-field", Some("RFC 5322 §2.2"),
        "a header line is no field",
        "It has no colon behind a name, and does not continue the line before it. It is passed over here; other readers may take the header to end there, and show the rest as text.";
    MBOX_LINE: "mbox-line", Some("RFC 4155 Appendix A"),
        "the file begins with a `From ` line",
        "It separates messages in a mailbox file and is no part of a message. It is passed over; as a message of its own the file should begin behind it.";
    CONTINUATION_OF_NOTHING: "continuation-of-nothing", Some("RFC 5322 §2.2.3"),
        "the header begins with a continuation line",
        "White space at the start of a line continues a field, and there is none before it. Some readers take the whole header for text.";
    HEADER_NOT_ENDED: "header-cut-off", Some("RFC 5322 §2.2"),
        "a header breaks off within a line",
        "The message or part ends in the middle of a field, so it has no body at all: something was cut off.";
    DUPLICATE_FIELD: "duplicate-field", Some("RFC 5322 §3.6"),
        "a field that may stand once stands again",
        "Readers choose differently which one they believe: two people may see two subjects or two senders. Here the first holds, and lists of addresses are put together.";
    FIELD_TRUNCATED: "field-too-long", None,
        "a field is too long to be kept whole",
        "More than 256 KiB in one field, or 2 MiB in all, or 20,000 addresses are not kept: what is behind that is not found by searching nor shown in lists.";
    SPACE_BEFORE_COLON: "space-before-colon", Some("RFC 5322 §4.5"),
        "white space stands between a field's name and its colon",
        "It is read as the field of that name, as the old standard allowed. Some software does not know the field then: filters and signatures can be deceived.";
    CONTROL_IN_HEADER: "control-in-header", Some("RFC 5322 §2.2"),
        "a header field has a control character in it",
        "It can make a terminal misbehave or hide text. It is shown as a picture here; other readers drop it, or cut the field there.";
    HEADER_NOT_UTF_8: "header-charset-guessed", Some("RFC 6532 §3.1"),
        "a header field has 8-bit octets that are not UTF-8",
        "Nothing says what characters they are. They are guessed here from what they look like; other readers show other characters.";
    HIDDEN_CHARACTER: "hidden-character", None,
        "a header field says characters that cannot be seen",
        "Controls, or marks that turn the direction of writing: what a reader shows may not be what is there. They are made visible here.";
    LONE_MIME: "mime-version-missing", Some("RFC 2045 §4"),
        "the message has MIME fields but no MIME-Version",
        "A strict reader does not look at Content-Type and the like then, and shows the body as plain text. Most readers, and this one, do not mind.";

    // What fields say.
    NO_FROM: "from-missing", Some("RFC 5322 §3.6"),
        "there is no From field",
        "A reader cannot say who wrote the message, and nobody can answer it.";
    NO_DATE: "date-missing", Some("RFC 5322 §3.6"),
        "there is no Date field",
        "A reader sorts the message by the time at which it came, or to the very end.";
    NO_SENDER: "sender-missing", Some("RFC 5322 §3.6.2"),
        "there are several authors and no Sender field",
        "Nothing says which of the authors sent the message; some servers refuse it.";
    DATE_UNREADABLE: "date-unreadable", Some("RFC 5322 §3.3"),
        "a date cannot be read",
        "Day, month, year or hour cannot be made out: the message is sorted by the time at which it came.";
    DATE_FORM: "date-form", Some("RFC 5322 §3.3"),
        "a date is not written as the standard says",
        "It could be made out here; other readers may read another date, or none.";
    BAD_ADDRESS: "bad-address", Some("RFC 5322 §3.4"),
        "something in a list of addresses is no address",
        "It is shown as it stands. Nobody can be answered there; often a name with a comma in it lacks its quotes.";
    BAD_MESSAGE_ID: "message-id-form", Some("RFC 5322 §3.6.4"),
        "the Message-ID is not one",
        "It should be `<something@somewhere>`. Replies may not be found to belong to it, and copies may not be known as such.";
    BROKEN_WORD: "encoded-word-broken", Some("RFC 2047 §2"),
        "an encoded word is broken",
        "It should be `=?charset?B or Q?text?=`. What cannot be decoded is shown as it stands.";
    WORD_CHARSET: "encoded-word-charset", Some("RFC 2047 §2"),
        "an encoded word is not in the charset that it names, or in one that nobody knows",
        "Its characters are guessed here, or replaced by U+FFFD; other readers show other characters.";
    WORD_IN_PARAMETER: "encoded-word-in-parameter", Some("RFC 2047 §5, RFC 2231 §4"),
        "a parameter holds an encoded word",
        "Parameters have their own way to say other characters. It is decoded here, as most readers do; a strict one shows the file name as `=?...?=`.";
    UNSAFE_NAME: "file-name-unsafe", Some("RFC 2183 §2.3"),
        "an attachment's file name is not safe to use",
        "It has a path, a leading dot, or characters that hide what it is. A careless reader could write elsewhere than it should, or show another extension. It is extracted under a safe name.";

    // The tree of parts.
    BAD_CONTENT_TYPE: "content-type-unreadable", Some("RFC 2045 §5.2"),
        "a Content-Type cannot be read",
        "It has no `type/subtype`. The part is taken for plain text, whatever it is.";
    NO_BOUNDARY: "boundary-missing", Some("RFC 2046 §5.1.1"),
        "a multipart has no usable boundary parameter",
        "Where its parts begin and end cannot be known: all of it is shown as one text, attachments and all.";
    NO_DELIMITER: "delimiter-missing", Some("RFC 2046 §5.1.1"),
        "none of a multipart's delimiter lines was found",
        "Its parts are not there, or the boundary parameter names another boundary: it is shown as one text.";
    NOT_CLOSED: "multipart-not-closed", Some("RFC 2046 §5.1.1"),
        "a multipart's last delimiter is missing",
        "The message was probably cut off: its last part may be incomplete. It is taken to reach to the end.";
    REPEATED_DELIMITER: "delimiter-repeated", Some("RFC 2046 §5.1"),
        "a delimiter has no part behind it",
        "Another delimiter or the end follows at once. No part is made of nothing here; others count one, so that part numbers differ.";
    ENCODED_COMPOSITE: "encoded-multipart", Some("RFC 2045 §6.4"),
        "a multipart or message says that it is encoded as a whole",
        "That is forbidden, since readers do not agree on it: some decode first and find parts, some do not. Scanners have been deceived so.";
    TOO_DEEP: "too-deep", None,
        "parts lie too deep in each other",
        "More than 100 levels are not looked into: the part at the limit is shown as it stands.";
    TOO_MANY_PARTS: "too-many-parts", None,
        "there are too many parts",
        "More than 10,000 are not told apart: the last one takes the rest.";
    OTHER_STRUCTURE: "structure", None,
        "the structure is not as it should be",
        "Readers may find other parts than are found here.";
    NO_EXTERNAL_ID: "external-body-id", Some("RFC 2046 §5.2.3"),
        "an external body has no Content-ID",
        "Its content is elsewhere, and the id that it should be known by there is missing.";
    PARTIAL_INCOMPLETE: "partial-incomplete", Some("RFC 2046 §5.2.2"),
        "a fragment of a message does not say which",
        "message/partial needs an id and a number: without them it cannot be put together with the others.";

    // What parts hold.
    UNKNOWN_ENCODING: "encoding-unknown", Some("RFC 2045 §6.4"),
        "the Content-Transfer-Encoding is unknown",
        "The content cannot be decoded and is given as it stands.";
    BASE64_FOREIGN: "base64-foreign", Some("RFC 2045 §6.8"),
        "base64 has characters in it that do not belong there",
        "They are passed over. If they came in on the way, the content is whole; if they replaced others, all that follows is garbled.";
    BASE64_PADDING: "base64-padding", Some("RFC 2045 §6.8"),
        "base64 is padded wrongly",
        "Padding is missing at the end, or stands in the middle where texts were put together. It is decoded on; some readers stop there and show a part only.";
    BASE64_TRUNCATED: "base64-cut-off", Some("RFC 2045 §6.8"),
        "base64 ends in the middle of an octet",
        "Something is missing: the content was probably cut off on the way.";
    QP_ESCAPE: "quoted-printable-escape", Some("RFC 2045 §6.7"),
        "quoted-printable has a `=` without two digits behind it",
        "It stays as it stands. Usually text was labelled quoted-printable without having been encoded.";
    QP_UNENCODED: "quoted-printable-unencoded", Some("RFC 2045 §6.7"),
        "quoted-printable has octets that should be encoded",
        "They are taken as they are. On a way that passes only 7 bits they would have been lost.";
    LONG_ENCODED_LINE: "encoded-line-long", Some("RFC 2045 §6.7, §6.8"),
        "a line of encoded content has more than 76 characters",
        "It is decoded all the same; an old gateway might cut it.";
    EIGHT_BIT: "eight-bit-undeclared", Some("RFC 2045 §6.2"),
        "there are 8-bit octets in content that is said to be 7-bit",
        "A server may clear their highest bits or refuse the message. The text is decoded as its charset says.";
    UNKNOWN_CHARSET: "charset-unknown", Some("RFC 2046 §4.1.2"),
        "the charset is one that nobody knows",
        "The text is guessed here; other readers show other characters, or only offer to save it.";
    CHARSET_LIES: "charset-wrong", Some("RFC 2046 §4.1.2"),
        "the text is not in the charset that it names",
        "It is guessed here from what it looks like. Readers that believe the label show garbled text.";
    CHARSET_MISSING: "charset-missing", Some("RFC 2046 §4.1.2"),
        "there is text beyond US-ASCII and no charset",
        "Without a charset parameter it should be US-ASCII. It is guessed here; other readers show other characters.";
    UNDECODABLE: "charset-undecodable", Some("RFC 2046 §4.1.2"),
        "some of the text cannot be decoded",
        "Octets that mean nothing in its charset are shown as U+FFFD.";

    // Octets.
    MIXED_LINE_ENDS: "line-ends-mixed", Some("RFC 5322 §2.3"),
        "some lines end in CRLF and some in LF alone",
        "On the wire every line ends in CRLF. Servers have disagreed on what a lone LF ends: messages were smuggled so.";
    BARE_CR: "bare-cr", Some("RFC 5322 §2.3"),
        "a CR stands without its LF",
        "CR and LF must only stand together. It ends no line here; other readers may see one, and servers refuse the message.";
    NUL: "nul", Some("RFC 5322 §4.1"),
        "there is a NUL octet",
        "Many programs take the text to end there. Servers refuse the message.";
    LONG_LINE: "line-too-long", Some("RFC 5322 §2.1.1"),
        "a line has more than 998 octets",
        "A server may cut it in two, which breaks signatures, or refuse the message.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let codes: BTreeSet<_> = ALL.iter().map(|rule| rule.code).collect();
        assert_eq!(codes.len(), ALL.len());
        for rule in ALL {
            assert!(!rule.what.ends_with('.') && rule.means.ends_with('.'), "{}", rule.code);
        }
    }
}
