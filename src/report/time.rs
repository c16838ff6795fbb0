//! Moments and spans as reports tell them: in UTC, because nobody knows where they are read.

use crate::domain::{Moment, Span};

/// `2026-11-20 16:11:36 UTC`.
pub(super) fn date(moment: Moment) -> String {
    let seconds = moment.0 / 1_000_000;
    let (year, month, day) = civil(seconds / 86_400);
    let time = seconds % 86_400;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", time / 3_600, time / 60 % 60, time % 60)
}

/// `2026-11-20T16:11:36.120Z`: for machines, and for templates, which make it readable again.
pub(super) fn stamp(moment: Moment) -> String {
    let (year, month, day) = civil(moment.0 / 86_400_000_000);
    format!("{year:04}-{month:02}-{day:02}T{}Z", clock(moment))
}

/// What [`stamp`] wrote.
pub(super) fn read(stamp: &str) -> Option<Moment> {
    let number = |from: usize, to: usize| stamp.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hours, minutes, seconds, millis) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?);
    // Years begin in March here too.
    let years = if month <= 2 { year.checked_sub(1)? } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let days = (years * 365 + years / 4 - years / 100 + years / 400 + day_of_year).checked_sub(719_468)?;
    let millis = ((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1_000 + millis;
    Some(Moment(millis * 1_000))
}

/// `16:11:36.120`.
pub(super) fn clock(moment: Moment) -> String {
    let time = moment.0 / 1_000 % 86_400_000;
    let (seconds, millis) = (time / 1_000, time % 1_000);
    format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// `0.02 s`, `41.3 s`, `4:05 min`, `7:30:12 h`.
pub(super) fn took(span: Span) -> String {
    let seconds = span.as_secs_f64();
    match seconds {
        _ if seconds < 1.0 => format!("{seconds:.2} s"),
        _ if seconds < 59.95 => format!("{seconds:.1} s"),
        // What rounds to a minute is one.
        _ if seconds < 60.0 => "1:00 min".to_owned(),
        _ if seconds < 3_600.0 => format!("{}:{:02} min", span.0 / 60_000_000, span.0 / 1_000_000 % 60),
        _ => {
            let seconds = span.0 / 1_000_000;
            format!("{}:{:02}:{:02} h", seconds / 3_600, seconds / 60 % 60, seconds % 60)
        }
    }
}

/// The day of the Gregorian calendar that is so many days after 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the leap day is the last of a year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year_of_era + era * 400 + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_utc() {
        let told = |seconds: u64| date(Moment(seconds * 1_000_000));
        assert_eq!(told(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(told(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(told(1_700_000_000), "2023-11-14 22:13:20 UTC");
        assert_eq!(clock(Moment(1_700_000_000_120_999)), "22:13:20.120");
        date(Moment(u64::MAX));
    }

    #[test]
    fn stamps_can_be_read_back() {
        for seconds in [0, 68_169_600, 951_782_400, 951_868_800, 1_700_000_000, 1_763_000_000] {
            let moment = Moment(seconds * 1_000_000 + 120_000);
            assert_eq!(read(&stamp(moment)), Some(moment), "{}", stamp(moment));
        }
        assert_eq!(read("yesterday"), None);
    }

    #[test]
    fn spans_are_told_as_far_as_they_matter() {
        let told = |millis| took(Span::millis(millis));
        assert_eq!([told(20), told(4_120), told(245_000)], ["0.02 s", "4.1 s", "4:05 min"]);
        assert_eq!([told(59_970), told(27_012_000)], ["1:00 min", "7:30:12 h"]);
    }
}
