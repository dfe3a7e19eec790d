//! What is looked at and how, and what keys do to it. Pure.

use mail_types::Lane;
use message_queue::operator::Group;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::snapshot::Snapshot;
use crate::commands::queue::why;

/// What is on the screen.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) snapshot: Snapshot,
    pub(super) order: Order,
    /// Only destinations with this in their name.
    pub(super) filter: String,
    /// Whether keys go into the filter.
    pub(super) typing: bool,
    /// The name of the destination that keys are about: it stays the same when lines move.
    pub(super) selected: Option<String>,
    /// What there is to say about the last key.
    pub(super) message: String,
    /// What is done if the next key is `y`.
    asked: Option<Action>,
    /// The messages of a destination, a line each, in the place of the destinations.
    pub(super) messages: Option<Vec<String>>,
}

/// What the lines go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Recipients,
    Oldest,
    Next,
    Name,
}

impl Order {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Recipients => "recipients",
            Self::Oldest => "age",
            Self::Next => "next attempt",
            Self::Name => "name",
        }
    }

    fn following(self) -> Self {
        match self {
            Self::Recipients => Self::Oldest,
            Self::Oldest => Self::Next,
            Self::Next => Self::Name,
            Self::Name => Self::Recipients,
        }
    }
}

/// What a key asks of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Quit,
    Pause(Lane),
    Resume(Lane),
    Retry(Lane),
    Hold(Lane),
    Release(Lane),
    Remove(Lane),
    /// Show its messages.
    Show(Lane),
}

