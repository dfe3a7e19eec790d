//! The database: one row an account. What is written into it, and by whom.

use std::path::Path;

use mail_types::{AccountId, Domain, MailVolume, Quota, Timestamp};
use stable_storage::{
    Apply, Bell, Database, DatabaseError, Direct, Durability, Migration, Opening, Writer,
};

use crate::{Thresholds, Usage, UsageReader, room::is_nearly_full};

const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "usage of accounts",
        sql: "create table usage (
            account integer primary key,
            octets integer not null,
            messages integer not null,
            version integer not null
        ) strict",
    },
    Migration {
        name: "when it got full, and what was told of that",
        sql: "
            -- since when nothing more has room, or something had none, in milliseconds
            alter table usage add column full_since integer;
            -- the highest threshold that is reached, in percent
            alter table usage add column reached integer not null default 0;
            -- the highest one that its owner was told of and that it is not below since
            alter table usage add column warned integer not null default 0;
        ",
    },
    Migration {
        name: "what postmasters were told of their domains",
        sql: "create table domain_warned (
            domain text primary key,
            -- the highest threshold, in percent, that it is not below since
            warned integer not null
        ) strict, without rowid",
    },
];

pub(crate) fn opening(path: &Path) -> Opening {
    // What is lost in a power cut is published again with the next change, and is no promise.
    Opening { durability: Durability::Normal, ..Opening::new(path, MIGRATIONS) }
}

/// Makes the database at this path, or brings it up to date.
pub async fn migrate(path: &Path) -> Result<(), DatabaseError> {
    Database::open_or_migrate(opening(path)).await?.close().await;
    Ok(())
}

/// For those who change mailboxes. A clone is the same one.
#[derive(Clone, Debug)]
pub struct UsagePublisher {
    reader: UsageReader,
    writer: Writer<Rows>,
    thresholds: Thresholds,
    bell: Bell,
}

impl UsagePublisher {
    /// Opens the database; at these thresholds accounts are warned.
    pub async fn open(path: &Path, thresholds: Thresholds) -> Result<Self, DatabaseError> {
        let database = Database::open(opening(path)).await?;
        let writer = database.writer(Rows)?;
        let bell = bell(path);
        Ok(Self { reader: UsageReader { database }, writer, thresholds, bell })
    }

    /// Publishes what an account holds, which may hold so much; an older version than the one that
    /// stands changes nothing, and the answer is false. Many at once share a transaction. Whoever
    /// writes warnings is woken if one is due.
    pub async fn publish(
        &self,
        account: AccountId,
        usage: Usage,
        quota: &Quota,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        self.publish_as(account, usage, quota, now, false).await
    }

    /// Publishes what an account holds, whatever stands: also in place of a version that its index
    /// never had. `count` asks the account once more.
    pub async fn publish_counted<E, C>(
        &self,
        account: AccountId,
        usage: Usage,
        (quota, now): (&Quota, Timestamp),
        count: impl Fn() -> C,
    ) -> Result<(), E>
    where
        E: From<DatabaseError>,
        C: Future<Output = Result<Usage, E>>,
    {
        if self.publish(account, usage, quota, now).await? {
            return Ok(());
        }
        // Somebody was faster; or what stands is of an index that is lost, and that was made when the
        // clock was ahead. What is read first was true before the account is asked.
        let known = self.usage(account).await?.unwrap_or_default();
        let held = count().await?;
        if known.version > held.version {
            self.correct(account, held, quota, now).await?;
            // What others published just before that was in vain.
            self.publish(account, count().await?, quota, now).await?;
        }
        Ok(())
    }

    /// Publishes in place of a version that the account's index never had: of one that is lost, and
    /// that was made when the clock was ahead. Who holds a version that is his own publishes it
    /// once more behind this.
    pub async fn correct(
        &self,
        account: AccountId,
        usage: Usage,
        quota: &Quota,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        self.publish_as(account, usage, quota, now, true).await.map(drop)
    }

    async fn publish_as(
        &self,
        account: AccountId,
        usage: Usage,
        quota: &Quota,
        now: Timestamp,
        corrects: bool,
    ) -> Result<bool, DatabaseError> {
        let held = usage.volume();
        let reached = self.thresholds.reached(quota, held);
        let (is_full, is_nearly_full) = (quota.is_full(held), is_nearly_full(quota, held));
        let publication =
            Publication { account, usage, reached, is_full, is_nearly_full, corrects, now };
        let Written { stands, due } = self.writer.submit(Job::Publish(publication)).await?;
        if due {
            self.bell.ring(b"");
        }
        Ok(stands)
    }

