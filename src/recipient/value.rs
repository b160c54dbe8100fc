//! From what a flow wrote to the value of a parameter's type, and whether two texts mean the same value.

use super::{Delta, Wanted, parameters::ParameterKind};

/// Why a value cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The text is not of the parameter's type.
    #[error("{name} takes {expected}, not `{found}`")]
    Type {
        /// The parameter.
        name: String,
        /// What it takes.
        expected: String,
        /// What the flow has.
        found: String,
    },
    /// A difference, where one value is taken.
    #[error("{name} holds one value; Add and Remove are for lists")]
    DeltaOnSingle {
        /// The parameter.
        name: String,
    },
    /// Longer than Exchange takes.
    #[error("{name} may be at most {limit} characters long; this has {length}")]
    TooLong {
        /// The parameter.
        name: String,
        /// The most it takes.
        limit: usize,
        /// What the flow has.
        length: usize,
    },
    /// A character which Exchange does not take, or would silently replace.
    #[error("{name} may not hold {character:?}")]
    Character {
        /// The parameter.
        name: String,
        /// The first such character.
        character: char,
    },
    /// A value which must not be empty.
    #[error("{name} cannot be cleared{hint}")]
    CannotClear {
        /// The parameter.
        name: String,
        /// What to do instead.
        hint: &'static str,
    },
}

/// Reads a non-empty CSV cell: `$null` clears, lists are separated by `;`.
///
/// # Errors
/// As [`check`].
pub fn from_cell(name: &str, kind: ParameterKind, cell: &str) -> Result<Wanted, ValueError> {
    let wanted = if cell.trim().eq_ignore_ascii_case("$null") {
        Wanted::Clear
    } else if kind.is_list() {
        Wanted::List(split_cell(cell))
    } else {
        Wanted::Text(cell.to_owned())
    };
    check(name, kind, wanted)
}

/// Splits a multi-valued cell at `;`; `\;` is a literal one. Blank parts are dropped.
#[must_use]
pub fn split_cell(cell: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = cell.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.peek() == Some(&';') => {
                rest.next();
                parts.iter_mut().last().into_iter().for_each(|part| part.push(';'));
            }
            ';' => parts.push(String::new()),
            c => parts.iter_mut().last().into_iter().for_each(|part| part.push(c)),
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// Gives a value its parameter's type, or says why it cannot have it. Applying it twice changes nothing.
///
/// # Errors
/// The value is of another type, too long, holds characters that Exchange would replace, or clears what must not be empty.
pub fn check(name: &str, kind: ParameterKind, wanted: Wanted) -> Result<Wanted, ValueError> {
    let wrong = |found: String| ValueError::Type { name: name.to_owned(), expected: kind.describe(), found };
    let wanted = match wanted {
        Wanted::Text(text) if text.trim().is_empty() => Wanted::Clear,
        Wanted::List(list) if list.iter().all(|value| value.trim().is_empty()) => Wanted::Clear,
        other => other,
    };
    match wanted {
        Wanted::Clear => clear(name, kind),
        Wanted::Text(text) if kind.is_list() => check(name, kind, Wanted::List(vec![text])),
        Wanted::Text(text) => {
            let text = text.trim();
            no_control_characters(name, text)?;
            typed(kind, text).ok_or_else(|| wrong(shorten(text))).and_then(|wanted| rules(name, wanted))
        }
        Wanted::Bool(value) => match kind {
            ParameterKind::Bool | ParameterKind::Switch => Ok(Wanted::Bool(value)),
            _ => Err(wrong(value.to_string())),
        },
        Wanted::Int(value) => match kind {
            ParameterKind::Int => Ok(Wanted::Int(value)),
            ParameterKind::Size if value >= 0 => Ok(Wanted::Text(value.to_string())),
            ParameterKind::Text | ParameterKind::Reference => rules(name, Wanted::Text(value.to_string())),
            _ => Err(wrong(value.to_string())),
        },
        Wanted::List(list) if kind.is_list() => Ok(Wanted::List(texts(name, list)?)),
        Wanted::List(list) => Err(wrong(shorten(&list.join(";")))),
        Wanted::Delta(delta) if kind.is_list() => {
            Ok(Wanted::Delta(Delta { add: texts(name, delta.add)?, remove: texts(name, delta.remove)? }))
        }
        Wanted::Delta(_) => Err(ValueError::DeltaOnSingle { name: name.to_owned() }),
    }
}

fn texts(name: &str, list: Vec<String>) -> Result<Vec<String>, ValueError> {
    let list: Vec<String> =
        list.into_iter().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect();
    list.iter().try_for_each(|value| no_control_characters(name, value))?;
    Ok(list)
}

fn clear(name: &str, kind: ParameterKind) -> Result<Wanted, ValueError> {
    let refuse = |hint| Err(ValueError::CannotClear { name: name.to_owned(), hint });
    match (name, kind) {
        (
            "Name" | "Alias" | "DisplayName" | "UserPrincipalName" | "SamAccountName" | "Database" | "Server",
            _,
        ) => refuse(""),
        (_, ParameterKind::Bool | ParameterKind::Switch) => refuse("; it is true or false"),
        (_, ParameterKind::Size) => refuse("; Unlimited is the word for no limit"),
        (
            _,
            ParameterKind::Enum(_)
            | ParameterKind::SmtpAddress
            | ParameterKind::TimeSpan
            | ParameterKind::Guid,
        ) => refuse(""),
        ("RemoteRoutingAddress", _) => refuse("; mail for the mailbox would be lost"),
        _ => Ok(Wanted::Clear),
    }
}

fn typed(kind: ParameterKind, text: &str) -> Option<Wanted> {
    let kept = || Some(Wanted::Text(text.to_owned()));
    match kind {
        ParameterKind::Bool | ParameterKind::Switch => bool_word(text).map(Wanted::Bool),
        ParameterKind::Int => text.parse().ok().map(Wanted::Int),
        ParameterKind::Size => size(text).and_then(|_| kept()),
        ParameterKind::TimeSpan => time_span(text).and_then(|_| kept()),
        ParameterKind::DateTime => date_time(text).and_then(|_| kept()),
        ParameterKind::Guid => {
            uuid::Uuid::try_parse(text).ok().map(|guid| Wanted::Text(guid.hyphenated().to_string()))
        }
        ParameterKind::SmtpAddress => crate::address::check_smtp(text).ok().and_then(|()| kept()),
        ParameterKind::ProxyAddress => {
            let plain = crate::address::smtp_part(text)?;
            crate::address::check_smtp(plain).ok().and_then(|()| kept())
        }
        ParameterKind::Enum(words) => {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text))?;
            Some(Wanted::Text((*word).to_owned()))
        }
        ParameterKind::Secret | ParameterKind::Credential => None,
        ParameterKind::Text
        | ParameterKind::Reference
        | ParameterKind::List
        | ParameterKind::RecipientList
        | ParameterKind::ProxyAddresses => kept(),
    }
}

