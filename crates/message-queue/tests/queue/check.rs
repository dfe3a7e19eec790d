//! `Queue::check`: what it finds, what it mends, and what it takes for nothing.

use message_queue::{
    Consumes, Queue,
    check::Finding,
    operator::{Filter, State},
};
use rusqlite::Connection;
use stable_storage::Files;

use crate::story::*;

async fn found(queue: &Queue, mend: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let at = mend.then_some(START);
    queue.check(at, &mut |finding| found.push(finding.clone())).await.unwrap();
    found
}

/// Changes the tables behind everybody's back.
fn damage(folder: &std::path::Path, sql: &str) {
    Connection::open(folder.join("queue.db")).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test]
async fn each_kind_of_damage_is_found_told_and_mended() {
    let rows = [
        ("orphan", "", 0),
        ("unreadable", "update entry set octets = null", 1),
        ("unreadable", "update entry set octets = x'00'", 1),
        ("unreadable", "update entry set version = 99", 1),
        ("unreadable", "update recipient set facts = '{'", 1),
        ("finished", "update recipient set state = 10", 0),
        ("ownerless", "delete from entry", 0),
        ("lane", "update lane set due = null, line = null", 1),
        ("lane", "delete from lane", 1),
        ("lane", "update recipient set state = 1", 1),
        ("lane", "update lane set due = 5", 1),
    ];
    for (kind, sql, left) in rows {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path()).await;
        enqueue(&queue, entry(&["a@x.test"]), b"content", START).await.unwrap();
        assert_eq!(found(&queue, false).await, [], "before {sql}");
        damage(folder.path(), sql);
        if kind == "orphan" {
            std::fs::write(folder.path().join("spool/o/orphanorphanorphanor"), "x").unwrap();
        }
        let looked: Vec<_> = found(&queue, false).await;
        assert!(looked.iter().any(|finding| finding.kind() == kind), "{sql}: {looked:?}");
        // One may lie behind another.
        let told = found(&queue, true).await;
        assert!(told.starts_with(&looked), "{sql}: only looking changes nothing: {told:?}");
        assert_eq!(found(&queue, false).await, [], "{sql}: not mended");
        let all = queue.list(&Filter::default(), None, 9).await.unwrap();
        let expected = if kind == "orphan" { 1 } else { left };
        assert_eq!(all.len(), expected, "{sql}");
        match kind {
            "unreadable" => {
                assert_eq!(all[0].recipients[0].state, State::SetAside, "{sql}");
                let why = all[0].recipients[0].problem.clone();
                assert!(why.is_some_and(|why| !why.is_empty()), "{sql}");
            }
            "lane" => {
                let remote = consumer(&queue, Consumes::Remote).await;
                assert_eq!(lease(&remote, START).await.len(), 1, "{sql}: it goes its way");
            }
            _ => {}
        }
        assert_eq!(spool(folder.path()), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_content_that_is_missing_or_cut_is_found_at_the_start_and_by_command() {
    for cut in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path()).await;
        enqueue(&queue, entry(&["a@x.test"]), &[b'x'; 3000], START).await.unwrap();
        enqueue(&queue, entry(&["b@x.test"]), &[b'x'; 3000], START).await.unwrap();
        let name = spool(folder.path()).remove(0);
        let path = folder.path().join("spool").join(&name[..1]).join(&name);
        if cut {
            std::fs::File::options().write(true).open(&path).unwrap().set_len(10).unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
        let looked = found(&queue, false).await;
        let [Finding::Unreadable { why, recipient: None, .. }] = &looked[..] else {
            panic!("{looked:?}")
        };
        assert!(why.contains(&name), "{why}");
        if cut {
            found(&queue, true).await;
        } else {
            // What is missing is set aside when the first agent starts, not when it is leased.
            queue.maintain(START).await.unwrap();
        }
        assert_eq!(found(&queue, false).await, []);
        let aside = Filter { state: Some(State::SetAside), ..Filter::default() };
        assert_eq!(queue.list(&aside, None, 9).await.unwrap().len(), 1);
        let remote = consumer(&queue, Consumes::Remote).await;
        assert_eq!(lease(&remote, START).await.len(), 1, "the other one is not its trouble");
    }
}

/// While others enqueue, lease and settle, nothing of theirs is taken for damage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_works_meanwhile_leaves_no_finding() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let other = Queue::open(options(folder.path()), Files::real()).await.unwrap();
    let working = tokio::spawn(async move {
        let local = consumer(&other, Consumes::Local).await;
        for n in 0..60usize {
            let mut draft = other.draft();
            // Large enough for a file before it is sealed.
            draft.write(&vec![b'x'; if n % 2 == 0 { 300_000 } else { 10 }]).await.unwrap();
            tokio::task::yield_now().await;
            other.enqueue(entry(&["a@here.test", "b@x.test"]), draft, START).await.unwrap();
            let leases = lease(&local, START).await;
            let ends = leases.into_iter().map(|lease| all(lease, &delivered(), None)).collect();
            settle(&local, ends, START).await;
        }
        let remote = consumer(&other, Consumes::Remote).await;
        let leases = lease(&remote, START).await;
        let ends = leases.into_iter().map(|lease| all(lease, &delivered(), None)).collect();
        settle(&remote, ends, START).await;
    });
    let mut rounds = 0;
    while !working.is_finished() {
        let found: Vec<_> = found(&queue, true).await;
        // A finished entry's file may be seen between its last settlement and its unlinking.
        let real: Vec<_> = found.iter().filter(|one| one.kind() != "orphan").collect();
        assert!(real.is_empty(), "{real:?}");
        queue.maintain(START).await.unwrap();
        rounds += 1;
    }
    working.await.unwrap();
    assert!(rounds > 0);
    assert_eq!(found(&queue, false).await, []);
    assert!(spool(folder.path()).is_empty());
}
