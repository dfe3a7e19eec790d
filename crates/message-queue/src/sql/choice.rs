//! Which recipients the operator means, as a condition.
//!
//! Only what was said stands in the condition, so that SQLite can go by an index where there is
//! one. Parameters $1 to $7 are a choice's, further ones the statement's.

use sqlx::{Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};
use stable_storage::DatabaseError;

/// A lane with more recipients is gone through in the order that pages have; with fewer, it is
/// quicker to sort them.
const FEW: i64 = 2000;

/// Which recipients are meant; nothing said means all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    pub(crate) entry: Option<String>,
    pub(crate) lane: Option<String>,
    pub(crate) state: Option<i64>,
    /// An address, or `@` and a domain.
    pub(crate) address: Option<String>,
    /// The same, or empty for the null reverse-path.
    pub(crate) sender: Option<String>,
    pub(crate) queued_before: Option<i64>,
    pub(crate) reason: Option<String>,
    pub(crate) whole_reason: bool,
}

impl Choice {
    /// The condition on `recipient`, for pages in the order of entries or of rows.
    pub(crate) async fn condition(
        &self,
        moment: &mut SqliteConnection,
    ) -> Result<String, DatabaseError> {
        let mut all = Vec::new();
        let mut say = |text: &str| all.push(text.to_owned());
        if self.entry.is_some() {
            say("recipient.entry = $1");
        }
        if let Some(lane) = &self.lane {
            let open = self.state.is_none_or(|state| state < 10);
            let few = open && self.entry.is_none() && is_small(moment, lane).await?;
            say(if few { OF_SMALL_LANE } else { "+recipient.lane = $2" });
        }
        say(if self.state.is_some() { "+recipient.state = $3" } else { "+recipient.state < 10" });
        if let Some(address) = &self.address {
            say(&matches("recipient.address", "$4", address));
        }
        if self.sender.is_some() || self.queued_before.is_some() {
            let sender = self.sender.as_ref().map(|sender| matches("entry.sender", "$5", sender));
            let before = self.queued_before.map(|_| "entry.queued_at < $6".to_owned());
            let both: Vec<String> = sender.into_iter().chain(before).collect();
            say(&format!(
                "exists (select 1 from entry where entry.id = recipient.entry and {})",
                both.join(" and ")
            ));
        }
        if self.reason.is_some() {
            say(match self.whole_reason {
                true => "recipient.problem = $7",
                false => "instr(lower(recipient.problem), lower($7)) > 0",
            });
        }
        Ok(all.join(" and "))
    }

    /// Binds $1 to $7.
    pub(crate) fn bind<'q>(
        &self,
        query: Query<'q, Sqlite, SqliteArguments>,
    ) -> Query<'q, Sqlite, SqliteArguments> {
        query
            .bind(self.entry.clone())
            .bind(self.lane.clone())
            .bind(self.state)
            .bind(self.address.clone())
            .bind(self.sender.clone())
            .bind(self.queued_before)
            .bind(self.reason.clone())
    }
}

fn matches(column: &str, parameter: &str, value: &str) -> String {
    if value.starts_with('@') {
        format!("substr({column}, -length({parameter})) = {parameter} collate nocase")
    } else {
        format!("{column} = {parameter} collate nocase")
    }
}

/// Open recipients of a lane, each kind by its index.
const OF_SMALL_LANE: &str = "recipient.number_of_all in (
    select number_of_all from recipient where lane = $2 and state = 0
    union all select number_of_all from recipient where lane = $2 and state = 1
    union all select number_of_all from recipient where lane = $2 and state between 2 and 3)";

async fn is_small(moment: &mut SqliteConnection, lane: &str) -> Result<bool, DatabaseError> {
    let sql = "
        select (select count(*) from
                   (select 1 from recipient where lane = $1 and state = 0 limit $2))
             + (select count(*) from
                   (select 1 from recipient where lane = $1 and state = 1 limit $2))
             + (select count(*) from
                   (select 1 from recipient where lane = $1 and state between 2 and 3 limit $2))";
    let count: i64 =
        sqlx::query_scalar(sql).bind(lane.to_owned()).bind(FEW).fetch_one(moment).await?;
    Ok(count < FEW)
}
