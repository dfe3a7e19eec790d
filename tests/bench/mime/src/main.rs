//! How fast mime-core reads messages, beside raw mail-parser and a search for line ends in the same
//! octets, in the same run.
//!
//! All works of a set are done in turn, round by round, and the fastest round of each counts: what
//! else the machine does can only make a round slower. `mime-bench ROUNDS NAME=PATH ..`, where a
//! path is a folder of messages or a file of gen_corpus.py.

mod allocations;

use std::{fs, hint::black_box, path::Path, time::Instant};

use mail_parser::MessageParser;
use mime_core::{
    reading::SearchText,
    structure::{Limits, Parser, Structure},
    transfer::{Base64Encoder, Decoder, Encoding, QuotedPrintableEncoder},
};

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// What is done with one message.
type Work = fn(&[u8]);

/// As much as delivery reads of a message at a time.
const PIECE: usize = 64 * 1024;

const WORKS: &[(&str, Work)] = &[
    ("memchr, line ends", line_ends),
    ("structure, ENVELOPE, BODYSTRUCTURE", whole),
    ("the same, fed by 64 KiB", by_pieces),
    ("structure, envelope (not stored)", structure),
    ("mail-parser", mail_parser),
    ("mail-parser, headers only", mail_parser_headers),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(15);
    for argument in arguments {
        let (name, path) = argument.split_once('=').expect("NAME=PATH");
        let messages = read(Path::new(path));
        measure(name, &messages, rounds, WORKS);
    }
    let large = large_message();
    measure("50 MB attachment", &[large.clone()], rounds, WORKS);
    measure("text for search", &[large], rounds.min(5), &[("decoded, for search", search)]);
    transfer_encodings(rounds);
}

fn line_ends(message: &[u8]) {
    black_box(memchr::memchr_iter(b'\n', black_box(message)).fold(0, |sum: usize, at| sum ^ at));
}

fn structure(message: &[u8]) {
    black_box(Structure::of(black_box(message)));
}

fn whole(message: &[u8]) {
    let structure = Structure::of(black_box(message));
    black_box((structure.envelope.encode(), structure.body.encode()));
}

fn by_pieces(message: &[u8]) {
    let mut parser = Parser::new(Limits::default());
    message.chunks(PIECE).for_each(|piece| parser.push(piece));
    let structure = parser.finish();
    black_box((structure.envelope.encode(), structure.body.encode()));
}

fn mail_parser(message: &[u8]) {
    black_box(MessageParser::default().parse(black_box(message)));
}

fn mail_parser_headers(message: &[u8]) {
    black_box(MessageParser::default().parse_headers(black_box(message)));
}

fn search(message: &[u8]) {
    let structure = Structure::of(message);
    structure.body.root.visit(&mut |part| {
        let Some(mut search) = SearchText::new(part, true) else { return };
        let mut text = String::new();
        let (start, end) = (part.body.start as usize, part.body.end as usize);
        for piece in message[start..end].chunks(PIECE) {
            text.clear();
            search.push(piece, &mut text);
        }
        search.finish(&mut text);
        black_box(text);
    });
}

fn measure(name: &str, messages: &[Vec<u8>], rounds: usize, works: &[(&str, Work)]) {
    let octets: usize = messages.iter().map(Vec::len).sum();
    println!("\n{name}: {} messages, {:.1} MB", messages.len(), octets as f64 / 1e6);
    let mut best = vec![f64::MAX; works.len()];
    for _ in 0..rounds {
        for ((_, work), best) in works.iter().zip(&mut best) {
            let begin = Instant::now();
            messages.iter().for_each(|message| work(message));
            *best = best.min(begin.elapsed().as_secs_f64());
        }
    }
    for ((name, work), seconds) in works.iter().zip(best) {
        let (asked, memory) = allocations::during(|| messages.iter().for_each(|it| work(it)));
        let count = messages.len() as f64;
        println!(
            "  {name:40} {:9.0} MB/s {:11.0} messages/s {:8.1} allocations, {:9.0} octets each",
            octets as f64 / seconds / 1e6,
            count / seconds,
            asked as f64 / count,
            memory as f64 / count,
        );
    }
}

