//! What becomes of a file when its run has ended, and how long one that waits has to wait. Pure.

use std::time::Duration;

use crate::flow::retry;
use crate::recipient::{Action, ErrorClass};
use crate::report::{ChangeResult, Way};

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is as it was wanted: `done/`
    Done,
    /// Something was refused or failed for good: `failed/`
    Failed,
    /// It stays in `accepted/` and is taken up again
    Wait(Why),
}

/// Why a file waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Exchange cannot be reached, or went away
    Away,
    /// It refuses the account: each further try may lock that
    SignIn,
    /// Another run has the connection or the journal
    Busy,
    /// Something here is in the way: a secret, the journal, the disk
    Local,
    /// A change waits for directory synchronisation, which comes at its own intervals
    Pending,
    /// A change waits for what the cloud does by itself: a mailbox that a licence brings, a value that does not show yet
    Cloud,
    /// A change waits behind one of the same account in a file that waits
    Behind,
}

/// How long an account that was refused is left alone: longer than the window in which domains usually count failures.
const ACCOUNT: Duration = Duration::from_secs(31 * 60);
/// How long the cloud is left alone at first that has something to do; then twice as long each time.
const CLOUD: Duration = Duration::from_secs(60);

impl Why {
    /// Whether the files behind it may go on: nothing is wrong with the way to Exchange.
    pub fn lets_others_go_on(self) -> bool {
        matches!(self, Self::Pending | Self::Cloud | Self::Behind)
    }

    /// How long to wait before a try, after so many in a row that came to nothing. `pending` is how long a change waits
    /// at most that waits for something outside, `chance` is between 0 and 1.
    pub fn wait(self, tries: u32, pending: Duration, chance: f64) -> Duration {
        match self {
            Self::SignIn => ACCOUNT,
            // Whoever waits behind another is told when that one is through.
            Self::Pending | Self::Behind => pending,
            Self::Cloud => CLOUD.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(pending),
            Self::Away | Self::Busy | Self::Local => {
                // Never at once: what was in the way a moment ago still is.
                retry::delay(tries, None, 0.5 + chance.clamp(0.0, 1.0) / 2.0)
            }
        }
    }
}

/// What becomes of a file with these results. What failed because Exchange went away has not failed for good.
pub fn of_results<'a>(results: impl IntoIterator<Item = &'a ChangeResult>) -> Verdict {
    let mut verdict = Verdict::Done;
    for result in results {
        let way = result.error.as_ref().map_or(Way::Open, |error| error.pace.way);
        let class = result.error.as_ref().map(|error| error.class);
        let of_this = match (result.action, way) {
            (Action::Failed | Action::Pending, Way::AccountRefused) => Verdict::Wait(Why::SignIn),
            (Action::Failed | Action::Pending, Way::Down) => Verdict::Wait(Why::Away),
            // It was not begun, because the connection had been given up.
            (Action::Pending, Way::Open) if class == Some(ErrorClass::SessionLost) => {
                Verdict::Wait(Why::Away)
            }
            (Action::Pending, Way::Behind) => Verdict::Wait(Why::Behind),
            (Action::Pending, Way::Open) if class.is_some() => Verdict::Wait(Why::Cloud),
            (Action::Pending, Way::Open) => Verdict::Wait(Why::Pending),
            (Action::Failed | Action::Refused, _) => Verdict::Failed,
            _ => Verdict::Done,
        };
        verdict = stronger(verdict, of_this);
    }
    verdict
}

/// What the changes wait for that wait by themselves, in words; the first of them speaks for all.
pub fn waits_for<'a>(results: impl IntoIterator<Item = &'a ChangeResult>) -> Option<&'a str> {
    let mut waiting = results.into_iter().filter(|it| it.action == Action::Pending && !is_behind(it));
    waiting.find_map(|result| result.error.as_ref()).map(|error| error.message.as_str())
}

fn is_behind(result: &ChangeResult) -> bool {
    result.error.as_ref().is_some_and(|error| error.pace.way == Way::Behind)
}

