//! Values of `krb5.conf`.

use crate::auth::kerberos::EncryptionType;

/// Of two values the first one counts; one that cannot be read is none.
pub(super) fn first<T>(slot: &mut Option<T>, value: Option<T>) {
    if slot.is_none() {
        *slot = value;
    }
}

pub(super) fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "y" | "yes" | "true" | "t" | "1" | "on" => Some(true),
        "n" | "no" | "false" | "nil" | "0" | "off" => Some(false),
        _ => None,
    }
}

/// `300`, `5m`, `1h30m`, `1d 2h`, `0:05`, `0:05:00`.
pub(super) fn seconds(value: &str) -> Option<u64> {
    if let Ok(seconds) = value.parse() {
        return Some(seconds);
    }
    if value.contains(':') {
        let parts: Vec<u64> = value.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        return match *parts.as_slice() {
            [hours, minutes] => hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60),
            [hours, minutes, seconds] => {
                hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)?.checked_add(seconds)
            }
            _ => None,
        };
    }
    let (mut sum, mut number) = (0u64, None);
    for letter in value.chars() {
        let unit = match letter {
            '0'..='9' => {
                let digit = u64::from(letter.to_digit(10)?);
                number = Some(number.unwrap_or(0u64).checked_mul(10)?.checked_add(digit)?);
                continue;
            }
            ' ' | '\t' => continue,
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        };
        sum = sum.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    if number.is_none() { Some(sum) } else { None }
}

/// Names with blanks or commas between them; `-name` takes one away again. Unknown ones are left out.
pub(super) fn etypes(value: &str) -> Option<Vec<EncryptionType>> {
    let mut list = Vec::new();
    for name in value.split([' ', '\t', ',']).filter(|name| !name.is_empty()) {
        match name.strip_prefix('-') {
            Some(name) => list.retain(|etype| !named(name).contains(etype)),
            None => {
                for etype in named(name.strip_prefix('+').unwrap_or(name)) {
                    if !list.contains(&etype) {
                        list.push(etype);
                    }
                }
            }
        }
    }
    Some(list)
}

/// The encryption types of a name or of a family.
fn named(name: &str) -> Vec<EncryptionType> {
    use EncryptionType::{Aes128Sha1, Aes128Sha2, Aes256Sha1, Aes256Sha2, Rc4};
    match name.to_ascii_lowercase().as_str() {
        "default" => vec![Aes256Sha1, Aes128Sha1, Aes256Sha2, Aes128Sha2, Rc4],
        "aes" => vec![Aes256Sha1, Aes128Sha1, Aes256Sha2, Aes128Sha2],
        "rc4" => vec![Rc4],
        name => EncryptionType::from_name(name).into_iter().collect(),
    }
}
