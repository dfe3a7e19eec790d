//! `postrider message`: what is in this mail file?

use std::{
    io::{IsTerminal, Write, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    message::{
        Opened, Source,
        extract::{self, Piece},
        lint, parts, show,
        text::TEXT_OCTETS_MAX,
        tree,
    },
    printer, terminal,
};

/// Look into a mail file: header, text, parts, attachments, defects
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show header, text, attachments and defects, decoded
    Show {
        #[command(flatten)]
        file: MessageFile,
        /// All header fields, and lists of addresses whole
        #[arg(long)]
        all: bool,
        /// As JSON
        #[arg(long, conflicts_with = "all")]
        json: bool,
    },
    /// Draw the tree of parts, numbered as IMAP addresses them
    Structure {
        #[command(flatten)]
        file: MessageFile,
        /// With the offsets of headers and bodies
        #[arg(long)]
        offsets: bool,
        /// As JSON
        #[arg(long, conflicts_with = "offsets")]
        json: bool,
    },
    /// List the parts that hold something
    Parts {
        #[command(flatten)]
        file: MessageFile,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Save the text and each attachment into a folder; nothing is overwritten
    Extract(ExtractArgs),
    /// Explain what is wrong; ends with 0 if nothing is, 1 if something is, 2 if it cannot be read
    Lint {
        #[command(flatten)]
        file: MessageFile,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub(crate) struct MessageFile {
    /// The file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Args)]
pub(crate) struct ExtractArgs {
    #[command(flatten)]
    file: MessageFile,
    /// Where to save; made if it is not there [default: FILE.parts in the current folder]
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Only this section, such as 2.1 (decoded), 2.HEADER or 2.MIME, to standard output
    #[arg(long, value_name = "SECTION", conflicts_with = "folder")]
    part: Option<String>,
    /// With --part: into this file, which must not exist
    #[arg(long, short, value_name = "FILE", requires = "part")]
    output: Option<PathBuf>,
    /// With --part: as it stands in the message, not decoded
    #[arg(long, requires = "part")]
    raw: bool,
    /// As JSON: what was written
    #[arg(long, conflicts_with = "part")]
    json: bool,
}

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Show { file, all, json } => {
            let opened = file.open()?;
            if json {
                printer::json(&show::value(&opened)?)?;
            } else {
                printer::text(&show::shown(&opened, all)?);
            }
        }
        Command::Structure { file, offsets, json } => {
            let opened = file.open()?;
            if json {
                printer::json(&tree::value(&opened))?;
            } else {
                tree::drawn(&opened, offsets).iter().for_each(printer::line);
            }
        }
        Command::Parts { file, json } => {
            let opened = file.open()?;
            if json {
                printer::json(&parts::value(&opened)?)?;
            } else {
                parts::table(&opened)?.iter().for_each(printer::line);
            }
        }
        Command::Extract(args) => run_extract(&args)?,
        Command::Lint { file, json } => return Ok(run_lint(&file, json)),
    }
    Ok(ExitCode::SUCCESS)
}

impl MessageFile {
    fn open(&self) -> anyhow::Result<Opened> {
        Opened::read(Source::open(&self.file)?)
    }

    fn is_stdin(&self) -> bool {
        self.file == Path::new("-")
    }

    /// For people.
    fn name(&self) -> String {
        match self.is_stdin() {
            true => "standard input".to_owned(),
            false => terminal::one_line(&self.file.display().to_string()),
        }
    }

    /// Where its parts go if nothing else is said: here, so that nobody finds files elsewhere.
    fn usual_folder(&self) -> PathBuf {
        let mut name = match self.is_stdin() {
            true => "message".into(),
            false => self.file.file_name().unwrap_or("message".as_ref()).to_owned(),
        };
        name.push(".parts");
        name.into()
    }
}

fn run_lint(file: &MessageFile, json: bool) -> ExitCode {
    let looked = file.open().and_then(|opened| lint::findings(&opened)).and_then(|findings| {
        if json {
            let described: Vec<_> = findings.iter().map(lint::Finding::described).collect();
            printer::json(&described)?;
        } else {
            printer::text(&lint::report(&file.name(), &findings));
        }
        Ok(findings.is_empty())
    });
    match looked {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            printer::error(&error);
            ExitCode::from(2)
        }
    }
}

fn run_extract(args: &ExtractArgs) -> anyhow::Result<()> {
    let opened = args.file.open()?;
    if let Some(section) = &args.part {
        let mut piece = extract::piece(&opened, section)?;
        if args.raw {
            piece = Piece { encoding: mime_core::transfer::Encoding::Binary, ..piece };
        }
        return match &args.output {
            Some(path) => to_file(&opened, piece, path),
            None if stdout().is_terminal() => to_terminal(&opened, &piece, section, args.raw),
            None => to_stdout(&opened, piece),
        };
    }
    let folder = args.folder.clone().unwrap_or_else(|| args.file.usual_folder());
    let written = extract::all(&opened, &folder)?;
    if args.json {
        return printer::json(&json!(written));
    }
    let rows: Vec<_> = written.iter().map(extract::Written::row).collect();
    printer::table(
        ["part", "type", "      size", "file"],
        &rows,
        "the message holds nothing to save",
    );
    Ok(())
}

fn to_file(opened: &Opened, piece: Piece<'_>, path: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let mut file = extract::create_new(path).with_context(cannot)?;
    opened.decoded(piece.range, piece.encoding, |octets| {
        file.write_all(octets).with_context(cannot)
    })?;
    Ok(())
}

fn to_stdout(opened: &Opened, piece: Piece<'_>) -> anyhow::Result<()> {
    opened.decoded(piece.range, piece.encoding, |octets| {
        printer::octets(octets);
        Ok(())
    })?;
    Ok(())
}

/// A terminal obeys what it should only show: it gets text, and that made harmless.
fn to_terminal(opened: &Opened, piece: &Piece<'_>, section: &str, raw: bool) -> anyhow::Result<()> {
    let end = piece.range.end.min(piece.range.start.saturating_add(TEXT_OCTETS_MAX));
    let range = piece.range.start..end;
    let text = match piece.leaf {
        Some(part) if !raw && part.media_type.is_kind("text") => {
            crate::message::text::decoded(opened, part, range)?.0
        }
        Some(part) if !raw && !part.media_type.is_kind("message") => {
            let kind = String::from_utf8_lossy(&part.media_type.kind).to_ascii_lowercase();
            bail!(
                "part {section} ({}) is not for a terminal: send it to a file with --output, or \
                 into a pipe",
                terminal::one_line(&kind)
            );
        }
        _ => {
            let mut octets = Vec::new();
            opened.decoded(range, piece.encoding, |decoded| {
                octets.extend_from_slice(decoded);
                Ok(())
            })?;
            mime_core::text::decode_octets(&octets, b"utf-8").text
        }
    };
    printer::text(&terminal::lines(&text));
    Ok(())
}
