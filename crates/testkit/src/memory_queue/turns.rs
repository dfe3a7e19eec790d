//! Whose turn it is.
//!
//! A recipient that was never tried, and need not wait for a time, stands in its lane's line: by
//! priority, and within a priority senders take turns. All others come again, by their time. Lanes
//! take turns as well: those with a line by the priority of its head, then by the time since when
//! they wait. A lease takes what comes again first, so much of it as the request says, and of a lane
//! that has a line a quarter of its share; then the lines.

use std::collections::{BTreeMap, BTreeSet};

use mail_types::{Lane, QueueId, Timestamp};

use super::{Holder, MemoryQueue, Request, State, records::Row};

/// Places of one priority.
const CLASS: i64 = 1 << 42;

/// The first place of a priority: below zero, and the lower the higher it is.
pub(super) fn class(priority: i8) -> i64 {
    -(i64::from(priority) + 10) * CLASS
}

fn class_of(place: i64) -> i64 {
    place.div_euclid(CLASS) * CLASS
}

impl MemoryQueue {
    /// Where a new one stands: one behind the last of its sender's; without any, beside the head.
    /// `beside` came at the same moment.
    pub(super) fn place_in_line(&self, new: &Row, beside: &[Row]) -> i64 {
        let of_line = |row: &&Row| {
            row.lane == new.lane
                && row.state == State::Waiting
                && row.place < 0
                && class_of(row.place) == new.place
        };
        let line = self.rows.iter().filter(of_line);
        let own = line.clone().filter(|row| row.of_sender == new.of_sender);
        let base = own.map(|row| row.place + 1).max();
        let base = base.or_else(|| line.map(|row| row.place).min()).unwrap_or(new.place);
        let before = beside.iter().filter(|row| {
            (&row.lane, &row.of_sender) == (&new.lane, &new.of_sender)
                && row.place < 0
                && row.state == State::Waiting
        });
        base + i64::try_from(before.count()).unwrap_or(0)
    }

    /// Somebody came to stand in a line.
    pub(super) fn line_begins(&mut self, row: &Row, now: Timestamp) {
        let since = class_of(row.place) + now.millis();
        let line = self.lines.entry(row.lane.clone()).or_insert(since);
        *line = since.min(*line);
    }

    /// Something in these lanes has changed: their lines wait as long as they did.
    pub(super) fn lines_go_on(&mut self, lanes: impl IntoIterator<Item = Lane>) {
        for lane in lanes {
            let waited = self.lines.get(&lane).map_or(0, |line| line - class_of(*line));
            self.set_line(&lane, waited);
        }
    }

    /// A lane was leased from: it waits for its next turn from now on.
    pub(super) fn line_had_its_turn(&mut self, lane: &Lane, now: Timestamp) {
        self.set_line(lane, now.millis());
    }

    fn set_line(&mut self, lane: &Lane, since: i64) {
        let in_line = self.waiting(lane).filter(|row| row.place < 0);
        match in_line.map(|row| row.place).min() {
            Some(head) => self.lines.insert(lane.clone(), class_of(head) + since),
            None => self.lines.remove(lane),
        };
    }

    fn waiting<'a>(&'a self, lane: &'a Lane) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.lane == *lane && row.state == State::Waiting)
    }

    /// When something comes again of the lanes that this holder may lease from.
    fn again(&self, holder: Holder, request: &Request) -> BTreeMap<&Lane, i64> {
        let mut lanes: BTreeMap<&Lane, i64> = BTreeMap::new();
        for row in self.rows.iter() {
            if row.state != State::Waiting || row.place < 0 {
                continue;
            }
            match lanes.get_mut(&row.lane) {
                Some(due) => *due = row.place.min(*due),
                None if self.is_open(&row.lane, holder, request) => {
                    lanes.insert(&row.lane, row.place);
                }
                None => {}
            }
        }
        lanes
    }

    fn is_open(&self, lane: &Lane, holder: Holder, request: &Request) -> bool {
        (*lane == Lane::Local) == request.local
            && self.holders.get(lane).is_none_or(|other| *other == holder)
            && !request.except.contains(lane)
            && !self.is_paused(lane)
    }

    pub(super) fn next_due(
        &self,
        holder: Holder,
        request: &Request,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if self.lines.keys().any(|lane| self.is_open(lane, holder, request)) {
            return Some(now);
        }
        let again = self.again(holder, request).into_values().min();
        again.map(|due| Timestamp::from_millis(due).max(now))
    }

    /// The entries that are leased, with their lanes.
    pub(super) fn choose(
        &self,
        holder: Holder,
        request: &Request,
        now: Timestamp,
    ) -> BTreeSet<(Lane, QueueId)> {
        let of_again = request.again_max.min(request.leases_max);
        let again = self.again(holder, request).into_iter().map(|(lane, due)| (due, lane));
        let again = again.filter(|(due, _)| *due <= now.millis()).collect();
        let lines = self.lines.iter().filter(|(lane, _)| self.is_open(lane, holder, request));
        let lines = lines.map(|(lane, since)| (*since, lane)).collect();
        let first = |lanes, most, of: &dyn Fn(&Row) -> bool| self.first(lanes, most, request, of);
        let again = first(again, of_again, &|row| (0..=now.millis()).contains(&row.place));
        let mut line = first(lines, request.leases_max, &|row| row.place < 0);
        line.truncate(request.leases_max);

        let lined: BTreeSet<&Lane> = line.iter().map(|(lane, _)| lane).collect();
        let (mut of_lane, mut count) = (BTreeMap::<&Lane, usize>::new(), 0);
        let mut chosen = BTreeSet::new();
        let quarter = (request.per_lane_max / 4).max(1);
        let again = again.iter().map(|one| {
            let share = if lined.contains(&one.0) { quarter } else { request.per_lane_max };
            (one, of_again, share)
        });
        let line = line.iter().map(|one| (one, request.leases_max, request.per_lane_max));
        for ((lane, id), altogether, share) in again.chain(line) {
            let of_lane = of_lane.entry(lane).or_default();
            if count < altogether && *of_lane < share {
                (*of_lane, count) = (*of_lane + 1, count + 1);
                chosen.insert((lane.clone(), *id));
            }
        }
        chosen
    }

    /// The first recipients of the first lanes, in their order.
    fn first(
        &self,
        lanes: Vec<(i64, &Lane)>,
        most: usize,
        request: &Request,
        of: &dyn Fn(&Row) -> bool,
    ) -> Vec<(Lane, QueueId)> {
        let mut lanes = lanes;
        lanes.sort_by_key(|(first, lane)| (*first, lane.to_string()));
        let in_order = lanes.into_iter().take(most).map(|(_, lane)| lane).zip(0..);
        let turn_of: BTreeMap<&Lane, usize> = in_order.collect();
        // Each in the order of arrival, which the sort keeps.
        let mut turns: BTreeMap<usize, Vec<&Row>> = BTreeMap::new();
        for row in &self.rows {
            if row.state == State::Waiting
                && of(row)
                && let Some(turn) = turn_of.get(&row.lane)
            {
                turns.entry(*turn).or_default().push(row);
            }
        }
        let mut all = Vec::new();
        for rows in turns.values_mut() {
            rows.sort_by_key(|row| row.place);
            let first = rows.iter().take(request.per_lane_max);
            all.extend(first.map(|row| (row.lane.clone(), row.entry)));
        }
        all
    }
}
