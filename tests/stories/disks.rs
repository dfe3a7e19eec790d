//! A disk that is full, and one that can't be written any more: senders hear that they shall come
//! again, nobody breaks, nothing is lost, and when the disk is well so is everything else.

use std::{fs, io::Write, path::Path};

use testkit::{failing_disk, small_disk};

use crate::stack::{PASSWORD, Plan, Stack, client::Client, messages::numbered, wait_for};

const AGENTS: [&str; 5] =
    ["smtp-submission", "smtp-relay", "delivery-agent", "imap-server", "pop3-server"];

#[test]
fn a_full_disk_is_told_to_all_and_loses_nothing() {
    small_disk::run("stories::disks::child_on_a_full_disk", 64 * 1024);
}

#[test]
fn a_read_only_disk_is_told_to_all_and_loses_nothing() {
    failing_disk::run("stories::disks::child_on_a_read_only_disk", 64);
}

/// Not a test by itself: runs on the small disk.
#[test]
fn child_on_a_full_disk() {
    let Some(disk) = small_disk::here() else { return };
    let house = House::on(&disk);
    let before = house.processes();
    let ballast = disk.join("ballast");
    fill(&ballast);
    house.refuses();
    assert_eq!(house.processes(), before, "an agent broke");
    fs::remove_file(&ballast).unwrap();
    house.serves(1);
    assert_eq!(house.processes(), before, "an agent broke");
}

/// Not a test by itself: runs on the disk that fails.
#[test]
fn child_on_a_read_only_disk() {
    let Some(disk) = failing_disk::here() else { return };
    let mut house = House::on(&disk.path);
    let before = house.processes();
    // What this test wrote itself. What follows is on the disk because the agents saw to it.
    disk.sync().unwrap();
    for number in 3..6 {
        assert!(house.submit(number, "x@elsewhere.test").unwrap().starts_with("250"));
    }
    disk.fail().unwrap();
    house.refuses();
    assert_eq!(house.processes(), before, "an agent broke");
    house.stack.down();
    disk.mend().unwrap();
    house.stack.up();
    house.serves(4);
}

/// Takes all the room there is.
fn fill(ballast: &Path) {
    let mut file = fs::File::create(ballast).unwrap();
    for size in [1 << 16, 1 << 12, 1 << 8] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

struct House {
    stack: Stack,
    alice: String,
    bob: String,
}

impl House {
    /// A house on this disk, with one message in a mailbox and one that waits.
    fn on(disk: &Path) -> Self {
        let plan = Plan::new("disk.test", &["alice", "bob"])
            .set("routes", "\"elsewhere.test\" = \"hold: until the disk is well\"")
            .set("submission", "max_message_size = \"1 MiB\"")
            .set("relay", "max_message_size = \"1 MiB\"")
            .set("imap", "max_message_size = \"1 MiB\"");
        let stack = Stack::start_in(disk, plan);
        let (alice, bob) = (stack.address("alice"), stack.address("bob"));
        let house = Self { stack, alice, bob };
        assert!(house.submit(1, &house.bob).unwrap().starts_with("250"));
        assert!(house.submit(2, "x@elsewhere.test").unwrap().starts_with("250"));
        house.count(1);
        house
    }

    fn submit(&self, number: usize, to: &str) -> std::io::Result<String> {
        let mut msa = Client::submission(self.stack.listener("smtp-submission-tls"), &self.alice)?;
        msa.mail(&self.alice, &[to], &numbered(&self.alice, to, number))
    }

    fn relay(&self, number: usize) -> std::io::Result<String> {
        let mut mta = Client::smtp(self.stack.listener("smtp-relay"))?;
        mta.mail("x@elsewhere.test", &[&self.bob], &numbered("x@elsewhere.test", &self.bob, number))
    }

    /// So many messages are in the mailbox.
    fn count(&self, count: usize) {
        let mut imap = Client::imap(self.stack.listener("imap-tls"), &self.bob).unwrap();
        wait_for("the messages", || (imap.imap_count("INBOX") == count).then_some(()));
    }

    fn processes(&self) -> Vec<u32> {
        AGENTS.iter().map(|agent| self.stack.process(agent)).collect()
    }

    /// Whoever wants to put something in hears that it can't be now. Whoever reads does, or hears
    /// the same: a mailbox is opened by writing.
    fn refuses(&self) {
        for number in 100..103 {
            for reply in [self.submit(number, &self.bob), self.relay(number)] {
                let reply = reply.unwrap();
                assert!(reply.starts_with('4'), "{reply}");
            }
        }
        let mut imap = Client::imap(self.stack.listener("imap-tls"), &self.bob).unwrap();
        for command in ["SELECT INBOX", "STATUS INBOX (MESSAGES)", "CREATE \"New one\""] {
            let answer = imap.imap_command(command).unwrap();
            let answer = String::from_utf8_lossy(answer.last().unwrap()).into_owned();
            let words = answer.split_once(' ').map_or("", |(_, words)| words);
            let temporary = ["OK ", "NO [UNAVAILABLE] ", "NO [SERVERBUG] ", "NO [LIMIT] "];
            assert!(temporary.iter().any(|good| words.starts_with(good)), "{command}: {answer}");
        }
        let mut pop3 = Client::connect_tls(self.stack.listener("pop3-tls")).unwrap();
        pop3.line().unwrap();
        pop3.send(format!("USER {}\r\nPASS {PASSWORD}\r\n", self.bob).as_bytes()).unwrap();
        assert!(pop3.line().unwrap().starts_with("+OK"));
        let answer = pop3.line().unwrap();
        assert!(answer.starts_with("+OK") || answer.starts_with("-ERR [SYS/TEMP]"), "{answer}");
    }

    /// All is as it was, so many messages wait, and it goes on.
    fn serves(&self, waiting: usize) {
        self.count(1);
        for reply in [self.submit(200, &self.bob), self.relay(201)] {
            let reply = reply.unwrap();
            assert!(reply.starts_with("250"), "{reply}");
        }
        self.count(3);
        let listed = self.stack.json(&["queue", "list"]);
        assert_eq!(listed.as_array().map(Vec::len), Some(waiting), "{listed}");
        assert_eq!(listed.to_string().matches("x@elsewhere.test").count(), waiting, "{listed}");
    }
}