    /// Something had no room by the account's own limit. If not even a small message has, the
    /// account counts as full from now on, until it holds less or may hold more.
    pub async fn note_refused(
        &self,
        account: AccountId,
        held: MailVolume,
        quota: &Quota,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        if !is_nearly_full(quota, held) {
            return Ok(());
        }
        self.writer.submit(Job::Refused(account, now)).await.map(drop)
    }

    /// The owner was told of this threshold.
    pub async fn note_warned(
        &self,
        account: AccountId,
        threshold: u32,
    ) -> Result<(), DatabaseError> {
        self.writer.submit(Job::Warned(account, threshold)).await.map(drop)
    }

    /// The highest threshold that such a holding of mail reaches, in percent; 0 for none.
    pub fn reached(&self, quota: &Quota, held: MailVolume) -> u32 {
        self.thresholds.reached(quota, held)
    }

    /// A domain's postmaster was told of this threshold, or it is below what he was told of.
    pub async fn note_domain_warned(
        &self,
        domain: &Domain,
        threshold: u32,
    ) -> Result<(), DatabaseError> {
        self.writer.submit(Job::DomainWarned(domain.clone(), threshold)).await.map(drop)
    }

    /// What was published last for an account.
    pub async fn usage(&self, account: AccountId) -> Result<Option<Usage>, DatabaseError> {
        self.reader.usage(account).await
    }

    /// For questions.
    pub fn reader(&self) -> &UsageReader {
        &self.reader
    }

    /// Rings when a warning is due, in whichever process that turned out.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }
}

fn bell(path: &Path) -> Bell {
    Bell::at(path.with_file_name("bell"))
}

/// What is to be written.
#[derive(Debug)]
enum Job {
    Publish(Publication),
    Refused(AccountId, Timestamp),
    Warned(AccountId, u32),
    DomainWarned(Domain, u32),
}

#[derive(Debug)]
struct Publication {
    account: AccountId,
    usage: Usage,
    reached: u32,
    is_full: bool,
    is_nearly_full: bool,
    /// Whatever version stands.
    corrects: bool,
    now: Timestamp,
}

/// What a job came to.
#[derive(Debug, Clone, Copy, Default)]
struct Written {
    /// Whether a publication is what stands now.
    stands: bool,
    /// Whether a warning is due now.
    due: bool,
}

struct Rows;

impl Apply for Rows {
    type Job = Job;
    type Answer = Written;
    type Error = DatabaseError;

    fn apply(&mut self, connection: &Direct, jobs: &[Job]) -> Result<Vec<Written>, DatabaseError> {
        jobs.iter().map(|job| write(connection, job)).collect()
    }
}

fn write(connection: &Direct, job: &Job) -> Result<Written, DatabaseError> {
    match job {
        Job::Publish(publication) => return publish(connection, publication),
        Job::Refused(account, now) => {
            connection.execute(
                "insert into usage (account, octets, messages, version, full_since)
                 values ($1, 0, 0, 0, $2)
                 on conflict (account) do update set full_since = coalesce(full_since, $2)",
                &[&account.0, &now.millis()],
            )?;
        }
        Job::Warned(account, threshold) => {
            connection.execute(
                "update usage set warned = max(warned, min(reached, $2)) where account = $1",
                &[&account.0, threshold],
            )?;
        }
        Job::DomainWarned(domain, threshold) => {
            connection.execute(
                "insert or replace into domain_warned (domain, warned) values ($1, $2)",
                &[&domain.as_str(), threshold],
            )?;
        }
    }
    Ok(Written::default())
}

