//! Another server, over IMAP under TLS.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use agent_kit::{
    Connection, DriveOptions, Gone, Handler, Stop, Talk, TlsRole, drive,
    tls::{ClientPolicy, Roots},
};
use anyhow::{Context as _, bail};
use imap_core::client::{
    Ending, Facts as Told, Folder as Listed, Options, Order, Outcome, Question, Session,
};
use mail_store::SpecialUse;
use mail_types::{Flag, Keyword};
use sasl_core::client::Credentials;
use tokio::{net::TcpStream, sync::mpsc, task::JoinHandle};

use super::{
    foremost::WINDOW,
    names,
    source::{Facts, Folder, Item, Locator, Place, Window, key},
    target::Target,
    unique_ids::Pattern,
};
use crate::random;

/// How long the server may take to say anything.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pieces that wait to be written.
const PIECES: usize = 16;

/// A server, and whom one is there.
pub(crate) struct Remote {
    /// Its name, as its certificate has it.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// Whether TLS begins at once, or by STARTTLS.
    pub(crate) tls_at_once: bool,
    /// Whom to sign in as.
    pub(crate) credentials: Credentials,
    /// Whose certificates are believed.
    pub(crate) roots: Roots,
    /// How its POP3 makes unique-ids, if that is known.
    pub(crate) unique_ids: Option<Pattern>,
}

/// A connection to such a server.
pub(crate) struct Imap {
    host: String,
    name: String,
    orders: mpsc::Sender<Order>,
    events: mpsc::Receiver<Event>,
    unique_ids: Option<Pattern>,
    /// The UIDVALIDITY of the open mailbox.
    uid_validity: u64,
    /// Its messages, as they were when it was opened.
    uids: Vec<u32>,
    running: JoinHandle<()>,
}

/// What the session tells.
enum Event {
    Outcome(Outcome),
    Piece(u32, Vec<u8>),
    Message(u32),
    Ended(String),
}

impl Imap {
    /// Connects and signs in.
    pub(crate) async fn connect(remote: Remote, stop: Stop) -> anyhow::Result<Self> {
        let Remote { host, port, tls_at_once, credentials, roots, unique_ids } = remote;
        let at = || format!("{host}:{port}");
        let stream = TcpStream::connect((host.as_str(), port)).await;
        let stream = stream.with_context(|| format!("cannot connect to {}", at()))?;
        let mut connection = Connection::tcp(stream)?;
        let tls = ClientPolicy::verifying(&roots)?.for_host(&host)?;
        let options = DriveOptions::new(stop).with_tls(TlsRole::Client(tls.clone()));
        if tls_at_once {
            let limit = options.handshake_limit;
            let secured = connection.connect_tls(&tls, limit).await;
            secured.with_context(|| format!("no TLS with {}", at()))?;
        }
        let name = credentials.name.clone();
        let nonce = random::bytes()?;
        let session = Options { host: host.clone(), credentials, nonce, patience: PATIENCE };
        let (orders, ordered) = mpsc::channel(1);
        let (telling, events) = mpsc::channel(PIECES);
        let mut session = Session::new(1, session);
        let running = tokio::spawn(async move {
            let mut bridge = Bridge { orders: ordered, events: telling };
            let end = drive(&mut session, &mut bridge, connection, options).await;
            let why = match session.ending() {
                Ending::GoodBye => return,
                Ending::Broken => format!("the connection broke off: {end:?}"),
                Ending::Failed(why) => why.clone(),
            };
            // Nobody may be listening any more.
            let _ = bridge.events.send(Event::Ended(why)).await;
        });
        let (uid_validity, uids) = (0, Vec::new());
        let mut imap = Self { host, name, orders, events, unique_ids, uid_validity, uids, running };
        match imap.outcome().await? {
            Outcome::SignedIn => Ok(imap),
            other => bail!("the server did not sign {} in: {other:?}", imap.name),
        }
    }

    /// Says good-bye.
    pub(crate) async fn close(self) {
        let _ = self.orders.send(Order::Logout).await;
        drop(self.events);
        let _ = self.running.await;
    }

