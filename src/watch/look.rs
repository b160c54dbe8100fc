//! Which files are no longer being written, and which comes first. Pure: what is there is passed in.

use std::collections::HashMap;
use std::time::SystemTime;

/// What changes when somebody writes to a file. The clock is that of the folder's machine, and is compared with itself only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its length
    pub length: u64,
    /// When it was last written
    pub modified: Option<SystemTime>,
}

/// What was seen the last time.
#[derive(Debug, Default)]
pub struct Looks(HashMap<String, Stamp>);

impl Looks {
    /// Whether a file is as it was the last time.
    pub fn knows(&self, name: &str, stamp: &Stamp) -> bool {
        self.0.get(name) == Some(stamp)
    }

    /// Takes over what was seen under another name.
    pub fn know(&mut self, name: String, stamp: Stamp) {
        self.0.insert(name, stamp);
    }

    /// Looks once more; those files that are as they were the last time, the oldest first and by name where that is the same.
    /// What is new, or still grows, has to wait for the next look.
    pub fn look(&mut self, there: Vec<(String, Stamp)>) -> Vec<(String, Stamp)> {
        let same = |(name, stamp): &&(String, Stamp)| self.knows(name, stamp);
        let mut settled: Vec<(String, Stamp)> = there.iter().filter(same).cloned().collect();
        settled.sort_by(|(one, first), (other, second)| (first.modified, one).cmp(&(second.modified, other)));
        self.0 = there.into_iter().collect();
        settled
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn stamp(length: u64, second: u64) -> Stamp {
        Stamp { length, modified: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(second)) }
    }

    fn names(settled: &[(String, Stamp)]) -> Vec<&str> {
        settled.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn what_grows_is_left_alone() {
        let mut looks = Looks::default();
        let there = |length, second| vec![("a.csv".to_owned(), stamp(length, second))];
        assert!(looks.look(there(1, 1)).is_empty());
        assert!(looks.look(there(9, 1)).is_empty());
        assert!(looks.look(there(9, 2)).is_empty(), "written over with as many bytes");
        assert_eq!(names(&looks.look(there(9, 2))), ["a.csv"]);
        looks.look(vec![]);
        assert!(looks.look(there(9, 2)).is_empty(), "it went away and came again");
    }

    #[test]
    fn the_oldest_comes_first_then_the_name_decides() {
        let there = || {
            [("c.csv", 1), ("b.csv", 2), ("a.csv", 2)]
                .map(|(name, at)| (name.to_owned(), stamp(1, at)))
                .to_vec()
        };
        let mut looks = Looks::default();
        looks.look(there());
        assert_eq!(names(&looks.look(there())), ["c.csv", "a.csv", "b.csv"]);
    }
}