/// Lengths and characters that Exchange and Active Directory hold to.
fn rules(name: &str, wanted: Wanted) -> Result<Wanted, ValueError> {
    let Wanted::Text(text) = &wanted else { return Ok(wanted) };
    let limit = match name {
        "Name" | "Alias" | "FirstName" | "LastName" => 64,
        "SamAccountName" => 20,
        "Initials" => 6,
        "DisplayName" | "SimpleDisplayName" => 256,
        _ => 1024,
    };
    let length = text.chars().count();
    if length > limit && name != "MailTip" {
        return Err(ValueError::TooLong { name: name.to_owned(), limit, length });
    }
    let bad = match name {
        // Exchange puts `?` for what an alias cannot hold, and goes on.
        "Alias" => text.chars().find(|c| !c.is_ascii_alphanumeric() && !"!#$%&'*+-/=?^_`{|}~.".contains(*c)),
        "SamAccountName" => text.chars().find(|c| "\"/\\[]:;|=,+*?<>@".contains(*c)),
        "UserPrincipalName" => return user_principal_name(wanted),
        _ => None,
    };
    match bad {
        Some(character) => Err(ValueError::Character { name: name.to_owned(), character }),
        None => Ok(wanted),
    }
}

fn user_principal_name(wanted: Wanted) -> Result<Wanted, ValueError> {
    let Wanted::Text(text) = &wanted else { return Ok(wanted) };
    let fits = text.split_once('@').is_some_and(|(user, suffix)| {
        !user.is_empty() && !suffix.is_empty() && !suffix.contains('@') && !text.contains(char::is_whitespace)
    });
    if fits {
        return Ok(wanted);
    }
    Err(ValueError::Type {
        name: "UserPrincipalName".to_owned(),
        expected: "a name such as jane@contoso.com".to_owned(),
        found: shorten(text),
    })
}

fn no_control_characters(name: &str, text: &str) -> Result<(), ValueError> {
    match text.chars().find(|c| c.is_control() && !"\t\r\n".contains(*c)) {
        Some(character) => Err(ValueError::Character { name: name.to_owned(), character }),
        None => Ok(()),
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 80 {
        text.to_owned()
    } else {
        text.chars().take(80).chain("...".chars()).collect()
    }
}

/// A truth value as flows and PowerShell write it.
#[must_use]
pub fn bool_word(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "$true" | "1" => Some(true),
        "false" | "$false" | "0" => Some(false),
        _ => None,
    }
}

/// An amount, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// No limit.
    Unlimited,
    /// Bytes, pieces or seconds.
    Of(u64),
}