/// The rates are of what goes in. What is read and written stays near the processor, so that they are
/// of the work and not of the memory.
fn transfer_encodings(rounds: usize) {
    let content = noise(1_000_000);
    let accents = "Ein Text mit äöü = Umlauten, wie er vorkommt.\r\n".repeat(20_000);
    let plain =
        "A text as it is written most of the time, in lines of usual length.\r\n".repeat(15_000);
    let mut base64 = Vec::new();
    let mut encoder = Base64Encoder::default();
    encoder.push(&content, &mut base64);
    encoder.finish(&mut base64);
    let quoted = |text: &str| {
        let mut out = Vec::new();
        let mut encoder = QuotedPrintableEncoder::default();
        encoder.push(text.as_bytes(), &mut out);
        encoder.finish(&mut out);
        out
    };
    println!("\ntransfer encodings, 1 MB by 64 KiB");
    let row = |name: &str, input: &[u8], work: &dyn Fn(&[u8], &mut Vec<u8>)| {
        let mut best = f64::MAX;
        let mut out = Vec::with_capacity(4 * PIECE);
        for _ in 0..20 * rounds {
            let begin = Instant::now();
            work(input, &mut out);
            best = best.min(begin.elapsed().as_secs_f64());
        }
        println!("  {name:40} {:9.2} GB/s", input.len() as f64 / best / 1e9);
    };
    row("memchr, line ends", &base64, &|input, _| line_ends(input));
    row("base64, decoding", &base64, &|input, out| decode(Encoding::Base64, input, out));
    row("base64, encoding", &content, &|input, out| {
        let mut encoder = Base64Encoder::default();
        for piece in input.chunks(PIECE) {
            out.clear();
            encoder.push(piece, out);
            black_box(&out);
        }
    });
    for (kind, text) in [("plain", &plain), ("with accents", &accents)] {
        row(&format!("quoted-printable, decoding, {kind}"), &quoted(text), &|input, out| {
            decode(Encoding::QuotedPrintable, input, out);
        });
        row(&format!("quoted-printable, encoding, {kind}"), text.as_bytes(), &|input, out| {
            let mut encoder = QuotedPrintableEncoder::default();
            for piece in input.chunks(PIECE) {
                out.clear();
                encoder.push(piece, out);
                black_box(&out);
            }
        });
    }
}

fn decode(encoding: Encoding, input: &[u8], out: &mut Vec<u8>) {
    let mut decoder = Decoder::new(encoding);
    for piece in input.chunks(PIECE) {
        out.clear();
        decoder.push(piece, out);
        black_box(&out);
    }
}

/// A text, and an attachment in base64.
fn large_message() -> Vec<u8> {
    let mut message = b"From: a@bench.test\r\nTo: b@bench.test\r\nSubject: large\r\n\
        Content-Type: multipart/mixed; boundary=abc\r\n\r\n--abc\r\n\r\ntext\r\n--abc\r\n\
        Content-Type: application/pdf; name=large.pdf\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    let mut encoder = Base64Encoder::default();
    encoder.push(&noise(36_538_000), &mut message);
    encoder.finish(&mut message);
    message.extend_from_slice(b"\r\n--abc--\r\n");
    message
}

/// Octets of a simple generator: the same in every run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// The messages of a folder, in the order of their paths, or of a file of gen_corpus.py.
fn read(path: &Path) -> Vec<Vec<u8>> {
    if path.is_dir() {
        let mut paths = Vec::new();
        let mut folders = vec![path.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a readable folder") {
                let path = entry.expect("an entry").path();
                let skipped = path.file_name().is_some_and(|name| name == "licenses");
                match path.is_dir() {
                    true if skipped => {}
                    true => folders.push(path),
                    false => paths.push(path),
                }
            }
        }
        let is_message = |it: &&std::path::PathBuf| {
            !it.extension().is_some_and(|e| e == "tsv" || e == "md" || e == "json")
        };
        paths.sort();
        return paths.iter().filter(is_message).map(|it| fs::read(it).expect("a file")).collect();
    }
    let octets = fs::read(path).expect("a readable file");
    let mut rest = octets.as_slice();
    let mut messages = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk() {
        let (message, next) = behind.split_at(u32::from_le_bytes(*length) as usize);
        messages.push(message.to_vec());
        rest = next;
    }
    messages
}
