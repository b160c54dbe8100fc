//! One line of a before-and-after comparison of addresses.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::proxy::{is_primary, key};

/// What becomes of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// It stays in another role or another spelling.
    Changed,
    /// It stays.
    Kept,
}

/// An address before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressLine {
    /// What becomes of it.
    pub sign: Sign,
    /// The value as it will be, or as it was when it goes.
    pub address: String,
    /// The value as it was, when it changes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub was: Option<String>,
}

impl Sign {
    /// `+`, `-`, `^` or `=`.
    #[must_use]
    pub fn symbol(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '^',
            Self::Kept => '=',
        }
    }
}

impl fmt::Display for AddressLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sign.symbol(), self.address)?;
        self.was.as_ref().map_or(Ok(()), |was| write!(f, " (was {was})"))
    }
}

/// Compares two lists of proxy addresses: the order of the old one, then what is new, primary last.
#[must_use]
pub fn compare(before: &[String], after: &[String]) -> Vec<AddressLine> {
    let mut left: Vec<&String> = after.iter().collect();
    let mut lines = Vec::with_capacity(before.len() + after.len());
    let mut take = |wanted: &dyn Fn(&str) -> bool| {
        left.iter().position(|value| wanted(value)).map(|place| left.remove(place).clone())
    };
    for old in before {
        let exact = take(&|value| value == old);
        let found = exact.or_else(|| {
            let old_key = key(old)?;
            take(&|value| key(value).as_ref() == Some(&old_key))
        });
        lines.push(match found {
            Some(new) if new == *old => AddressLine { sign: Sign::Kept, address: new, was: None },
            Some(new) => AddressLine { sign: Sign::Changed, address: new, was: Some(old.clone()) },
            None => AddressLine { sign: Sign::Removed, address: old.clone(), was: None },
        });
    }
    lines.extend(left.into_iter().map(|new| AddressLine {
        sign: Sign::Added,
        address: new.clone(),
        was: None,
    }));
    lines.sort_by_key(|line| line.sign != Sign::Removed && is_primary(&line.address));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_a_person_would_write_them() {
        let before = ["SMTP:old@c.com", "X500:/o=x", "smtp:gone@c.com", "smtp:new@c.com"].map(String::from);
        let after = ["X500:/o=x", "smtp:old@c.com", "smtp:more@c.com", "SMTP:new@c.com"].map(String::from);
        let text: Vec<String> = compare(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "^ smtp:old@c.com (was SMTP:old@c.com)",
                "= X500:/o=x",
                "- smtp:gone@c.com",
                "+ smtp:more@c.com",
                "^ SMTP:new@c.com (was smtp:new@c.com)",
            ]
        );
    }
}