    async fn event(&mut self) -> anyhow::Result<Event> {
        match self.events.recv().await {
            Some(Event::Ended(why)) => bail!("{}: {why}", self.host),
            Some(event) => Ok(event),
            None => bail!("{}: the connection has ended", self.host),
        }
    }

    async fn outcome(&mut self) -> anyhow::Result<Outcome> {
        loop {
            if let Event::Outcome(outcome) = self.event().await? {
                return Ok(outcome);
            }
        }
    }

    async fn order(&mut self, order: Order) -> anyhow::Result<Outcome> {
        self.begin(order).await?;
        self.outcome().await
    }

    async fn begin(&mut self, order: Order) -> anyhow::Result<()> {
        if self.orders.send(order).await.is_err() {
            // Why it ended is the last event.
            self.outcome().await?;
        }
        Ok(())
    }

    /// The mailboxes there.
    pub(super) async fn folders(&mut self) -> anyhow::Result<Vec<Folder>> {
        let listed = match self.order(Order::List).await? {
            Outcome::Listed(listed) => listed,
            other => bail!("{} lists no mailboxes: {other:?}", self.host),
        };
        let listed: Vec<Listed> = listed.into_iter().filter(can_be_opened).collect();
        let mut readable: Vec<String> =
            listed.iter().map(|folder| names::levels(&folder.name, folder.delimiter)).collect();
        names::without_common_root(&mut readable);
        Ok(listed.into_iter().zip(readable).map(|(listed, name)| folder(listed, name)).collect())
    }

    /// The messages of a mailbox, some thousand behind one of them; what the server says if it
    /// refuses it. The mailbox is opened for the first of them, and stays open.
    pub(super) async fn messages(
        &mut self,
        wire: &str,
        behind: Option<&[u8]>,
    ) -> anyhow::Result<Result<Window, String>> {
        if behind.is_none()
            && let Err(why) = self.examine(wire).await?
        {
            return Ok(Err(why));
        }
        let window = behind_in(&self.uids, behind, WINDOW);
        let last = window.last().filter(|last| self.uids.last() != Some(last));
        let last = last.map(|uid| uid.to_be_bytes().to_vec());
        let items = window.iter().map(|uid| self.item(wire, *uid)).collect();
        Ok(Ok(Window { items, all: self.uids.len(), last }))
    }

    /// Opens a mailbox and asks for its messages.
    async fn examine(&mut self, wire: &str) -> anyhow::Result<Result<(), String>> {
        self.uids = Vec::new();
        let selected = match self.order(Order::Examine(wire.to_owned())).await? {
            Outcome::Examined(selected) => selected,
            Outcome::Refused(why) => return Ok(Err(why)),
            other => bail!("{wire} cannot be opened at {}: {other:?}", self.host),
        };
        self.uid_validity = selected.uid_validity;
        if selected.messages == 0 {
            return Ok(Ok(()));
        }
        let mut uids = match self.order(Order::Uids).await? {
            Outcome::Uids(uids) => uids,
            Outcome::Refused(why) => return Ok(Err(why)),
            other => bail!("{wire} cannot be searched at {}: {other:?}", self.host),
        };
        uids.sort_unstable();
        uids.dedup();
        self.uids = uids;
        Ok(Ok(()))
    }

    /// A message of the open mailbox.
    fn item(&self, wire: &str, uid: u32) -> Item {
        let (host, validity) = (self.host.to_lowercase(), self.uid_validity.to_be_bytes());
        let (name, octets) = (self.name.as_bytes(), uid.to_be_bytes());
        let key = key(&[b"imap", host.as_bytes(), name, wire.as_bytes(), &validity, &octets]);
        let unique_id = self.unique_ids.and_then(|pattern| pattern.of(self.uid_validity, uid));
        Item { key, locator: Locator::Uid(uid), unique_id }
    }

