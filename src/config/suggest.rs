//! The nearest known word to a misspelt one.

/// The known word that `given` was probably meant to be.
pub(crate) fn suggestion<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_ascii_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&given, &word.to_ascii_lowercase()), word))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, word)| *distance <= word.len().max(3) / 3)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    #[test]
    fn near_words_only() {
        let known = ["authentication", "username", "password"];
        assert_eq!(suggestion("authentification", known), Some("authentication"));
        assert_eq!(suggestion("UserName", known), Some("username"));
        assert_eq!(suggestion("colour", known), None);
    }
}
