//! Days as people write them: `2026-12-31`.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::Moment;

/// The end of that day in UTC, so that it means the same moment to a whole team.
///
/// # Errors
/// When the text is no such day, with what is expected.
pub fn end_of_day(text: &str) -> Result<Moment, String> {
    let expected = || format!("`{text}` is not a day like \"2026-12-31\"");
    let date: Date = text.trim().parse().map_err(|_| expected())?;
    let next = date.tomorrow().and_then(|next| next.to_zoned(TimeZone::UTC)).map_err(|_| expected())?;
    u64::try_from(next.timestamp().as_microsecond()).map(Moment).map_err(|_| expected())
}

/// The last day of which that moment is the end, in UTC: `2026-12-31`.
#[must_use]
pub fn last_day(moment: Moment) -> String {
    let micros = i64::try_from(moment.0.saturating_sub(1)).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
    time.to_zoned(TimeZone::UTC).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_lasts_until_its_end() {
        let end = end_of_day("2026-12-31").expect("a day");
        assert_eq!(end, Moment(1_798_761_600_000_000));
        assert_eq!(last_day(end), "2026-12-31");
        assert_eq!(last_day(Moment(end.0 - 1)), "2026-12-31");
        for text in ["", "tomorrow", "2026-13-01", "31.12.2026", "1950-01-01", "9999-12-31"] {
            assert!(end_of_day(text).is_err(), "{text}");
        }
    }
}
