//! `mailwright invoke`: calls that are refused before anything is contacted.

use super::{CANARY, Place};

#[test]
fn what_is_no_call() {
    let place = Place::new();
    place.run(&["invoke", "Mailbox"]).refuses(2, &["not the name of a cmdlet"]);
    place
        .run(&["invoke", "Get-Mailbox; Remove-Mailbox"])
        .refuses(2, &["not the name of a cmdlet", "scripts"]);
    place.run(&["invoke", "Get-Mailbox", "Identity="]).refuses(2, &["`Identity` is empty"]);
    place.run(&["invoke", "Set-Mailbox", "Identity=a", "Identity=b"]).refuses(2, &["twice"]);
    place
        .run(&["invoke", "New-Mailbox", "Name=a", &format!("Password={CANARY}")])
        .refuses(2, &["a secret must be a reference", "env:NAME"]);
    place
        .run(&["invoke", "New-Mailbox", "Name=a", "Password=env:NO_SUCH_VARIABLE"])
        .refuses(2, &["secret env:NO_SUCH_VARIABLE: the variable is not set"]);
}