/// The file waits as long as anything in it waits, and the account is the first thing to be careful of.
fn stronger(one: Verdict, other: Verdict) -> Verdict {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Done => 0,
        Verdict::Failed => 1,
        Verdict::Wait(Why::Behind) => 2,
        Verdict::Wait(Why::Pending) => 3,
        // The sooner of two times.
        Verdict::Wait(Why::Cloud) => 4,
        Verdict::Wait(Why::Busy | Why::Local | Why::Away) => 5,
        Verdict::Wait(Why::SignIn) => 6,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipient::Source;
    use crate::report::{Pace, ResultError};

    fn result(action: Action, way: Option<Way>) -> ChangeResult {
        let error = way.map(|way| ResultError {
            pace: Pace { after: None, way },
            ..ResultError::new(ErrorClass::Transient, "gone")
        });
        ChangeResult {
            change_id: "c1".into(),
            source: Source::default(),
            connection: "corp".into(),
            identity: "ada".into(),
            guid: None,
            action,
            error,
            warnings: Vec::new(),
            steps: Vec::new(),
            attempts: 1,
        }
    }

    #[test]
    fn what_fails_for_good_fails_and_what_waits_waits() {
        let done = result(Action::Updated, None);
        let failed = result(Action::Failed, Some(Way::Open));
        let refused = result(Action::Refused, Some(Way::Open));
        let away = result(Action::Failed, Some(Way::Down));
        let pending = result(Action::Pending, None);
        let account = result(Action::Failed, Some(Way::AccountRefused));
        let of = |results: &[&ChangeResult]| of_results(results.iter().copied());
        assert_eq!(of(&[]), Verdict::Done);
        assert_eq!(of(&[&done, &done]), Verdict::Done);
        assert_eq!(of(&[&done, &failed]), Verdict::Failed);
        assert_eq!(of(&[&refused, &done]), Verdict::Failed);
        assert_eq!(of(&[&failed, &away]), Verdict::Wait(Why::Away), "it is not failed for that");
        assert_eq!(of(&[&failed, &pending, &done]), Verdict::Wait(Why::Pending));
        assert_eq!(of(&[&account, &away]), Verdict::Wait(Why::SignIn));
        let mailbox = result(Action::Pending, Some(Way::Open));
        let mut behind = result(Action::Pending, Some(Way::Behind));
        behind.error.as_mut().unwrap().message = "another waits".into();
        assert_eq!(of(&[&done, &mailbox]), Verdict::Wait(Why::Cloud), "it is behind nobody");
        assert_eq!(of(&[&behind, &pending, &mailbox]), Verdict::Wait(Why::Cloud));
        assert_eq!(waits_for([&done, &behind, &mailbox]), Some("gone"));
        assert_eq!(of(&[&done, &behind]), Verdict::Wait(Why::Behind));
        assert_eq!(of(&[&pending, &behind]), Verdict::Wait(Why::Pending));
        let mut given_up = mailbox.clone();
        given_up.error = Some(ResultError::new(ErrorClass::SessionLost, "the connection is out of order"));
        assert_eq!(of(&[&behind, &given_up]), Verdict::Wait(Why::Away));
    }

    #[test]
    fn waits_grow_and_an_account_is_not_locked() {
        let pending = Duration::from_secs(1800);
        assert_eq!(Why::Away.wait(1, pending, 1.0), Duration::from_secs(2));
        assert_eq!(Why::Away.wait(1, pending, 0.0), Duration::from_secs(1));
        assert_eq!(Why::Busy.wait(20, pending, 1.0), Duration::from_secs(60));
        assert_eq!(Why::Pending.wait(1, pending, 1.0), pending);
        let mailbox = [1, 2, 3, 6, u32::MAX].map(|tries| Why::Cloud.wait(tries, pending, 1.0).as_secs());
        assert_eq!(
            mailbox,
            [60, 120, 240, 1800, 1800],
            "sooner than synchronisation, and no run a minute for a day"
        );
        assert_eq!(Why::Cloud.wait(1, Duration::from_secs(1), 1.0), Duration::from_secs(1));
        assert!(Why::SignIn.wait(1, pending, 0.0) > Duration::from_secs(30 * 60));
    }
}
