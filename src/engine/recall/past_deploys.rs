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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::history::schema;

    #[test]
    fn deploys_of_all_sessions_are_found_with_the_steps_that_are_known() {
        let connection = schema::in_memory().expect("memory");
        let session = "INSERT INTO session (id, journal, started, project) VALUES (1, 'a.jsonl', 1, 'shop')";
        connection.execute(session, []).expect("a session");
        let insert = "INSERT INTO deploy (session, n, service, who, cycle, to_revision, started, ended, how)
                      VALUES (1, ?1, 'backend', 'ada', 1, 'b' || ?1, ?1 * 100, iif(?1 = 3, NULL, ?1 * 100 + 50), 'live')";
        for n in 1..=DEPLOYS_KEPT + 3 {
            connection.execute(insert, [n as i64]).expect("a deploy");
        }
        let known = PastDeploy {
            from: None,
            to: Some("b5".into()),
            by: "ada".into(),
            how: "live".into(),
            started: Moment(500),
            took: Some(Span(50)),
            steps: vec![("build".into(), Span(40))],
        };
        let found = recall(&connection, &[("backend".into(), vec![known.clone()])]).expect("an answer");
        let [(service, deploys)] = found.as_slice() else { panic!("one service") };
        assert_eq!((&**service, deploys.len()), ("backend", DEPLOYS_KEPT));
        assert_eq!(deploys.first().map(|past| (past.started, past.took)), Some((Moment(400), Some(Span(50)))));
        assert_eq!(deploys.get(1), Some(&known), "its steps come from what a session handed on");
    }
}
