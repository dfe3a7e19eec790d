//! Lists of the queue, page by page: a million messages are no more in memory than a few.

use message_queue::{
    Queue,
    operator::{Filter, Paused, Summary},
};

use super::{Selection, show, why};
use crate::{printer, terminal, times};

/// List what is in the queue
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// At most so many messages
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Reasons in their whole length, though they do not fit the terminal
    #[arg(long)]
    full: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// So many entries are asked for at once.
const PAGE: u32 = 500;

pub(super) const HEADER: [&str; 8] = ["id", "age", "size", "from", "to", "state", "next", "why"];

pub(super) async fn run(queue: &Queue, args: &Args) -> anyhow::Result<()> {
    let paused = queue.paused().await?;
    let mut pages = Pages::of(args.selection.filters(), args.limit);
    if args.json {
        let mut separator = "[\n";
        while let Some(page) = pages.next(queue).await? {
            for entry in page {
                let value = printer::json_text(&show::value(&entry, &paused))?;
                printer::text(&format!("{separator}{value}"));
                separator = ",\n";
            }
        }
        printer::text(if separator == ",\n" { "\n]\n" } else { "[]\n" });
        return Ok(());
    }
    let columns = if args.full { None } else { terminal::columns() };
    let mut header = Some(HEADER);
    while let Some(page) = pages.next(queue).await? {
        let rows: Vec<_> = page.iter().flat_map(|entry| rows(entry, &paused)).collect();
        for line in printer::columns(header.take(), &rows) {
            printer::line(
                columns.map_or(line.as_str().into(), |max| terminal::shortened(&line, max)),
            );
        }
    }
    if header.is_some() {
        printer::note("nothing is in the queue that is meant by that");
    }
    why::matters(queue).await?.iter().for_each(printer::note);
    Ok(())
}

/// Prints a few of those that are meant, and says how many there are more.
pub(super) async fn some(queue: &Queue, filters: &[Filter]) -> anyhow::Result<usize> {
    const SHOWN: usize = 10;
    let paused = queue.paused().await?;
    let mut pages = Pages::of(filters.to_vec(), None);
    let (mut count, mut shown) = (0_usize, Vec::new());
    while let Some(page) = pages.next(queue).await? {
        count = count.saturating_add(page.len());
        let room = SHOWN.saturating_sub(shown.len());
        shown.extend(page.into_iter().take(room));
    }
    let rows: Vec<_> = shown.iter().flat_map(|entry| rows(entry, &paused)).collect();
    for line in printer::columns(Some(HEADER), &rows).iter().filter(|_| count > 0) {
        printer::note_line(line);
    }
    if let Some(more @ 1..) = count.checked_sub(shown.len()) {
        printer::note_line(&format!(".. and {}", printer::count(more, "more message")));
    }
    Ok(count)
}

/// Entries with a recipient that one of the filters means, page by page.
struct Pages {
    filters: std::vec::IntoIter<Filter>,
    current: Option<(Filter, Option<String>)>,
    left: usize,
}

impl Pages {
    fn of(filters: Vec<Filter>, limit: Option<usize>) -> Self {
        Self { filters: filters.into_iter(), current: None, left: limit.unwrap_or(usize::MAX) }
    }

    async fn next(&mut self, queue: &Queue) -> anyhow::Result<Option<Vec<Summary>>> {
        while self.left > 0 {
            let current = self.current.take().or_else(|| Some((self.filters.next()?, None)));
            let Some((filter, after)) = current else { return Ok(None) };
            let most = PAGE.min(u32::try_from(self.left).unwrap_or(PAGE));
            let page = queue.list(&filter, after.as_deref(), most).await?;
            if let Some(last) = page.last() {
                self.current = Some((filter, Some(last.id.clone())));
                self.left = self.left.saturating_sub(page.len());
                return Ok(Some(page));
            }
        }
        Ok(None)
    }
}

pub(super) fn rows(entry: &Summary, paused: &[Paused]) -> Vec<[String; 8]> {
    let now = agent_kit::now();
    let row = |(index, recipient): (usize, &message_queue::operator::RecipientSummary)| {
        let first = |text: String| if index == 0 { text } else { String::new() };
        [
            first(entry.id.clone()),
            first(times::span(entry.queued_at, now)),
            first(printer::size(entry.size)),
            first(format!("<{}>", entry.sender)),
            recipient.address.clone(),
            why::state(recipient, paused).to_owned(),
            why::next(recipient, paused, now),
            why::reason(recipient, paused),
        ]
        .map(|cell| terminal::one_line(&cell))
    };
    entry.recipients.iter().enumerate().map(row).collect()
}
