//! Provisioning orders as an agent of Usercube or Netwrix Identity Manager hands them to a PowerShell connector:
//! `{"ProvisioningOrdersList": [{"AssignedResourceTypeId", "ChangeType", "Owner", "ResourceType", "Changes", "Resource"}]}`.
//!
//! An order becomes the row of a flow: `Added` ensures, `Modified` updates, `Deleted` takes the mailbox from its user and
//! never deletes the user. A file that is no list of orders stops everything; what is wrong with an order refuses that order.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::row::Builder;
use super::{Flow, IntakeError, MAX_LENGTH, Row, decode, read_bytes};
use crate::config::document::{Kind, parse_json};

mod addresses;
mod lines;
mod order;
#[cfg(test)]
mod tests;

use lines::Lines;
pub use order::Order;
use order::Reader;

/// The member that makes a document a list of orders.
const LIST: &str = "ProvisioningOrdersList";
/// The folder beside orders where an agent finds those that were carried out.
pub const COMPLETED: &str = "Completed";
/// Most files of a folder that are read at once.
const MAX_FILES: usize = 100_000;
const ENCRYPTED: &str = "orders are one JSON document in UTF-8; what an agent has encrypted goes through its Usercube-Decrypt-File first";
/// The files that hold the orders: the one that is named, or every `*.json` of a folder by name. An agent's file names
/// begin with the time, so that is the order in which they were made.
///
/// # Errors
/// The folder cannot be read, or holds too many of them.
pub fn files(named: &Path) -> Result<Vec<PathBuf>, IntakeError> {
    let shown = named.display().to_string();
    let fault = |error: std::io::Error| IntakeError::new(&shown, 0, 0, format!("cannot be read: {error}"));
    if !std::fs::metadata(named).map_err(fault)?.is_dir() {
        return Ok(vec![named.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(named).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        if is_json && path.is_file() {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            let error = IntakeError::new(&shown, 0, 0, format!("more than {MAX_FILES} files of orders"));
            return Err(error.hint("hand them over in parts"));
        }
    }
    files.sort();
    Ok(files)
}

/// Reads the orders of several files as one flow, in which the files follow each other.
///
/// # Errors
/// A file cannot be read, or is no list of orders; nothing of the others is tried then.
pub fn read(named: &Path, files: &[PathBuf], run: Uuid) -> Result<(Flow, Vec<Order>), IntakeError> {
    let mut all = Flow { file: named.display().to_string(), ..Flow::default() };
    let mut orders = Vec::new();
    let mut left = MAX_LENGTH;
    for file in files {
        let file = file.display().to_string();
        let bytes = read_bytes(&file)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        left = left.checked_sub(length).ok_or_else(|| {
            let error = IntakeError::new(&file, 0, 0, "with it the orders are more than can be read at once");
            error.hint("hand them over in parts")
        })?;
        let (flow, some) = parse(&file, bytes, run)?;
        all.rows.extend(flow.rows);
        all.written.extend(flow.written);
        all.secrets.take(flow.secrets);
        orders.extend(some);
    }
    Ok((all, orders))
}

/// Where a file of orders is now: in its place, or put away.
pub(super) fn whereabouts(file: &str) -> Option<PathBuf> {
    let file = Path::new(file);
    let away = || file.parent().zip(file.file_name()).map(|(folder, name)| folder.join(COMPLETED).join(name));
    if file.exists() { Some(file.to_owned()) } else { away().filter(|file| file.exists()) }
}

/// Whether a document is a list of orders.
pub(super) fn is_one(text: &str) -> bool {
    text.trim_start().strip_prefix('{').is_some_and(|rest| {
        rest.trim_start()
            .strip_prefix('"')
            .is_some_and(|rest| rest.get(..LIST.len()).is_some_and(|name| name.eq_ignore_ascii_case(LIST)))
    })
}

/// Reads one file. Each order is a row, whose line is its number.
///
/// # Errors
/// It is no list of orders.
pub fn parse(file: &str, bytes: Vec<u8>, run: Uuid) -> Result<(Flow, Vec<Order>), IntakeError> {
    let text = SecretString::from(decode(file, bytes).map_err(|error| error.hint(ENCRYPTED))?);
    let text = text.expose_secret();
    let root = parse_json(text).map_err(|error| {
        let (line, column) = super::place(text.get(..error.offset).unwrap_or(text));
        IntakeError::new(file, line, column, error.message).hint(ENCRYPTED)
    })?;
    let not_orders = || {
        let hint = "orders are {\"ProvisioningOrdersList\": [{\"AssignedResourceTypeId\": \"1\", \"ChangeType\": \"Added\", ...}]}";
        IntakeError::new(file, 1, 1, "this is no list of orders").hint(hint)
    };
    let Kind::Table(members) = root.kind else { return Err(not_orders()) };
    let list =
        members.into_iter().find(|member| member.key.eq_ignore_ascii_case(LIST)).ok_or_else(not_orders)?;
    let Kind::List(list) = list.value.kind else { return Err(not_orders()) };
    let reader = Reader { file, text, lines: Lines::of(text), run };
    let mut builder = Builder::new(file, run);
    let orders = (1..).zip(list).map(|(number, node)| reader.order(number, node, &mut builder)).collect();
    let mut flow = builder.finish();
    for row in &mut flow.rows {
        if let Row::Refused(refused) = row {
            let number = refused.source.line;
            refused
                .problems
                .iter_mut()
                .for_each(|problem| problem.insert_str(0, &format!("order {number}: ")));
        }
    }
    Ok((flow, orders))
}
