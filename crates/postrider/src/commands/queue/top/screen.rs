//! How a view looks. Pure.

use message_queue::operator::Group;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::Line,
    widgets::{Cell, Paragraph, Row, Table, TableState},
};

use super::view::View;
use crate::{commands::queue::stats, terminal, times};

const KEYS: &str = "q quit  s sort  / filter  ↑↓ choose  ⏎ messages  p pause/resume  r retry  h hold  \
                    l release  d remove";
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws it.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View) {
    let head = head(view);
    let heights = [
        Constraint::Length(u16::try_from(head.len()).unwrap_or(u16::MAX)),
        Constraint::Fill(1),
        Constraint::Length(1),
    ];
    let [above, middle, below] = Layout::vertical(heights).areas(frame.area());
    frame.render_widget(Paragraph::new(head), above);
    match &view.messages {
        Some(messages) => {
            let lines = messages.iter().map(|line| Line::from(terminal::one_line(line)));
            frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), middle);
        }
        None => table(frame, middle, view),
    }
    frame.render_widget(Paragraph::new(foot(view)), below);
}

fn head(view: &View) -> Vec<Line<'static>> {
    let snapshot = &view.snapshot;
    let mut lines = Vec::new();
    for (name, counts) in
        [("to mailboxes", snapshot.counts.local), ("to other servers", snapshot.counts.remote)]
    {
        lines.push(Line::from(format!(
            "{name:<16}  {} waiting, {} under way, {} held, {} set aside",
            counts.waiting, counts.leased, counts.held, counts.set_aside
        )));
    }
    let rates = &snapshot.rates;
    lines.push(Line::from(format!(
        "in a minute       {:.0} queued, {:.0} delivered, {:.0} deferred, {:.0} failed",
        rates.queued, rates.delivered, rates.deferred, rates.failed
    )));
    let matters = snapshot.matters.iter().map(|matter| terminal::one_line(matter));
    lines.extend(matters.map(|matter| Line::styled(matter, BOLD)));
    lines
}

fn table(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let lines = view.lines();
    let header = Row::new([
        "destination",
        "waiting",
        "active",
        "held",
        "oldest",
        "tries",
        "state",
        "next",
        "per min",
        "at last",
    ]);
    let widths = [
        Constraint::Max(32),
        Constraint::Length(7),
        Constraint::Length(6),
        Constraint::Length(6),
        Constraint::Length(7),
        Constraint::Length(5),
        Constraint::Length(7),
        Constraint::Length(10),
        Constraint::Length(7),
        Constraint::Fill(1),
    ];
    let rows = lines.iter().map(|group| row(view, group));
    let table = Table::new(rows, widths).header(header.style(BOLD)).row_highlight_style(REVERSED);
    let mut state = TableState::new().with_selected(view.place(&lines));
    frame.render_stateful_widget(table, area, &mut state);
}

fn row(view: &View, group: &Group) -> Row<'static> {
    let snapshot = &view.snapshot;
    let (state, next) = stats::state(group, &snapshot.paused, snapshot.at);
    let counts = group.counts;
    let rate = snapshot.rates.delivered_to.get(&group.name).copied().unwrap_or_default();
    let cells = [
        group.name.clone(),
        counts.waiting.to_string(),
        counts.leased.to_string(),
        counts.held.saturating_add(counts.set_aside).to_string(),
        group.oldest.map(|oldest| times::span(oldest, snapshot.at)).unwrap_or_default(),
        group.attempts.to_string(),
        state,
        next,
        format!("{rate:.0}"),
        group.problem.clone().unwrap_or_default(),
    ];
    Row::new(cells.map(|cell| Cell::from(terminal::one_line(&cell))))
}

fn foot(view: &View) -> Line<'static> {
    if view.typing {
        return Line::from(format!("only destinations with: {}_", view.filter));
    }
    if !view.message.is_empty() {
        return Line::styled(view.message.clone(), BOLD);
    }
    if view.messages.is_some() {
        return Line::from("any key: back   postrider queue show ID: all about one of them");
    }
    let shown = view.lines().len();
    let all = view.snapshot.destinations.in_all;
    let filter = match view.filter.as_str() {
        "" => String::new(),
        filter => format!(" with {filter}"),
    };
    let order = view.order.word();
    Line::from(format!("{shown} of {all} destinations{filter}, by {order}   {KEYS}"))
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::{super::view::tests::view, *};

    fn shown(view: &View, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, view)).unwrap();
        let cells = terminal.backend().buffer().content();
        let lines = cells.chunks(usize::from(width));
        lines.map(|line| line.iter().map(|cell| cell.symbol()).collect::<String>()).collect()
    }

    #[test]
    fn destinations_with_what_keeps_them() {
        let mut view = view();
        view.snapshot.matters = vec!["smtp-relay does not run".to_owned()];
        view.snapshot.counts.remote.waiting = 90;
        view.snapshot.rates.delivered = 119.6;
        let lines = shown(&view, 130, 14);
        let starts = |place: usize, expected: &str| {
            assert!(lines[place].starts_with(expected), "{place}: {lines:#?}");
        };
        starts(1, "to other servers  90 waiting, 0 under way, 0 held, 0 set aside");
        starts(2, "in a minute       0 queued, 120 delivered,");
        starts(3, "smtp-relay does not run");
        starts(4, "destination");
        starts(5, "@slow.test");
        assert!(lines[5].contains("waiting in 9m 0s"), "{lines:#?}");
        assert!(lines[5].contains("4.4.1 no answer from @slow.test"), "{lines:#?}");
        assert!(lines[6].starts_with("@dead.test") && lines[6].contains("15h 0m"), "{lines:#?}");
        assert!(lines[6].contains("paused"), "{lines:#?}");
        starts(13, "3 of 7 destinations, by recipients   q quit");
    }

    #[test]
    fn messages_take_the_place_of_destinations() {
        let mut view = view();
        view.messages = Some(vec!["06h059  1h  \u{1b}[2J".to_owned(), "06h060  2h".to_owned()]);
        let lines = shown(&view, 80, 10);
        assert!(lines[3].starts_with("06h059  1h  ␛[2J"), "{lines:#?}");
        assert!(lines[4].starts_with("06h060") && lines[9].starts_with("any key: back"));
        assert!(!lines.iter().any(|line| line.contains("@slow.test")), "{lines:#?}");
    }

    #[test]
    fn what_strangers_wrote_cannot_move_the_cursor() {
        let mut view = view();
        view.snapshot.destinations.largest[0].problem = Some("5.7.1 \u{1b}[2J gone".to_owned());
        assert!(shown(&view, 130, 12).iter().any(|line| line.contains("5.7.1 ␛[2J gone")));
    }

    #[test]
    fn it_fits_into_whatever_there_is() {
        let mut view = view();
        view.typing = true;
        view.filter = "slow".to_owned();
        for (width, height) in [(1, 1), (20, 3), (80, 24), (300, 60)] {
            let lines = shown(&view, width, height);
            assert_eq!(lines.len(), usize::from(height));
        }
        let lines = shown(&view, 80, 24);
        assert!(lines[23].starts_with("only destinations with: slow_"), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("@dead.test  ")), "{lines:#?}");
    }
}