/// Reads `30GB`, `1.5 MB`, `1024`, `Unlimited`, and what Exchange answers: `30 GB (32,212,254,720 bytes)`.
///
/// The grouping sign within the parentheses depends on the server's culture, so only its digits are read.
#[must_use]
pub fn size(text: &str) -> Option<Amount> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("unlimited") {
        return Some(Amount::Unlimited);
    }
    if let Some((_, inner)) = text.split_once('(') {
        let inner = inner.strip_suffix("bytes)")?;
        let digits: String = inner.chars().filter(char::is_ascii_digit).collect();
        return digits.parse().ok().map(Amount::Of);
    }
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u128 = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 6 || (factor == 1 && number.contains('.')) {
        return None;
    }
    let mut amount = whole.parse::<u64>().ok().map(u128::from)?.checked_mul(factor)?;
    if !fraction.is_empty() {
        amount += u128::from(fraction.parse::<u64>().ok()?) * factor
            / 10u128.pow(u32::try_from(fraction.len()).ok()?);
    }
    u64::try_from(amount).ok().map(Amount::Of)
}

/// Reads a time span as .NET writes it: `14` (days), `14.00:00:00`, `08:30`, `08:30:00`, or `Unlimited`. In seconds.
#[must_use]
pub fn time_span(text: &str) -> Option<Amount> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("unlimited") {
        return Some(Amount::Unlimited);
    }
    let number =
        |text: &str| (!text.is_empty() && text.len() <= 8).then(|| text.parse::<u64>().ok()).flatten();
    let Some((head, rest)) = text.split_once(':') else {
        return number(text).map(|days| Amount::Of(days * 86_400));
    };
    let (days, hours) =
        head.split_once('.').map_or((Some(0), number(head)), |(days, hours)| (number(days), number(hours)));
    let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "0"));
    let seconds = seconds.split_once('.').map_or(seconds, |(whole, _)| whole);
    let (hours, minutes, seconds) = (hours?, number(minutes)?, number(seconds)?);
    (hours < 24 && minutes < 60 && seconds < 60)
        .then(|| Amount::Of(days.unwrap_or(0) * 86_400 + hours * 3_600 + minutes * 60 + seconds))
}

/// A point in time, comparable with others of the same certainty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970-01-01, in UTC when `utc`, else by some local clock.
    pub seconds: i64,
    /// Whether the text said how far it is from UTC.
    pub utc: bool,
}

/// Reads ISO 8601: `2026-12-01`, `2026-12-01T08:00[:00[.0]]`, with `Z`, an offset or neither.
#[must_use]
pub fn date_time(text: &str) -> Option<Moment> {
    let text = text.trim();
    if !text.is_ascii() {
        return None;
    }
    let part = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    if text.get(4..5)? != "-"
        || text.get(7..8)? != "-"
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
    {
        return None;
    }
    let (clock, offset) = match text.get(10..)? {
        "" => ("", ""),
        rest => {
            let rest = rest.strip_prefix(['T', 't', ' '])?;
            rest.split_at(rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len()))
        }
    };
    let mut seconds = days_from_civil(year, month, day) * 86_400;
    if !clock.is_empty() {
        let Amount::Of(clock) = time_span(clock)? else { return None };
        seconds += i64::try_from(clock).ok().filter(|clock| *clock < 86_400)?;
    }
    match offset {
        "" => Some(Moment { seconds, utc: false }),
        "Z" | "z" => Some(Moment { seconds, utc: true }),
        offset => {
            let sign = if offset.starts_with('-') { 1 } else { -1 };
            let Amount::Of(by) = time_span(offset.get(1..)?)? else { return None };
            Some(Moment { seconds: seconds + sign * i64::try_from(by).ok()?, utc: true })
        }
    }
}