fn publish(connection: &Direct, publication: &Publication) -> Result<Written, DatabaseError> {
    let Publication { account, usage, reached, is_full, is_nearly_full, corrects, now } =
        publication;
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let full_since = is_full.then_some(now.millis());
    let mut written = Written::default();
    connection.run(
        "insert into usage (account, octets, messages, version, full_since, reached)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (account) do update set
             full_since = case
                 when excluded.full_since is not null
                     then coalesce(full_since, excluded.full_since)
                 when not $7 then null
                 when excluded.octets < octets or excluded.messages < messages then null
                 else full_since end,
             octets = excluded.octets, messages = excluded.messages,
             version = excluded.version, reached = excluded.reached,
             warned = min(warned, excluded.reached)
         where excluded.version >= version or $8
         returning reached > warned",
        &[
            &account.0,
            &number(usage.octets),
            &number(usage.messages),
            &usage.version,
            &full_since,
            reached,
            is_nearly_full,
            corrects,
        ],
        |row| {
            written = Written { stands: true, due: row.get(0)? };
            Ok(())
        },
    )?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mail_types::{Allotment, MailVolume, Over};

    use super::*;
    use crate::{DueWarning, Patience, Room};

    const ALICE: AccountId = AccountId(1);
    const HUNDRED: Quota = Quota { octets: Some(100), messages: None };

    fn usage(octets: u64, version: i64) -> Usage {
        Usage { octets, messages: 1, version }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    async fn publisher(path: &Path) -> UsagePublisher {
        migrate(path).await.unwrap();
        UsagePublisher::open(path, Thresholds::new([80, 95])).await.unwrap()
    }

    #[tokio::test]
    async fn the_newest_version_stays_whatever_the_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.db");
        assert!(UsageReader::open(&path).await.is_err());
        let (one, other) = (publisher(&path).await, publisher(&path).await);
        let reader = UsageReader::open(&path).await.unwrap();
        assert_eq!(reader.usage(ALICE).await.unwrap(), None);

        one.publish(ALICE, usage(300, 3), &Quota::NONE, at(1)).await.unwrap();
        other.publish(ALICE, usage(200, 2), &Quota::NONE, at(1)).await.unwrap();
        assert_eq!(reader.usage(ALICE).await.unwrap(), Some(usage(300, 3)));

        let mut publications = tokio::task::JoinSet::new();
        for version in 4..100_u32 {
            let publisher = if version % 2 == 0 { one.clone() } else { other.clone() };
            let usage = usage(u64::from(version) * 100, i64::from(version));
            publications.spawn(async move {
                publisher.publish(ALICE, usage, &Quota::NONE, at(1)).await.unwrap();
            });
        }
        publications.join_all().await;
        assert_eq!(reader.usage(ALICE).await.unwrap(), Some(usage(9900, 99)));
        assert_eq!(one.usage(AccountId(2)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_threshold_is_told_of_once_until_the_account_was_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.db");
        let publisher = publisher(&path).await;
        let listener = publisher.bell().listen().unwrap();
        let reader = publisher.reader();
        let mut version = 0;
        let mut holds = async |octets| {
            version += 1;
            publisher.publish(ALICE, usage(octets, version), &HUNDRED, at(1)).await.unwrap();
            let due = reader.due_warnings().await.unwrap();
            let threshold = due.first().map_or(0, |due| due.threshold);
            let held = MailVolume { octets, messages: 1 };
            let expected = DueWarning { account: ALICE, threshold, held };
            assert!(due.is_empty() || due == [expected], "{due:?}");
            if threshold > 0 {
                listener.rung().await;
                publisher.note_warned(ALICE, threshold).await.unwrap();
            }
            threshold
        };
        for (octets, warned) in
            [(79, 0), (80, 80), (90, 0), (95, 95), (100, 0), (85, 0), (96, 95), (10, 0), (99, 95)]
        {
            assert_eq!(holds(octets).await, warned, "{octets}");
        }
    }

    #[tokio::test]
    async fn an_account_is_full_until_it_holds_less() {
        let folder = tempfile::tempdir().unwrap();
        let publisher = publisher(&folder.path().join("usage.db")).await;
        let quota = |octets| Quota { octets: Some(octets), messages: None };
        let limit = quota(10_000);
        let room = async |size, seconds| {
            let patience = Patience { grace: Duration::from_secs(50), now: at(seconds) };
            let more = MailVolume::message(size);
            let allotment = Allotment::alone(ALICE, limit);
            publisher.reader().room(&allotment, more, &patience).await.unwrap()
        };
        let publish = async |octets, version, seconds| {
            let usage = usage(octets, version);
            publisher.publish(ALICE, usage, &limit, at(seconds)).await.unwrap();
        };
        let refused = async |octets, seconds| {
            let held = MailVolume { octets, messages: 1 };
            publisher.note_refused(ALICE, held, &limit, at(seconds)).await.unwrap();
        };
        assert_eq!(room(10_000, 0).await, Room::Enough, "nothing is known yet");
        // That a large message has no room is no reason to give up any later.
        publish(1000, 1, 1).await;
        refused(1000, 2).await;
        assert_eq!(room(9001, 1000).await, Room::NotNow(Over::Octets));
        // It isn't full, but a small message had no room.
        publish(9950, 2, 1010).await;
        refused(9950, 1020).await;
        refused(9950, 1060).await;
        assert_eq!(room(51, 1070).await, Room::NotNow(Over::Octets));
        assert_eq!(room(51, 1071).await, Room::NotAnyMore(Over::Octets));
        assert_eq!(room(50, 1071).await, Room::Enough);
        // More of it is no reason to wait again; less is.
        publish(9960, 3, 1080).await;
        assert_eq!(room(51, 1081).await, Room::NotAnyMore(Over::Octets));
        publish(9955, 4, 1090).await;
        assert_eq!(room(51, 2000).await, Room::NotNow(Over::Octets));
        publish(10_000, 5, 2000).await;
        publish(12_000, 6, 2040).await;
        publish(10_001, 7, 2045).await;
        assert_eq!(room(1, 2050).await, Room::NotNow(Over::Octets));
        assert_eq!(room(1, 2051).await, Room::NotAnyMore(Over::Octets), "still full");
        // It may hold more for a while.
        publisher.publish(ALICE, usage(10_001, 7), &quota(20_000), at(2060)).await.unwrap();
        assert_eq!(room(1, 3000).await, Room::NotNow(Over::Octets));
    }

    #[tokio::test]
    async fn a_version_of_a_clock_that_was_ahead_is_corrected() {
        let folder = tempfile::tempdir().unwrap();
        let publisher = publisher(&folder.path().join("usage.db")).await;
        publisher.publish(ALICE, usage(70, 9000), &HUNDRED, at(1)).await.unwrap();
        assert!(!publisher.publish(ALICE, usage(10, 5), &HUNDRED, at(2)).await.unwrap());
        assert_eq!(publisher.usage(ALICE).await.unwrap(), Some(usage(70, 9000)));
        publisher.correct(ALICE, usage(10, 5), &HUNDRED, at(2)).await.unwrap();
        assert!(publisher.publish(ALICE, usage(20, 6), &HUNDRED, at(3)).await.unwrap());
        assert_eq!(publisher.usage(ALICE).await.unwrap(), Some(usage(20, 6)));
    }

    /// Whoever changes the mailbox next, and whatever stands.
    #[tokio::test]
    async fn what_was_counted_stands_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let publisher = publisher(&folder.path().join("usage.db")).await;
        let check = async |standing: Usage, published: Usage, counted: Usage, expected: Usage| {
            publisher.correct(ALICE, standing, &HUNDRED, at(1)).await.unwrap();
            let count = async || Ok::<_, DatabaseError>(counted);
            let told = (&HUNDRED, at(2));
            publisher.publish_counted(ALICE, published, told, count).await.unwrap();
            assert_eq!(publisher.usage(ALICE).await.unwrap(), Some(expected));
        };
        check(usage(70, 4), usage(10, 5), usage(0, 0), usage(10, 5)).await;
        // Somebody was faster, and told what is there now.
        check(usage(70, 6), usage(10, 5), usage(70, 6), usage(70, 6)).await;
        // No index of this account has that version.
        check(usage(70, 9000), usage(10, 5), usage(20, 6), usage(20, 6)).await;
    }

    #[tokio::test]
    async fn it_is_known_what_a_domain_was_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        let publisher = publisher(&folder.path().join("usage.db")).await;
        let (one, other) =
            (Domain::parse("A.example").unwrap(), Domain::parse("b.example").unwrap());
        for threshold in [80, 95, 0] {
            publisher.note_domain_warned(&one, threshold).await.unwrap();
            assert_eq!(publisher.reader().domain_warned(&one).await.unwrap(), threshold);
        }
        assert_eq!(publisher.reader().domain_warned(&other).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_domain_holds_what_its_accounts_do() {
        let folder = tempfile::tempdir().unwrap();
        let publisher = publisher(&folder.path().join("usage.db")).await;
        let ids = [ALICE, AccountId(2), AccountId(3)];
        for (id, octets) in ids.into_iter().zip([30, 40]) {
            publisher.publish(id, usage(octets, 1), &Quota::NONE, at(1)).await.unwrap();
        }
        publisher.publish(AccountId(4), usage(500, 1), &Quota::NONE, at(1)).await.unwrap();
        let reader = publisher.reader();
        let held = reader.together(&ids).await.unwrap();
        assert_eq!(held, MailVolume { octets: 70, messages: 2 });
        let own = Allotment::alone(AccountId(3), Quota::NONE);
        let shared = Allotment { domain: HUNDRED, sharing: ids.to_vec(), ..own };
        let patience = Patience { grace: Duration::ZERO, now: at(9) };
        let room =
            async |size| reader.room(&shared, MailVolume::message(size), &patience).await.unwrap();
        assert_eq!(room(30).await, Room::Enough);
        assert_eq!(room(31).await, Room::NotNow(Over::Octets));
    }
}
