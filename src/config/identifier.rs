//! The identifier of a connection, of which Usercube makes the names of files.

use std::fmt;

/// A connection identifier: begins with no digit and holds none of `< > : " / \ | ? * _`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier(String);

/// Why a name cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifierError {
    /// Nothing there
    #[error("the name of the connection is empty")]
    Empty,
    /// Begins with a digit
    #[error("`{name}` cannot be the identifier of a connection: it begins with the digit `{digit}`")]
    Digit {
        /// The name
        name: String,
        /// The digit
        digit: char,
    },
    /// Holds a character that is not allowed
    #[error("`{name}` cannot be the identifier of a connection: it holds `{}`", .character.escape_debug())]
    Character {
        /// The name
        name: String,
        /// The first such character
        character: char,
    },
}

impl Identifier {
    /// Takes a name as an identifier.
    ///
    /// # Errors
    /// The character that cannot be there, by name.
    pub fn parse(name: &str) -> Result<Self, IdentifierError> {
        let forbidden = |c: &char| c.is_control() || "<>:\"/\\|?*_".contains(*c);
        if let Some(character) = name.chars().find(forbidden) {
            return Err(IdentifierError::Character { name: name.to_owned(), character });
        }
        match name.chars().next() {
            None => Err(IdentifierError::Empty),
            Some(digit) if digit.is_numeric() => Err(IdentifierError::Digit { name: name.to_owned(), digit }),
            Some(_) => Ok(Self(name.to_owned())),
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_the_product() {
        for good in ["MicrosoftExchangeExport", "corp", "corp-2", "été"] {
            assert_eq!(Identifier::parse(good).unwrap().to_string(), good);
        }
        for character in ['<', '>', ':', '"', '/', '\\', '|', '?', '*', '_'] {
            let name = format!("corp{character}eu");
            let error = Identifier::parse(&name).unwrap_err();
            assert_eq!(error, IdentifierError::Character { name, character });
        }
        let error = Identifier::parse("2corp").unwrap_err();
        assert!(error.to_string().contains("`2`"), "{error}");
        assert_eq!(Identifier::parse(""), Err(IdentifierError::Empty));
    }
}