    /// Hands messages of the open mailbox over.
    pub(super) async fn read(&mut self, items: &[Item], target: &mut Target) -> anyhow::Result<()> {
        let mut wanted: HashMap<u32, &Item> = HashMap::new();
        for item in items {
            if let Locator::Uid(uid) = item.locator {
                wanted.insert(uid, item);
            }
        }
        let mut uids: Vec<u32> = wanted.keys().copied().collect();
        uids.sort_unstable();
        let told = match self.order(Order::Facts(uids.clone())).await? {
            Outcome::Facts(told) => told,
            Outcome::Refused(why) => {
                items.iter().for_each(|_| target.skip(format!("{}: {why}", self.host)));
                return Ok(());
            }
            other => bail!("{}: {other:?}", self.host),
        };
        let mut facts: HashMap<u32, Facts> =
            told.into_iter().map(|told| (told.uid, facts_of(&told))).collect();
        uids.retain(|uid| facts.contains_key(uid));
        if !uids.is_empty() {
            self.bodies(uids, &mut wanted, &mut facts, target).await?;
        }
        // What is left was wanted and has not come.
        self.missing(&wanted, target).await
    }

    async fn bodies(
        &mut self,
        uids: Vec<u32>,
        wanted: &mut HashMap<u32, &Item>,
        facts: &mut HashMap<u32, Facts>,
        target: &mut Target,
    ) -> anyhow::Result<()> {
        self.begin(Order::Bodies(uids)).await?;
        let mut open = None;
        loop {
            match self.event().await? {
                Event::Piece(uid, piece) => {
                    if open != Some(uid) {
                        open = Some(uid);
                        begin(uid, wanted, facts, target);
                    }
                    target.piece(&piece).await?;
                }
                Event::Message(uid) => {
                    if open != Some(uid) {
                        begin(uid, wanted, facts, target);
                    }
                    open = None;
                    target.end().await?;
                    wanted.remove(&uid);
                }
                Event::Outcome(Outcome::Refused(why)) => {
                    for uid in facts.keys() {
                        target.skip(format!("UID {uid}: {why}"));
                        wanted.remove(uid);
                    }
                    return Ok(());
                }
                Event::Outcome(_) => return Ok(()),
                Event::Ended(why) => bail!("{}: {why}", self.host),
            }
        }
    }

    /// Messages that the server has named and not handed over: those that are still there are
    /// reported, the others were removed meanwhile.
    async fn missing(
        &mut self,
        wanted: &HashMap<u32, &Item>,
        target: &mut Target,
    ) -> anyhow::Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let there = match self.order(Order::Uids).await? {
            Outcome::Uids(there) => Some(there.into_iter().collect::<HashSet<u32>>()),
            _ => None,
        };
        let is_there = |uid: &&u32| there.as_ref().is_none_or(|there| there.contains(uid));
        for uid in wanted.keys().filter(is_there) {
            target.skip(format!("UID {uid}: {} has not sent it", self.host));
        }
        Ok(())
    }
}

/// Of UIDs in their order at most so many, behind the one that was the last.
fn behind_in<'u>(uids: &'u [u32], behind: Option<&[u8]>, most: usize) -> &'u [u32] {
    let last = behind.and_then(|octets| Some(u32::from_be_bytes(octets.try_into().ok()?)));
    let start = last.map_or(0, |last| uids.partition_point(|uid| *uid <= last));
    let rest = uids.get(start..).unwrap_or_default();
    rest.get(..most).unwrap_or(rest)
}

/// A body comes: of a message that was asked for, and for the first time.
fn begin(
    uid: u32,
    wanted: &HashMap<u32, &Item>,
    facts: &mut HashMap<u32, Facts>,
    target: &mut Target,
) {
    if let (Some(item), Some(facts)) = (wanted.get(&uid), facts.remove(&uid)) {
        target.begin(item, facts);
    }
}

fn can_be_opened(folder: &Listed) -> bool {
    let never = ["\\Noselect", "\\NonExistent"];
    !folder.attributes.iter().any(|has| never.iter().any(|name| has.eq_ignore_ascii_case(name)))
}

