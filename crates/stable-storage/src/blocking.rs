//! The way to blocking threads.

use std::io;

/// Runs `work`, which may wait for a disk, on a thread where waiting disturbs nobody. Once begun
/// it runs to its end, even if the caller is dropped.
///
/// A panic inside `work` goes on in the caller.
pub async fn on_blocking_thread<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(io::Error::other("the runtime stops").into()),
        },
    }
}
