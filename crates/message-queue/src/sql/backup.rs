//! What a backup asks, of a copy and of the queue that a copy has become.

use sqlx::{SqliteConnection, SqlitePool};
use stable_storage::DatabaseError;

/// All contents that have files. Whatever version the tables are of, they have these columns.
pub(crate) async fn spool_rows(
    copy: &mut SqliteConnection,
) -> Result<Vec<(String, i64)>, DatabaseError> {
    let sql = "select file, size from entry where file is not null order by file";
    Ok(sqlx::query_as(sql).fetch_all(copy).await?)
}

/// Everybody who has leased something.
pub(crate) async fn holders(pool: &SqlitePool) -> Result<Vec<String>, DatabaseError> {
    let sql = "select distinct holder from lane where holder is not null";
    Ok(sqlx::query_scalar(sql).fetch_all(pool).await?)
}

/// The lanes to other servers in which somebody waits.
pub(crate) async fn remote_lanes(pool: &SqlitePool) -> Result<Vec<String>, DatabaseError> {
    let sql = "select distinct lane from recipient where state = 0 and lane <> 'local'";
    Ok(sqlx::query_scalar(sql).fetch_all(pool).await?)
}
