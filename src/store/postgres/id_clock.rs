//! Id clock: ids of inbound messages, from the database's clock.

use palabre_actors::domain::ids::InboundId;
use sea_orm::DbErr;
use uuid::Uuid;

use super::sql;
use crate::store::statement::{SqlExecutor, count, rows};
use crate::store::values::corrupt;

/// Makes UUIDv7 that are larger than all before them, on whatever node: the order of ids is the order of acceptance
/// (I3). Of two messages the first of which was answered before the other came in, the other has the larger id,
/// whatever the nodes' clocks say.
pub(in crate::store) async fn inbound_ids(
    executor: &impl SqlExecutor,
    how_many: usize,
) -> Result<Vec<InboundId>, DbErr> {
    let rows = rows(executor, sql::NEXT_ID_TICKS, vec![count(how_many)]).await?;
    let first: i64 = rows.first().ok_or_else(|| corrupt("a tick"))?.get(0)?;
    let first = u64::try_from(first).map_err(|_| corrupt("a tick"))?;
    Ok((first..).take(how_many).map(|tick| id_of(tick, Uuid::now_v7())).collect())
}

/// Milliseconds in the first 48 bits, what is left of the microseconds in the next 12 (RFC 9562, 6.2, method 3), and the
/// random bits of another id.
fn id_of(tick: u64, random: Uuid) -> InboundId {
    let (millis, micros) = (u128::from(tick / 1000), u128::from(tick % 1000));
    let fraction = micros * 4096 / 1000;
    let tail = random.as_u128() & ((1 << 64) - 1);
    InboundId(Uuid::from_u128(millis << 80 | 7 << 76 | fraction << 64 | tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i3_every_tick_has_a_larger_id_than_the_one_before_it() {
        let start = 1_795_233_300_123_456;
        let ids: Vec<_> = (start..start + 5_000).map(|tick| id_of(tick, Uuid::now_v7())).collect();
        assert!(ids.is_sorted_by(|before, after| before < after));
        let first = ids[0].0;
        assert_eq!((first.get_version_num(), first.get_variant()), (7, uuid::Variant::RFC4122));
        let (seconds, nanos) = first.get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos / 1_000_000), (1_795_233_300, 123));
    }
}
