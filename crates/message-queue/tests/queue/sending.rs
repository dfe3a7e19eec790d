//! What accounts send is counted with the messages themselves.

use std::time::Duration;

use mail_types::AccountId;
use message_queue::SentHour;

use crate::story::*;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn what_leaves_is_counted_by_account_and_hour() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let later = START.plus(HOUR);
    for (account, to, at) in [
        (Some(1), &["a@there.test", "b@there.test", "c@here.test"][..], START),
        (Some(1), &["a@there.test"], START),
        (Some(1), &["a@there.test"], later),
        // Neither what stays here nor what nobody submitted counts.
        (Some(1), &["c@here.test"], START),
        (None, &["a@there.test"], START),
        (Some(2), &["a@there.test"], START),
    ] {
        let mut new = entry(to);
        new.account = account.map(AccountId);
        enqueue(&queue, new, b"x\r\n", at).await.unwrap();
    }
    let hour = SentHour::of(START);
    let first = SentHour { hour, messages: 2, recipients: 3 };
    let second = SentHour { hour: hour + 1, messages: 1, recipients: 1 };
    assert_eq!(queue.sending(AccountId(1), START).await.unwrap(), [first, second]);
    assert_eq!(queue.sending(AccountId(1), later).await.unwrap(), [second]);
    assert_eq!(queue.sending(AccountId(2), START).await.unwrap().len(), 1);
    assert_eq!(queue.sending(AccountId(3), START).await.unwrap(), []);

    queue.maintain(START.plus(HOUR * 24 * 30)).await.unwrap();
    assert_eq!(queue.sending(AccountId(1), START).await.unwrap().len(), 2, "a month is kept");
    queue.maintain(START.plus(HOUR * 24 * 40)).await.unwrap();
    assert_eq!(queue.sending(AccountId(1), START).await.unwrap(), []);
}