fn folder(listed: Listed, name: String) -> Folder {
    let has = |name: &str| listed.attributes.iter().any(|has| has.eq_ignore_ascii_case(name));
    let told = listed.attributes.iter().find_map(|attribute| SpecialUse::parse(attribute));
    Folder {
        special_use: told.or_else(|| names::usual_use(&name)),
        // RFC 6154 §2: all messages, and those that are flagged, once more.
        is_all: has("\\All") || has("\\Flagged"),
        name,
        place: listed.wire.map_or(Place::Nameless, Place::Wire),
    }
}

fn facts_of(told: &Told) -> Facts {
    let flag = |text: &String| match text.to_ascii_lowercase().as_str() {
        "\\seen" => Some(Flag::Seen),
        "\\answered" => Some(Flag::Answered),
        "\\flagged" => Some(Flag::Flagged),
        "\\deleted" => Some(Flag::Deleted),
        "\\draft" => Some(Flag::Draft),
        _ => Keyword::parse(text).ok().map(Flag::Keyword),
    };
    Facts {
        flags: told.flags.iter().filter_map(flag).collect(),
        internal_date: told.internal_date.unwrap_or_else(agent_kit::now),
    }
}

/// Brings orders to the session, and its news to whoever imports.
struct Bridge {
    orders: mpsc::Receiver<Order>,
    events: mpsc::Sender<Event>,
}

impl Handler<Session> for Bridge {
    async fn answer(
        &mut self,
        question: Question,
        talk: &mut Talk<'_, Session>,
    ) -> Result<(), Gone> {
        // Where nobody listens any more, the orders are over as well.
        match question {
            Question::Next(mut next) => {
                let outcome = std::mem::replace(&mut next.outcome, Outcome::Fetched);
                let _ = self.events.send(Event::Outcome(outcome)).await;
                let order = self.orders.recv().await.unwrap_or(Order::Logout);
                let (session, wire) = talk.parts();
                next.order(session, wire, order);
            }
            Question::Piece(piece) => {
                let (session, wire) = talk.parts();
                let octets = piece.bytes(wire).to_vec();
                let _ = self.events.send(Event::Piece(piece.uid, octets)).await;
                piece.taken(session, wire);
            }
            Question::Message(message) => {
                let _ = self.events.send(Event::Message(message.uid)).await;
                message.taken(talk.parts().0);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_what_they_are_for() {
        let listed = |name: &str, attributes: &[&str]| Listed {
            name: name.to_owned(),
            wire: Some(name.to_owned()),
            delimiter: Some('/'),
            attributes: attributes.iter().map(|text| (*text).to_owned()).collect(),
        };
        let all = folder(listed("[Gmail]/All Mail", &["\\All"]), "[Gmail]/All Mail".to_owned());
        assert!(all.is_all);
        let sent = folder(listed("Gesendet", &["\\Sent"]), "Gesendet".to_owned());
        assert_eq!(sent.special_use, Some(SpecialUse::Sent));
        assert!(!can_be_opened(&listed("x", &["\\NoSelect"])));
    }

    #[test]
    fn many_messages_come_in_windows() {
        let uids = [1, 2, 5, 6, 9];
        let behind = |uid: u32| uid.to_be_bytes();
        assert_eq!(behind_in(&uids, None, 2), [1, 2]);
        assert_eq!(behind_in(&uids, Some(&behind(2)), 2), [5, 6]);
        assert_eq!(behind_in(&uids, Some(&behind(6)), 2), [9]);
        assert_eq!(behind_in(&uids, Some(&behind(9)), 2), [0; 0]);
        assert_eq!(behind_in(&[], None, 2), [0; 0]);
    }

    #[test]
    fn flags_are_taken_over_but_recent() {
        let flags = ["\\Seen", "\\Recent", "$Junk"].map(str::to_owned).to_vec();
        let facts = facts_of(&Told { uid: 1, flags, ..Told::default() });
        let shown: Vec<String> = facts.flags.iter().map(|flag| flag.as_str().to_owned()).collect();
        assert_eq!(shown, ["\\Seen", "$Junk"]);
    }
}
