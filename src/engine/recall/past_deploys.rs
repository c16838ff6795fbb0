//! The newest deploys of each service, whichever session made them; how long their steps took is what sessions handed on.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use crate::domain::{DEPLOYS_KEPT, Moment, PastDeploy, Span, Text};

/// Asks the history, and adds what is known of the steps.
pub(super) fn recall(
    connection: &Connection,
    handed_on: &[(Text, Vec<PastDeploy>)],
) -> rusqlite::Result<Vec<(Text, Vec<PastDeploy>)>> {
    let sql = "SELECT service, from_revision, to_revision, who, how, started, ended FROM (
                   SELECT *, row_number() OVER (PARTITION BY service ORDER BY started DESC) AS place FROM deploy
               ) WHERE place <= ?1 ORDER BY service, started";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found: BTreeMap<Text, Vec<PastDeploy>> = BTreeMap::new();
    for row in statement.query_map([DEPLOYS_KEPT as i64], past_deploy)? {
        let (service, past) = row?;
        found.entry(service).or_default().push(past);
    }
    for (service, known) in handed_on {
        let Some(deploys) = found.get_mut(service) else { continue };
        for past in deploys {
            let same = known.iter().find(|known| known.started == past.started);
            past.steps = same.map_or_else(Vec::new, |known| known.steps.clone());
        }
    }
    Ok(found.into_iter().collect())
}

fn past_deploy(row: &Row<'_>) -> rusqlite::Result<(Text, PastDeploy)> {
    let text = |column| row.get::<_, String>(column).map(Text::from);
    let maybe = |column| row.get::<_, Option<String>>(column).map(|text| text.map(Text::from));
    let started = row.get::<_, i64>(5)?;
    let took = row.get::<_, Option<i64>>(6)?.and_then(|ended| u64::try_from(ended - started).ok());
    let past = PastDeploy {
        from: maybe(1)?,
        to: maybe(2)?,
        by: text(3)?,
        how: text(4)?,
        started: Moment(u64::try_from(started).unwrap_or(0)),
        took: took.map(Span),
        steps: Vec::new(),
    };
    Ok((text(0)?, past))
}
