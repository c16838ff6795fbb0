//! Cycles that were brought in from files, as the screen of cycles shows them: no session hands those on that came
//! after the last one ended.

use rusqlite::Connection;

use crate::domain::{Around, CauseClass, CycleCause, CycleCounts, CycleRecord, CycleWhy, Moment, Text};
use crate::engine::history::import::IMPORTED;
use crate::engine::history::recent::unsigned;
use crate::engine::history::schema::Trouble;

/// How many of the newest are told.
const TOLD: u32 = 300;
/// How many causes of each.
const CAUSES: u32 = 12;

/// The imported cycles that are not among the known ones.
///
/// # Errors
/// When the history cannot be read.
pub(super) fn cycles(connection: &Connection, known: &[CycleRecord]) -> Result<Vec<CycleRecord>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT run.cycle, run.what, session.started, run.ended, run.selected, run.finished, run.passed, run.failed,
         run.lost, run.not_run, run.id, (SELECT sum(tries) FROM attempt WHERE attempt.run = run.id)
         FROM run JOIN session ON session.id = run.session
         WHERE session.how = ?1 AND run.kind = 'test' ORDER BY run.cycle DESC LIMIT ?2",
    )?;
    let mut rows = statement.query((IMPORTED, TOLD))?;
    let mut told = Vec::new();
    while let Some(row) = rows.next()? {
        let number: u32 = row.get(0)?;
        if known.iter().any(|record| record.number == number) {
            continue;
        }
        let (causes, more_causes) = causes(connection, row.get(10)?)?;
        let (failed, lost): (u32, u32) = (row.get(7)?, row.get(8)?);
        told.push(CycleRecord {
            number,
            what: row.get::<_, String>(1)?.into(),
            began: Moment(unsigned(row, 2)?),
            ended: row.get::<_, Option<i64>>(3)?.and_then(|ended| u64::try_from(ended).ok()).map(Moment),
            finished: row.get(5)?,
            failed: failed + lost,
            counts: CycleCounts {
                selected: row.get(4)?,
                passed: row.get(6)?,
                lost,
                not_run: row.get(9)?,
                runs: 1,
                ..CycleCounts::default()
            },
            causes,
            more_causes,
            around: Around {
                why: CycleWhy::Imported,
                attempts: row.get::<_, Option<u32>>(11)?.unwrap_or(0),
                ..Around::default()
            },
            ..CycleRecord::default()
        });
    }
    Ok(told)
}

/// Why tests of a run failed, the cause with most tests first, and how many more causes there are.
fn causes(connection: &Connection, run: i64) -> Result<(Vec<CycleCause>, u32), Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT cause, count(*) AS tests FROM attempt WHERE run = ?1 AND cause IS NOT NULL
         GROUP BY cause ORDER BY tests DESC, cause",
    )?;
    let rows = statement.query_map([run], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?)))?;
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut causes = Vec::new();
    for (id, tests) in rows.iter().take(CAUSES as usize) {
        let Some(signature) = super::signature(connection, *id)? else { continue };
        let class: CauseClass = signature.class;
        let title: Text = signature.wording.clone().unwrap_or_else(|| signature.title.clone());
        causes.push(CycleCause { key: signature.short_key().into(), class, title, tests: *tests });
    }
    Ok((causes, (rows.len() as u32).saturating_sub(CAUSES)))
}
