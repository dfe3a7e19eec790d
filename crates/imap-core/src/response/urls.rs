//! GENURLAUTH and URLFETCH (RFC 4467 §8).

use super::{string, text::literal_head};

/// `* GENURLAUTH` with URLs that may be read.
pub(crate) fn authorized_urls<'u>(out: &mut Vec<u8>, urls: impl IntoIterator<Item = &'u str>) {
    out.extend_from_slice(b"* GENURLAUTH");
    for url in urls {
        out.push(b' ');
        string(out, url.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// `* URLFETCH` in the making: URLs, each with what it means.
#[derive(Debug)]
#[must_use = "the response has no end yet"]
pub struct UrlFetchResponse(());

impl UrlFetchResponse {
    /// Begins it.
    pub fn begin(out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(b"* URLFETCH");
        Self(())
    }

    /// A URL that means nothing here, or nothing for this client.
    pub fn nothing(&self, out: &mut Vec<u8>, url: &str) {
        self.url(out, url);
        out.extend_from_slice(b"NIL");
    }

    /// A URL: exactly `length` octets must be appended next.
    pub fn content(&self, out: &mut Vec<u8>, url: &str, length: u64) {
        self.url(out, url);
        if length == 0 {
            out.extend_from_slice(b"\"\"");
        } else {
            literal_head(out, length);
        }
    }

    /// Ends it.
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
    }

    /// As the client wrote it (RFC 4467 §8), for whom it is the name of what follows.
    fn url(&self, out: &mut Vec<u8>, url: &str) {
        out.push(b' ');
        string(out, url.as_bytes());
        out.push(b' ');
    }
}