impl View {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            order: Order::Recipients,
            filter: String::new(),
            typing: false,
            selected: None,
            message: String::new(),
            asked: None,
            messages: None,
        }
    }

    /// Another moment of the queue.
    pub(super) fn update(&mut self, snapshot: Snapshot) {
        self.snapshot = snapshot;
    }

    /// The destinations that are shown, in their order.
    pub(super) fn lines(&self) -> Vec<&Group> {
        let wanted = self.filter.to_lowercase();
        let all = self.snapshot.destinations.largest.iter();
        let mut lines: Vec<&Group> = all.filter(|group| group.name.contains(&wanted)).collect();
        match self.order {
            Order::Recipients => lines.sort_by_key(|group| std::cmp::Reverse(group.counts.all())),
            Order::Oldest => lines.sort_by_key(|group| group.oldest),
            Order::Next => lines.sort_by_key(|group| (group.next_at.is_none(), group.next_at)),
            Order::Name => lines.sort_by(|one, other| one.name.cmp(&other.name)),
        }
        lines
    }

    /// The place of the line that keys are about.
    pub(super) fn place(&self, lines: &[&Group]) -> Option<usize> {
        let selected = self.selected.as_deref();
        let found = lines.iter().position(|group| Some(group.name.as_str()) == selected);
        found.or_else(|| (!lines.is_empty()).then_some(0))
    }

    /// Takes a key.
    pub(super) fn key(&mut self, key: KeyEvent) -> Option<Action> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return (key.code == KeyCode::Char('c')).then_some(Action::Quit);
        }
        if self.typing {
            match key.code {
                KeyCode::Enter => self.typing = false,
                KeyCode::Esc => (self.typing, self.filter) = (false, String::new()),
                KeyCode::Backspace => drop(self.filter.pop()),
                KeyCode::Char(letter) => self.filter.push(letter),
                _ => {}
            }
            return None;
        }
        self.message.clear();
        if let Some(asked) = self.asked.take() {
            return (key.code == KeyCode::Char('y')).then_some(asked);
        }
        if self.messages.take().is_some() {
            return None;
        }
        match key.code {
            KeyCode::Char('q') => return Some(Action::Quit),
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Char('s') => self.order = self.order.following(),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::PageDown => self.step(20),
            KeyCode::PageUp => self.step(-20),
            KeyCode::Char('p') => return self.pause_or_resume(),
            KeyCode::Char('r') => return self.lane().map(Action::Retry),
            KeyCode::Char('h') => self.ask("hold what waits for", Action::Hold),
            KeyCode::Char('l') => self.ask("release what is held for", Action::Release),
            KeyCode::Char('d') => {
                self.ask("throw away, senders are not told, all for", Action::Remove);
            }
            KeyCode::Enter => return self.lane().map(Action::Show),
            _ => {}
        }
        None
    }

    fn step(&mut self, by: isize) {
        let lines = self.lines();
        let Some(place) = self.place(&lines) else { return };
        let last = lines.len().saturating_sub(1);
        let place = place.saturating_add_signed(by).min(last);
        self.selected = lines.get(place).map(|group| group.name.clone());
    }

    /// Asks before it is done.
    fn ask(&mut self, what: &str, action: impl Fn(Lane) -> Action) {
        let Some(lane) = self.lane() else { return };
        self.message = format!("{what} {lane}? y/n");
        self.asked = Some(action(lane));
    }

    /// The lane that keys are about.
    fn lane(&self) -> Option<Lane> {
        let lines = self.lines();
        let group = lines.get(self.place(&lines)?)?;
        Lane::parse(&group.name).ok()
    }

    fn pause_or_resume(&self) -> Option<Action> {
        let lane = self.lane()?;
        let paused = why::pause_of(&self.snapshot.paused, &lane.to_string()).is_some();
        Some(if paused { Action::Resume(lane) } else { Action::Pause(lane) })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use mail_types::Timestamp;
    use message_queue::operator::{Destination, Groups, LaneCounts, Paused};

    use super::*;

    pub(in super::super) const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn group(name: &str, waiting: u64, minutes_old: u64, next_in: Option<u64>) -> Group {
        let minutes = |count| Duration::from_secs(60 * count);
        Group {
            name: name.to_owned(),
            counts: LaneCounts { waiting, ..LaneCounts::default() },
            destinations: 1,
            attempts: 3,
            next_at: next_in.map(|next| NOW.plus(minutes(next))),
            oldest: Some(NOW.minus(minutes(minutes_old))),
            problem: Some(format!("4.4.1 no answer from {name}")),
        }
    }

    pub(in super::super) fn view() -> View {
        let largest = vec![
            group("@slow.test", 50, 5, Some(9)),
            group("@dead.test", 40, 900, Some(3)),
            group("local", 2, 1, None),
        ];
        let paused = Paused {
            destination: Destination::parse("dead.test").unwrap(),
            since: NOW,
            reason: "x".into(),
        };
        View::new(Snapshot {
            destinations: Groups { largest, in_all: 7 },
            paused: vec![paused],
            ..Snapshot::empty(NOW)
        })
    }

    fn names(view: &View) -> Vec<&str> {
        view.lines().iter().map(|group| group.name.as_str()).collect()
    }

    fn press(view: &mut View, keys: &str) -> Vec<Action> {
        let code = |letter: char| match letter {
            '↓' => KeyCode::Down,
            '↑' => KeyCode::Up,
            '⏎' => KeyCode::Enter,
            '⎋' => KeyCode::Esc,
            '⌫' => KeyCode::Backspace,
            letter => KeyCode::Char(letter),
        };
        keys.chars().filter_map(|letter| view.key(KeyEvent::from(code(letter)))).collect()
    }

    #[test]
    fn lines_have_an_order() {
        let mut view = view();
        for expected in [
            ["@slow.test", "@dead.test", "local"],
            ["@dead.test", "@slow.test", "local"],
            ["@dead.test", "@slow.test", "local"],
            ["@dead.test", "@slow.test", "local"],
        ] {
            assert_eq!(names(&view), expected, "by {}", view.order.word());
            press(&mut view, "s");
        }
        assert_eq!(view.order, Order::Recipients);
    }

    #[test]
    fn a_filter_is_typed() {
        let mut view = view();
        assert!(press(&mut view, "/dq⌫eaD").is_empty(), "these keys are letters");
        assert_eq!((names(&view), view.filter.as_str()), (vec!["@dead.test"], "deaD"));
        press(&mut view, "⏎⎋");
        assert_eq!(names(&view).len(), 3);
    }

    #[test]
    fn keys_are_about_the_line_that_is_selected_though_it_moves() {
        let mut view = view();
        let lane = |name: &str| Lane::parse(name).unwrap();
        assert_eq!(
            press(&mut view, "pr"),
            [Action::Pause(lane("slow.test")), Action::Retry(lane("slow.test")),]
        );
        assert_eq!(press(&mut view, "↓p"), [Action::Resume(lane("dead.test"))]);
        // It is the first line by age.
        assert_eq!(press(&mut view, "sr"), [Action::Retry(lane("dead.test"))]);
        assert_eq!(
            press(&mut view, "↑↑r↓↓↓↓p"),
            [Action::Retry(lane("dead.test")), Action::Pause(Lane::Local),]
        );
        // What is gone is not selected any more.
        view.update(Snapshot::empty(NOW));
        assert!(press(&mut view, "pr↓↑").is_empty());
    }

    #[test]
    fn what_cannot_be_taken_back_is_asked_first() {
        let slow = Lane::parse("slow.test").unwrap();
        for (key, expected) in [
            ('h', Action::Hold(slow.clone())),
            ('l', Action::Release(slow.clone())),
            ('d', Action::Remove(slow.clone())),
        ] {
            let mut view = view();
            assert!(press(&mut view, &key.to_string()).is_empty());
            assert!(view.message.ends_with("@slow.test? y/n"), "{}", view.message);
            assert!(press(&mut view, "n").is_empty() && press(&mut view, "y").is_empty());
            assert_eq!(press(&mut view, &format!("{key}y")), [expected]);
            assert!(press(&mut view, "y").is_empty(), "once");
        }
    }

    #[test]
    fn messages_are_shown_until_a_key_is_pressed() {
        let mut view = view();
        assert_eq!(press(&mut view, "⏎"), [Action::Show(Lane::parse("slow.test").unwrap())]);
        view.messages = Some(vec!["one".to_owned()]);
        assert!(press(&mut view, "d").is_empty() && view.messages.is_none());
        assert!(press(&mut view, "y").is_empty(), "that key was about nothing");
    }

    #[test]
    fn it_ends() {
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        let mut view = view();
        assert_eq!(view.key(control_c), Some(Action::Quit));
        assert_eq!(press(&mut view, "q"), [Action::Quit]);
        press(&mut view, "/");
        assert_eq!(view.key(control_c), Some(Action::Quit), "also while a filter is typed");
    }
}
