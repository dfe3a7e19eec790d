//! What can't be read is set aside and reported; the rest goes on.

use mail_types::QueueId;
use message_queue::{
    Consumes, Queue,
    operator::{Filter, State, Trace},
};
use sqlx::Connection;

use crate::story::*;

/// Damages the database behind the queue's back.
async fn damage(folder: &std::path::Path, sql: &'static str, id: QueueId) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("queue.db"));
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let done = sqlx::query(sql).bind(id.to_string()).execute(&mut connection).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    connection.close().await.unwrap();
}

async fn state_of(queue: &Queue, id: QueueId) -> Vec<State> {
    let shown = queue.show(id).await.unwrap().unwrap();
    shown.recipients.into_iter().map(|recipient| recipient.state).collect()
}

#[tokio::test]
async fn damage_of_one_is_not_the_trouble_of_the_others() {
    let damages = [
        ("update entry set version = 99 where id = $1", "its version is 99"),
        ("update entry set facts = '{\"body\":7}' where id = $1", "its facts"),
        ("update entry set sender = 'no address' where id = $1", "its reverse-path"),
        ("update entry set octets = null where id = $1", "its content is missing"),
        ("update recipient set facts = 'x' where entry = $1 and number = 0", "its facts"),
        ("update recipient set address = 'x' where entry = $1 and number = 0", "its address"),
    ];
    for (sql, why) in damages {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path()).await;
        let bad = enqueue(&queue, entry(&["a@x.test"]), b"x", START).await.unwrap();
        let good = enqueue(&queue, entry(&["a@x.test"]), b"x", START).await.unwrap();
        damage(folder.path(), sql, bad).await;
        let remote = consumer(&queue, Consumes::Remote).await;
        let leases = lease(&remote, START).await;
        assert_eq!(leases.iter().map(|l| l.entry.id).collect::<Vec<_>>(), [good], "{sql}");
        assert_eq!(state_of(&queue, bad).await, [State::SetAside], "{sql}");
        let shown = queue.show(bad).await.unwrap().unwrap();
        let problem = shown.recipients[0].problem.clone().unwrap();
        assert!(problem.starts_with(why), "{sql}: {problem}");
        let journey = queue.trace(&Trace::Id(bad), 1).await.unwrap().remove(0);
        assert_eq!(journey.events.last().unwrap().what, "set-aside");
        let only = Filter { state: Some(State::SetAside), ..Filter::default() };
        assert_eq!(queue.list(&only, None, 9).await.unwrap().len(), 1);
        settle(&remote, leases.into_iter().map(|l| all(l, &delivered(), None)).collect(), START)
            .await;
        assert!(lease(&remote, after(1)).await.is_empty());
    }
}

#[tokio::test]
async fn a_newer_programs_entry_is_taken_up_again_by_that_program() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let id = enqueue(&queue, entry(&["a@x.test"]), b"x", START).await.unwrap();
    damage(folder.path(), "update entry set version = 2 where id = $1", id).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    assert!(lease(&remote, START).await.is_empty());
    // Here version 1 is the newer one.
    damage(folder.path(), "update entry set version = 1 where id = $1", id).await;
    assert_eq!(queue.release(&Filter::default(), after(1)).await.unwrap(), 1);
    assert_eq!(lease(&remote, after(1)).await.len(), 1);
}

#[tokio::test]
async fn a_content_file_that_is_gone_or_cut() {
    for cut in [None, Some(100)] {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path()).await;
        let id = enqueue(&queue, entry(&["a@x.test"]), &[b'x'; 5000], START).await.unwrap();
        let name = spool(folder.path()).remove(0);
        let path = folder.path().join("spool").join(&name[..1]).join(&name);
        match cut {
            None => std::fs::remove_file(path).unwrap(),
            Some(length) => {
                std::fs::OpenOptions::new()
                    .write(true)
                    .open(path)
                    .unwrap()
                    .set_len(length)
                    .unwrap();
            }
        }
        let remote = consumer(&queue, Consumes::Remote).await;
        assert!(lease(&remote, START).await.is_empty());
        assert_eq!(state_of(&queue, id).await, [State::SetAside]);
        assert!(queue.content(id).await.is_err());
        // The operator can still get rid of it.
        assert_eq!(queue.remove(&Filter::default(), START).await.unwrap(), 1);
        assert!(spool(folder.path()).is_empty());
    }
}

#[tokio::test]
async fn what_another_hands_over_is_not_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let new = entry(&["a@x.test", "b@here.test", "c@y.test"]);
    let id = enqueue(&queue, new, &[b'x'; 5000], START).await.unwrap();
    let local = consumer(&queue, Consumes::Local).await;
    let under_way = lease(&local, START).await;
    damage(folder.path(), "update entry set version = 99 where id = $1", id).await;
    let remote = consumer(&queue, Consumes::Remote).await;
    assert!(lease(&remote, START).await.is_empty());
    let expected = [State::SetAside, State::Leased, State::SetAside];
    assert_eq!(state_of(&queue, id).await, expected);
    let ends: Vec<_> = under_way.into_iter().map(|one| all(one, &delivered(), None)).collect();
    assert_eq!(settle(&local, ends, START).await.superseded, 0);
    assert_eq!(state_of(&queue, id).await[1], State::Delivered);
}

#[tokio::test]
async fn what_cannot_be_read_for_now_waits() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let new = entry(&["a@x.test", "b@y.test"]);
    let id = enqueue(&queue, new, &[b'x'; 5000], START).await.unwrap();
    let name = spool(folder.path()).remove(0);
    let path = folder.path().join("spool").join(&name[..1]).join(&name);
    let kept = folder.path().join("kept");
    std::fs::rename(&path, &kept).unwrap();
    // It leads to itself: an error, but not that there is nothing.
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    assert!(lease(&remote, START).await.is_empty());
    assert_eq!(state_of(&queue, id).await, [State::Waiting, State::Waiting]);
    assert!(lease(&remote, after(4)).await.is_empty());
    std::fs::remove_file(&path).unwrap();
    std::fs::rename(&kept, &path).unwrap();
    assert!(lease(&remote, after(4)).await.is_empty(), "not before its time");
    assert_eq!(lease(&remote, after(5)).await.len(), 2);
}