/// Days since 1970-01-01 of a date in the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_split_at_semicolons() {
        assert_eq!(split_cell("a; b ;;c"), ["a", "b", "c"]);
        assert_eq!(split_cell("X400:c=us\\;a= ;b"), ["X400:c=us;a=", "b"]);
        assert_eq!(split_cell("C:\\temp;x"), ["C:\\temp", "x"]);
        assert!(split_cell(" ; ").is_empty());
    }

    #[test]
    fn cells_take_their_parameters_type() {
        let cell = |name, kind, text| from_cell(name, kind, text);
        assert_eq!(
            cell("HiddenFromAddressListsEnabled", ParameterKind::Bool, "$TRUE"),
            Ok(Wanted::Bool(true))
        );
        assert_eq!(cell("ResourceCapacity", ParameterKind::Int, "12"), Ok(Wanted::Int(12)));
        assert_eq!(cell("CustomAttribute1", ParameterKind::Text, "$null"), Ok(Wanted::Clear));
        assert_eq!(
            cell("Languages", ParameterKind::List, "de-DE;en-US"),
            Ok(Wanted::List(vec!["de-DE".into(), "en-US".into()]))
        );
        assert_eq!(cell("Type", ParameterKind::Enum(&["Never"]), "never"), Ok(Wanted::Text("Never".into())));
        assert!(matches!(
            cell("ModerationEnabled", ParameterKind::Bool, "perhaps"),
            Err(ValueError::Type { .. })
        ));
        assert!(matches!(cell("MaxSendSize", ParameterKind::Size, "much"), Err(ValueError::Type { .. })));
        assert!(matches!(
            cell("MaxSendSize", ParameterKind::Size, "$null"),
            Err(ValueError::CannotClear { .. })
        ));
        assert!(matches!(
            cell("DisplayName", ParameterKind::Text, "$null"),
            Err(ValueError::CannotClear { .. })
        ));
    }

    #[test]
    fn names_keep_to_the_directorys_limits() {
        let text = |name, text: &str| check(name, ParameterKind::Text, Wanted::from(text));
        assert!(text("Name", &"ä".repeat(64)).is_ok());
        assert!(matches!(
            text("Name", &"x".repeat(65)),
            Err(ValueError::TooLong { limit: 64, length: 65, .. })
        ));
        assert!(text("SamAccountName", &"x".repeat(20)).is_ok());
        assert!(matches!(text("SamAccountName", &"x".repeat(21)), Err(ValueError::TooLong { .. })));
        assert!(matches!(text("SamAccountName", "a@b"), Err(ValueError::Character { character: '@', .. })));
        assert!(matches!(text("Alias", "jörg"), Err(ValueError::Character { character: 'ö', .. })));
        assert!(matches!(text("Alias", "a b"), Err(ValueError::Character { .. })));
        assert!(text("UserPrincipalName", "jane@contoso.com").is_ok());
        assert!(matches!(text("UserPrincipalName", "jane"), Err(ValueError::Type { .. })));
        assert!(matches!(text("DisplayName", "a\u{7}b"), Err(ValueError::Character { .. })));
    }

    #[test]
    fn json_values_are_checked_too() {
        assert_eq!(check("MaxSendSize", ParameterKind::Size, Wanted::Int(1024)), Ok("1024".into()));
        assert!(check("DisplayName", ParameterKind::Text, Wanted::Bool(true)).is_err());
        assert!(check("DisplayName", ParameterKind::Text, Wanted::List(vec!["a".into()])).is_err());
        assert_eq!(check("Languages", ParameterKind::List, Wanted::List(vec![])), Ok(Wanted::Clear));
        let delta = Wanted::Delta(Delta { add: vec!["a".into()], remove: vec![] });
        assert!(matches!(
            check("Office", ParameterKind::Text, delta.clone()),
            Err(ValueError::DeltaOnSingle { .. })
        ));
        assert_eq!(check("Languages", ParameterKind::List, delta.clone()), Ok(delta));
    }

    /// The forms are those of Exchange's answers (2016 CU23) and of PowerShell's documentation.
    #[test]
    fn sizes_are_read_in_every_culture() {
        for text in [
            "30GB",
            "30 gb",
            "32212254720",
            "30 GB (32,212,254,720 bytes)",
            "30 GB (32.212.254.720 bytes)",
            "30 GB (32\u{a0}212\u{a0}254\u{a0}720 bytes)",
        ] {
            assert_eq!(size(text), Some(Amount::Of(32_212_254_720)), "{text}");
        }
        assert_eq!(size("1.5MB"), Some(Amount::Of(1_572_864)));
        assert_eq!(size("unlimited"), Some(Amount::Unlimited));
        for text in ["", "GB", "-1", "1.5", "1e9", "30 XB", "30 GB (many)", "99999999999TB", "1.5.5MB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn time_spans_are_read_as_dotnet_does() {
        for text in ["14", "14.00:00:00", "14.00:00"] {
            assert_eq!(time_span(text), Some(Amount::Of(14 * 86_400)), "{text}");
        }
        assert_eq!(time_span("08:30"), Some(Amount::Of(30_600)));
        for text in ["", "x", "25:00", "1:61", "-1", "1.x:00"] {
            assert_eq!(time_span(text), None, "{text}");
        }
    }

    #[test]
    fn moments_are_read_as_iso_8601() {
        assert_eq!(date_time("1970-01-02"), Some(Moment { seconds: 86_400, utc: false }));
        assert_eq!(date_time("2000-03-01T00:00:00Z"), Some(Moment { seconds: 951_868_800, utc: true }));
        assert_eq!(date_time("2022-10-19T20:31:31-07:00"), date_time("2022-10-20T03:31:31Z"));
        for text in ["12/01/2026", "2026-13-01", "2026-1-1", "2026-12-01T25:00", "tomorrow", "２026-12-01"] {
            assert_eq!(date_time(text), None, "{text}");
        }
    }
}
