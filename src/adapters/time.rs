//! Source times of messages: epoch seconds, milliseconds or finer, ISO 8601 with an offset or without one (UTC meant).

/// Microseconds since the Unix epoch, from a number whose unit is guessed by its size.
pub(super) fn from_number(number: f64) -> Option<i64> {
    let micros = match number {
        n if !n.is_finite() || n <= 0.0 => return None,
        seconds if seconds < 1e11 => seconds * 1e6,
        milliseconds if milliseconds < 1e14 => milliseconds * 1e3,
        micros if micros < 1e17 => micros,
        nanos if nanos < 1e20 => nanos / 1e3,
        _ => return None,
    };
    Some(micros.round() as i64)
}

/// Microseconds since the Unix epoch, from `2025-09-08T23:24:12.345678+00:00` and its shorter forms.
pub(super) fn from_iso(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = text.get(from..to)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let separated = bytes.get(4) == Some(&b'-')
        && bytes.get(7) == Some(&b'-')
        && matches!(bytes.get(10), Some(b'T' | b't' | b' '))
        && bytes.get(13) == Some(&b':');
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute) = (digits(11, 13)?, digits(14, 16)?);
    if !separated || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 24 || minute > 59 {
        return None;
    }
    let (second, mut rest) = match bytes.get(16) {
        Some(b':') => (digits(17, 19)?, text.get(19..)?),
        _ => (0, text.get(16..)?),
    };
    let mut micros = 0;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        micros = (0..6).fold(0, |sum, at| {
            sum * 10 + fraction.as_bytes().get(at).filter(|_| at < length).map_or(0, |digit| i64::from(digit - b'0'))
        });
        rest = fraction.get(length..)?;
    }
    let offset_minutes = match rest.as_bytes() {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), clock @ ..] => {
            let clock: Vec<u8> = clock.iter().copied().filter(|byte| *byte != b':').collect();
            if clock.len() < 2 || clock.len() > 4 || !clock.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let number = |from: usize| {
                clock.get(from..from + 2).map_or(0, |two| i64::from(two[0] - b'0') * 10 + i64::from(two[1] - b'0'))
            };
            let minutes = number(0) * 60 + number(2);
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let minutes = (days_since_epoch(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    Some((minutes * 60 + second) * 1_000_000 + micros)
}

/// Days from 1970-01-01 in the Gregorian calendar; years begin in March so that the leap day comes last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_in_every_spelling() {
        let moment = 1_757_373_852_345_678;
        for text in [
            "2025-09-08T23:24:12.345678",
            "2025-09-08T23:24:12.345678Z",
            "2025-09-08 23:24:12,345678",
            "2025-09-08T23:24:12.345678912+00:00",
            "2025-09-09T01:24:12.345678+02:00",
            "2025-09-08T18:54:12.345678-0430",
            "2025-09-08T22:24:12.345678-01",
        ] {
            assert_eq!(from_iso(text), Some(moment), "{text}");
        }
        assert_eq!(from_iso("2025-09-08T23:24"), Some(1_757_373_840_000_000));
        assert_eq!(from_iso("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(from_iso("2024-02-29T00:00:00Z"), Some(1_709_164_800_000_000));
    }

    #[test]
    fn units_are_guessed_by_size() {
        assert_eq!(from_number(1_757_373_852.5), Some(1_757_373_852_500_000));
        assert_eq!(from_number(1_757_373_852_500.0), Some(1_757_373_852_500_000));
        assert_eq!(from_number(1_757_373_852_500_000.0), Some(1_757_373_852_500_000));
        assert_eq!(from_number(f64::NAN), None);
        assert_eq!(from_number(-3.0), None);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "yesterday", "2025-13-01T00:00:00", "2025-09-08", "2025-09-08T2é:24:12", "2025-09-08T23:24:12+é"]
        {
            assert_eq!(from_iso(text), None, "{text}");
        }
    }
}
