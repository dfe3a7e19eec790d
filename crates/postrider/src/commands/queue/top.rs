//! `postrider queue top`: the queue as it moves, in the terminal.
//!
//! What is seen is a pure function of a [`view::View`] ([`screen`]), and so is what keys do to it
//! ([`view`]). Here is what touches the world: the queue, the keyboard, the terminal, which is left
//! as it was found, whatever happens.

mod screen;
mod snapshot;
mod view;

use std::{
    io::{self, IsTerminal as _, stdin, stdout},
    pin::Pin,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use mail_types::Lane;
use message_queue::{
    Queue,
    operator::{Destination, Filter},
};
use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::Show,
        event::{self, Event, KeyEventKind},
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::sleep,
};

use snapshot::Snapshot;
use view::{Action, View};

use super::list;
use crate::printer;

/// Watch the queue move
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
}

/// So many messages of a destination are shown.
const MESSAGES: u32 = 100;

/// A look may take this part of the time at most: a large queue is looked at less often.
const SHARE: u32 = 5;

pub(super) async fn run(queue: &Queue, args: &Args) -> anyhow::Result<()> {
    ensure!(
        stdout().is_terminal() && stdin().is_terminal(),
        "this view moves and wants a terminal; `postrider queue stats` says the same once"
    );
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut view = View::new(Snapshot::look(queue, None).await?);
    let _screen = Screen::take()?;
    let mut terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
    let mut keys = keyboard();
    let every = Duration::from_secs(args.every);
    let mut looking: Looking<'_> = Box::pin(later(queue, view.snapshot.clone(), every));
    loop {
        terminal.draw(|frame| screen::draw(frame, &view))?;
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = hangup.recv() => return Ok(()),
            looked = &mut looking => {
                let (snapshot, took) = looked?;
                view.update(snapshot);
                let pause = every.max(took.saturating_mul(SHARE));
                looking = Box::pin(later(queue, view.snapshot.clone(), pause));
            }
            event = keys.recv() => match event {
                None => return Ok(()),
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                    let Some(action) = view.key(key) else { continue };
                    if matches!(action, Action::Quit) {
                        return Ok(());
                    }
                    if let Action::Show(lane) = &action {
                        view.messages = Some(messages(queue, lane).await?);
                        continue;
                    }
                    view.message = act(queue, &action).await?;
                    // What was done is to be seen.
                    looking = Box::pin(later(queue, view.snapshot.clone(), Duration::ZERO));
                }
                Some(_) => {}
            },
        }
    }
}

/// A look that is under way, and how long it took.
type Looking<'a> = Pin<Box<dyn Future<Output = anyhow::Result<(Snapshot, Duration)>> + 'a>>;

async fn later(
    queue: &Queue,
    before: Snapshot,
    pause: Duration,
) -> anyhow::Result<(Snapshot, Duration)> {
    sleep(pause).await;
    let began = Instant::now();
    let snapshot = Snapshot::look(queue, Some(&before)).await?;
    Ok((snapshot, began.elapsed()))
}

/// Does what a key asks for; what there is to say about it.
async fn act(queue: &Queue, action: &Action) -> anyhow::Result<String> {
    let now = agent_kit::now();
    Ok(match action {
        Action::Quit | Action::Show(_) => String::new(),
        Action::Pause(lane) => {
            let destination = Destination::Lane(lane.clone());
            queue.pause(&destination, "paused in queue top", now).await?;
            format!("{lane} is paused")
        }
        Action::Resume(lane) => {
            let resumed = queue.resume(&Destination::Lane(lane.clone())).await?;
            match resumed {
                true => format!("{lane} goes on"),
                false => format!("{lane} is not paused itself: postrider queue resume --all"),
            }
        }
        Action::Retry(lane) => {
            said(lane, queue.retry(&of(lane), now).await?, "to be tried again now")
        }
        Action::Hold(lane) => {
            said(lane, queue.hold(&of(lane), "held in queue top", now).await?, "held")
        }
        Action::Release(lane) => said(lane, queue.release(&of(lane), now).await?, "released"),
        Action::Remove(lane) => said(lane, queue.remove(&of(lane), now).await?, "removed"),
    })
}

fn of(lane: &Lane) -> Filter {
    Filter { lane: Some(lane.clone()), ..Filter::default() }
}

fn said(lane: &Lane, count: u64, done: &str) -> String {
    format!("{lane}: {} {done}", printer::count(count, "recipient"))
}

/// The first messages of a destination, as `postrider queue list` has them.
async fn messages(queue: &Queue, lane: &Lane) -> anyhow::Result<Vec<String>> {
    let paused = queue.paused().await?;
    let page = queue.list(&of(lane), None, MESSAGES).await?;
    let rows: Vec<_> = page.iter().flat_map(|entry| list::rows(entry, &paused)).collect();
    Ok(printer::columns(Some(list::HEADER), &rows))
}

/// What is typed, from a thread that waits for it and ends with the process.
fn keyboard() -> mpsc::Receiver<Event> {
    let (sender, receiver) = mpsc::channel(16);
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The terminal while it is ours. Dropped, or at a panic before anything is said about it, it is
/// as it was.
struct Screen;

impl Screen {
    fn take() -> anyhow::Result<Self> {
        let said = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            said(panic);
        }));
        enable_raw_mode().context("this terminal cannot be used for a view that moves")?;
        let screen = Self;
        execute!(stdout(), EnterAlternateScreen)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    // If it is gone, there is nothing to give back.
    let _ = disable_raw_mode();
    let _: io::Result<()> = execute!(stdout(), LeaveAlternateScreen, Show);
}
